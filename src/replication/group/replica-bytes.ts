import { present } from '../../base/assert.ts'
import { fromHex, hex } from '../../base/bytes.ts'
import type { Reader } from '../../base/codec.ts'
import { parseReplicaId, type ReplicaId } from '../../base/ids.ts'

const REPLICA_BYTES = 16

/** The 16 bytes of a replica id. */
export function replicaBytes(replica: ReplicaId): Uint8Array {
  return present(fromHex(replica), 'hexadecimal of a replica id')
}

/** Reads the 16 bytes of a replica id. */
export function readReplica(reader: Reader): ReplicaId {
  return present(parseReplicaId(hex(reader.raw(REPLICA_BYTES))), 'replica id of 16 bytes')
}
