import { present } from '../base/assert.ts'
import { equalBytes, fromHex, hex } from '../base/bytes.ts'
import type { Reader } from '../base/codec.ts'
import type { ReplicaId } from '../base/ids.ts'
import { REPLICA_BYTES } from './run-format.ts'

/** The 16 bytes of a replica id. */
export function replicaBytes(replica: ReplicaId): Uint8Array {
  return present(fromHex(replica), 'replica id')
}

/** What was asked for last: most that comes in a row is of one writer, and text is dear to make. */
let lastBytes = new Uint8Array(REPLICA_BYTES)
let lastId = hex(lastBytes) as ReplicaId

/** @param bytes 16 */
export function replicaOf(bytes: Uint8Array): ReplicaId {
  if (!equalBytes(bytes, lastBytes)) {
    lastBytes = bytes.slice()
    lastId = hex(bytes) as ReplicaId
  }
  return lastId
}

/** Reads the 16 bytes of a replica id. */
export function readReplica(reader: Reader): ReplicaId {
  return replicaOf(reader.raw(REPLICA_BYTES))
}
