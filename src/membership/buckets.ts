import { Writer } from '../base/codec.ts'
import { sha256 } from '../base/hash.ts'
import { BUCKET_HASH_BYTES, BUCKETS, type DigestClaim } from './frame.ts'

const WORDS = 2

/** The part of the view that a member belongs to. */
export function bucketOf(publicKey: Uint8Array): number {
  return (publicKey[0] ?? 0) % BUCKETS
}

/** One hash of 8 bytes over each part of a table: the exclusive or of its members' hashes. */
export class Buckets {
  readonly #words: Int32Array = new Int32Array(BUCKETS * WORDS)

  /** Adds or takes away one member's hash: exclusive or is its own inverse. */
  toggle(bucket: number, hashes: Int32Array, at: number): void {
    const to = bucket * WORDS
    this.#words[to] = (this.#words[to] ?? 0) ^ (hashes[at] ?? 0)
    this.#words[to + 1] = (this.#words[to + 1] ?? 0) ^ (hashes[at + 1] ?? 0)
  }

  /** The hash over all of them. */
  whole(): Uint8Array {
    const sum = new Int32Array(WORDS)
    for (let i = 0; i < this.#words.length; i++) {
      sum[i % WORDS] = (sum[i % WORDS] ?? 0) ^ (this.#words[i] ?? 0)
    }
    return bytesOf(sum)
  }

  /** All of them, concatenated. */
  bytes(): Uint8Array {
    return bytesOf(this.#words)
  }
}

/** The view of one digest claim: 8 bytes of SHA-256 as two words. */
export function hashOfDigest(claim: DigestClaim): Int32Array {
  const bytes = new Writer(80)
    .raw(claim.subject)
    .varint(claim.epoch)
    .varint(claim.counter)
    .raw(claim.digest)
    .finish()
  const hash = sha256(bytes)
  const view = new DataView(hash.buffer, hash.byteOffset, BUCKET_HASH_BYTES)
  return Int32Array.of(view.getInt32(0), view.getInt32(4))
}

/** Words as big-endian bytes. */
export function bytesOf(words: Int32Array): Uint8Array {
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < words.length; i++) view.setInt32(4 * i, words[i] ?? 0)
  return bytes
}
