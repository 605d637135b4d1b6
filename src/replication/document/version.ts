import { DecodeError, decode, Writer } from '../../base/codec.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { readVector, writeVector } from '../group/vector-codec.ts'

/** What a document has seen: how many events of each replica. */
export type Version = ReadonlyMap<ReplicaId, number>

const VERSION = 1

/** A version as bytes, for another document to say what is missing. */
export function encodeVersion(version: Version): Uint8Array {
  const writer = new Writer(256).uint8(VERSION)
  writeVector(
    writer,
    [...version].map(([replica, n]) => ({ replica, n })),
  )
  return writer.finish()
}

/** Reads a version that somebody else wrote; undefined when it is none. Never throws. */
export function decodeVersion(bytes: Uint8Array): Version | undefined {
  const decoded = decode(bytes, (reader) => {
    if (reader.uint8() !== VERSION) throw new DecodeError('unknown version')
    const entries = readVector(reader)
    reader.end()
    const version = new Map(entries.map(({ replica, n }) => [replica, n]))
    if (version.size < entries.length) throw new DecodeError('replica has a second spelling')
    return version
  })
  return decoded.ok ? decoded.value : undefined
}
