import { present } from '../base/assert.ts'
import { fromHex, hex } from '../base/bytes.ts'
import type { Reader } from '../base/codec.ts'
import { parseReplicaId, type ReplicaId } from '../base/ids.ts'
import { REPLICA_BYTES } from './run-format.ts'

/** The 16 bytes of a replica id. */
export function replicaBytes(replica: ReplicaId): Uint8Array {
  return present(fromHex(replica), 'hexadecimal of a replica id')
}

/** The replica id of 16 bytes. */
export function replicaOf(bytes: Uint8Array): ReplicaId {
  return present(parseReplicaId(hex(bytes)), 'replica id of 16 bytes')
}

/** Reads the 16 bytes of a replica id. */
export function readReplica(reader: Reader): ReplicaId {
  return replicaOf(reader.raw(REPLICA_BYTES))
}
