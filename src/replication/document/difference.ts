import { concatBytes } from '../../base/bytes.ts'
import { type Decoded, DecodeError, decode, Writer } from '../../base/codec.ts'
import { hashLanes } from '../../base/hash32.ts'
import { RUN_BYTES_MAX } from '../../crdt/limits.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { type BaseWriter, readHead, writeHead } from '../base/base.ts'
import { type Block, readBlocks, writeBlocks } from './living.ts'

/*
 * What one document gives another: the events that it lacks, or, where the log does not reach back, all that
 * lives.
 *
 *   version (1) · head of a base, of no writers where there is none · its blocks, see living.ts ·
 *   runs: number, then each with its length · checksum: both lanes of the hash of all before (8)
 */

export interface Difference {
  readonly head: readonly BaseWriter[]
  readonly blocks: readonly Block[]
  readonly runs: readonly Uint8Array[]
}

const VERSION = 1
const CHECKSUM_BYTES = 8
/** More than fit the bytes of any message that a platform can hold. */
const RUNS_MAX: number = 2 ** 31

/** Events, as runs. */
export function encodeEvents(runs: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer(1024).uint8(VERSION)
  writeHead(writer, [])
  writer.varint(runs.length)
  for (const run of runs) writer.bytes(run)
  return sealed(writer.finish())
}

/** All that lives. */
export function encodeLiving(state: LiveState, head: readonly BaseWriter[]): Uint8Array {
  const writer = new Writer(1024).uint8(VERSION)
  writeHead(writer, head)
  writeBlocks(writer, state, head)
  return sealed(writer.varint(0).finish())
}

/** Reads what somebody else wrote; its parts are views. Never throws. */
export function decodeDifference(bytes: Uint8Array): Decoded<Difference> {
  return decode(bytes, (reader) => {
    const body = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_BYTES))
    if (reader.uint8() !== VERSION) throw new DecodeError('unknown version')
    const head = readHead(reader)
    const blocks = readBlocks(reader, head)
    const runs: Uint8Array[] = []
    for (let left = reader.varint(RUNS_MAX); left > 0; left--)
      runs.push(reader.bytes(RUN_BYTES_MAX))
    const stored = reader.raw(CHECKSUM_BYTES)
    reader.end()
    if (!checksum(body).every((byte, i) => byte === stored[i])) {
      throw new DecodeError('checksum differs')
    }
    return { head, blocks, runs }
  })
}

function sealed(body: Uint8Array): Uint8Array {
  return concatBytes([body, checksum(body)])
}

function checksum(bytes: Uint8Array): Uint8Array {
  const lanes = { high: 0, low: 0 }
  hashLanes(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, lanes)
  return new Writer(CHECKSUM_BYTES)
    .uint32(lanes.high >>> 0)
    .uint32(lanes.low >>> 0)
    .finish()
}
