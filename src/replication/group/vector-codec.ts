import type { Reader, Writer } from '../../base/codec.ts'
import { REPLICAS_MAX } from '../../crdt/limits.ts'
import { readReplica, replicaBytes } from '../../crdt/replica-bytes.ts'
import type { VectorEntry } from '../sync/frames.ts'

export function writeVector(writer: Writer, vector: readonly VectorEntry[]): void {
  writer.varint(vector.length)
  for (const { replica, n } of vector) writer.raw(replicaBytes(replica)).varint(n)
}

/** @throws {DecodeError} */
export function readVector(reader: Reader): readonly VectorEntry[] {
  const count = reader.varint(REPLICAS_MAX)
  const vector: VectorEntry[] = []
  for (let i = 0; i < count; i++) vector.push({ replica: readReplica(reader), n: reader.varint() })
  return vector
}
