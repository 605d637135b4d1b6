import { type Decoded, DecodeError } from '../base/codec.ts'
import type { Lanes } from './event-draft.ts'
import { RUN_BYTES_MAX, RUN_EVENTS_MAX } from './limits.ts'
import { replicaOf } from './replica-bytes.ts'
import { RunBytes } from './run-bytes.ts'
import {
  CHAIN_BYTES,
  MODE_ENTRIES,
  REPLICA_BYTES,
  RUN_VERSION,
  type RunHead,
} from './run-format.ts'

const NUMBER_MAX = Number.MAX_SAFE_INTEGER
const HEAD_BYTES_MIN = 1 + REPLICA_BYTES + 3

/** Reads who wrote which dots, without the events. Never throws. */
export function decodeRunHead(bytes: Uint8Array): Decoded<RunHead> {
  try {
    return { ok: true, value: readRunHead(bytes, new RunBytes()) }
  } catch (error) {
    if (error instanceof DecodeError) return { ok: false, reason: error.message }
    throw error
  }
}

/** @param source is at what follows the head afterwards @throws {DecodeError} */
export function readRunHead(bytes: Uint8Array, source: RunBytes): RunHead {
  if (bytes.length > RUN_BYTES_MAX) throw new DecodeError('run too long')
  if (bytes.length < HEAD_BYTES_MIN) throw new DecodeError('bytes end early')
  const version = bytes[0] ?? 0
  if ((version & ~MODE_ENTRIES) !== RUN_VERSION) throw new DecodeError('unknown run version')
  const isEntries = (version & MODE_ENTRIES) !== 0
  const replica = replicaOf(bytes.subarray(1, 1 + REPLICA_BYTES))
  source.begin(bytes, 1 + REPLICA_BYTES, bytes.length)
  const n0 = source.varint(NUMBER_MAX)
  const count = source.varint(isEntries ? NUMBER_MAX : RUN_EVENTS_MAX)
  const stamp = source.varint(NUMBER_MAX)
  if (n0 === 0 || count === 0) throw new DecodeError('run without dots')
  if (!Number.isSafeInteger(n0 + count)) throw new DecodeError('number above its limit')
  if (!isEntries) source.end -= CHAIN_BYTES
  if (source.left < 0) throw new DecodeError('bytes end early')
  return { replica, n0, count, isEntries, stamp }
}

/** The chain that a run in log mode ends with. */
export function chainAfter(bytes: Uint8Array): Lanes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { high: view.getInt32(bytes.length - 8), low: view.getInt32(bytes.length - 4) }
}
