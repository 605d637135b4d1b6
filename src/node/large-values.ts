/**
 * Values above 64 KiB: chunks that are immutable values, and a manifest under the key that lists their
 * hashes. Chunks go and come several at a time, each is checked by its hash, and a chunk that fails is
 * tried again by itself. The manifest is written last, so that a reader never sees half a value, and a
 * write that was cut off is finished by writing it again: replicas are asked about the first chunks, and
 * as long as they hold what they are asked about, nothing is sent to them.
 */
import { fromHex, hex } from '../base/bytes.ts'
import { HearsayError, QuorumError } from '../base/errors.ts'
import {
  CHUNK_BYTES,
  decodeManifest,
  encodeManifest,
  LARGE_VALUE_BYTES_MAX,
} from '../records/manifest.ts'

/** Chunks under way at a time: as many as keep two on their way to each of five replicas among eight members. */
const PARALLEL = 4
/** How often a chunk is tried. */
const TRIES = 4

/** Reads and writes of single immutable values. */
export interface ChunkStore {
  /** @param isAsked whether replicas are asked first, and not sent what they hold */
  put(chunk: Uint8Array, isAsked: boolean): Promise<StoredChunk>
  /** @param key the hash in hex */
  get(key: string): Promise<Uint8Array | undefined>
}

export interface StoredChunk {
  /** The hash in hex. */
  readonly key: string
  /** Replicas that held it before, if they were asked. */
  readonly held: number
}

/**
 * Stores the chunks of a value.
 * @returns the manifest
 * @throws {HearsayError} ERR_LIMIT above 64 MiB @throws {QuorumError}
 */
export async function putChunks(value: Uint8Array, store: ChunkStore): Promise<Uint8Array> {
  if (value.length > LARGE_VALUE_BYTES_MAX) {
    const message = `Cannot store a DHT value: expected at most ${LARGE_VALUE_BYTES_MAX} bytes: ${value.length}`
    throw new HearsayError('ERR_LIMIT', message, { hint: 'Split it over several keys' })
  }
  const count = Math.ceil(value.length / CHUNK_BYTES)
  let isResumed = true
  const chunks = await inParallel(count, async (index) => {
    const chunk = value.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
    const isAsked = isResumed
    const { key, held } = await again((tries) => store.put(chunk, isAsked || tries > 1))
    if (isAsked && held === 0) isResumed = false
    return fromHex(key) ?? new Uint8Array()
  })
  return encodeManifest({ bytes: value.length, chunks })
}

/**
 * The value that a manifest describes.
 * @throws {HearsayError} ERR_NOT_FOUND: a chunk is gone · ERR_STORE: the manifest is none
 */
export async function getChunks(manifest: Uint8Array, store: ChunkStore): Promise<Uint8Array> {
  const decoded = decodeManifest(manifest)
  if (!decoded.ok) {
    throw new HearsayError(
      'ERR_STORE',
      `Cannot read the value: its manifest is damaged: ${decoded.reason}`,
    )
  }
  const { bytes, chunkBytes, chunks } = decoded.value
  const value = new Uint8Array(bytes)
  let filled = 0
  await inParallel(chunks.length, async (index) => {
    const key = hex(chunks[index] ?? new Uint8Array())
    const part = await again(() => store.get(key))
    if (part === undefined) {
      const message = `Cannot read the value: chunk ${index + 1} of ${chunks.length} is not found`
      throw new HearsayError('ERR_NOT_FOUND', message, { hint: 'Store the value again' })
    }
    filled += part.length
    const at = index * chunkBytes
    if (at + part.length <= bytes) value.set(part, at)
  })
  if (filled === bytes) return value
  throw new HearsayError('ERR_STORE', `Cannot read the value: expected ${bytes} bytes: ${filled}`)
}

/** Calls for each index, several at a time; the first failure ends it. */
async function inParallel<Result>(
  count: number,
  call: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      results[index] = await call(index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, count) }, work))
  return results
}

/** Failures that another try may mend: too few replicas answered in time. */
async function again<Result>(call: (tries: number) => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await call(tries)
    } catch (error) {
      const isPassing =
        error instanceof QuorumError ||
        (error instanceof HearsayError && error.code === 'ERR_TIMEOUT')
      if (!isPassing || tries >= TRIES) throw error
    }
  }
}
