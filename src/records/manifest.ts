import { type Decoded, DecodeError, decode, Writer } from '../base/codec.ts'
import { VALUE_BYTES_MAX } from './record.ts'

/** Bytes of a chunk; the last one may be shorter. */
export const CHUNK_BYTES: number = VALUE_BYTES_MAX
/** Largest value that is kept in chunks. */
export const LARGE_VALUE_BYTES_MAX: number = 64 * 1024 * 1024
const CHUNKS_MAX: number = LARGE_VALUE_BYTES_MAX / CHUNK_BYTES
const HASH_BYTES = 32
const FORMAT = 1

/** What a value above 64 KiB consists of: immutable values, by their hashes, in order. */
export interface Manifest {
  readonly bytes: number
  /** SHA-256 of each chunk. */
  readonly chunks: readonly Uint8Array[]
}

export function encodeManifest({ bytes, chunks }: Manifest): Uint8Array {
  const writer = new Writer(16 + HASH_BYTES * chunks.length).uint8(FORMAT).varint(bytes)
  for (const hash of chunks) writer.raw(hash)
  return writer.finish()
}

/** Parses a manifest; the number of chunks follows from the bytes. */
export function decodeManifest(bytes: Uint8Array): Decoded<Manifest> {
  return decode(bytes, (reader) => {
    if (reader.uint8() !== FORMAT) throw new DecodeError('unknown manifest format')
    const total = reader.varint(LARGE_VALUE_BYTES_MAX)
    const count = Math.ceil(total / CHUNK_BYTES)
    if (count > CHUNKS_MAX) throw new DecodeError('too many chunks')
    const chunks = Array.from({ length: count }, () => reader.raw(HASH_BYTES))
    reader.end()
    return { bytes: total, chunks }
  })
}
