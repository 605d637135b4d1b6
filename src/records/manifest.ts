import { type Decoded, DecodeError, decode, Writer } from '../base/codec.ts'
import { IMMUTABLE_BYTES_MAX, VALUE_BYTES_MAX } from './record.ts'

/** Bytes of a chunk; the last one may be shorter. */
export const CHUNK_BYTES: number = IMMUTABLE_BYTES_MAX
/** Largest value that is kept in chunks. */
export const LARGE_VALUE_BYTES_MAX: number = 64 * 1024 * 1024
const HASH_BYTES = 32
const FORMAT = 2
/** Read, and no longer written: its chunks are smaller. */
const FORMAT_SMALL = 1
const SMALL_CHUNK_BYTES: number = VALUE_BYTES_MAX

/** What a value above 64 KiB consists of: immutable values, by their hashes, in order. */
export interface Manifest {
  readonly bytes: number
  /** Of each but the last. */
  readonly chunkBytes: number
  /** SHA-256 of each chunk. */
  readonly chunks: readonly Uint8Array[]
}

export function encodeManifest({ bytes, chunks }: Omit<Manifest, 'chunkBytes'>): Uint8Array {
  const writer = new Writer(16 + HASH_BYTES * chunks.length).uint8(FORMAT).varint(bytes)
  for (const hash of chunks) writer.raw(hash)
  return writer.finish()
}

/** Parses a manifest; the number of chunks follows from the bytes. */
export function decodeManifest(bytes: Uint8Array): Decoded<Manifest> {
  return decode(bytes, (reader) => {
    const format = reader.uint8()
    if (format !== FORMAT && format !== FORMAT_SMALL) {
      throw new DecodeError('unknown manifest format')
    }
    const total = reader.varint(LARGE_VALUE_BYTES_MAX)
    const chunkBytes = format === FORMAT ? CHUNK_BYTES : SMALL_CHUNK_BYTES
    const count = Math.ceil(total / chunkBytes)
    const chunks = Array.from({ length: count }, () => reader.raw(HASH_BYTES))
    reader.end()
    return { bytes: total, chunkBytes, chunks }
  })
}
