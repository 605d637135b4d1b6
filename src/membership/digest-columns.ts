import { Buckets, hashOfDigest } from './buckets.ts'
import { longerBytes, longerIntegers, longerNumbers } from './columns.ts'
import { DIGEST_BYTES, type OwnDigest } from './frame.ts'
import type { KnownRecord } from './known-record.ts'
import type { KnownDigest, Row } from './row.ts'

const NONE = 0
const HEARSAY = 1
const DIRECT = 2
/** Two words a hash. */
const WORDS = 2

/**
 * The digests that members told, by row of a table, with a hash of each and one over each bucket. The columns
 * are empty until the first digest comes: networks without replicated state tell none.
 */
export class DigestColumns {
  readonly #buckets = new Buckets()
  /** Rows of the table, whether there are columns or not. */
  #length = 0
  #kinds: Uint8Array = new Uint8Array(0)
  #counters: Float64Array = new Float64Array(0)
  #digests: Uint8Array = new Uint8Array(0)
  #hashes: Int32Array = new Int32Array(0)

  get allocatedBytes(): number {
    const columns = [this.#kinds, this.#counters, this.#digests, this.#hashes]
    return columns.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  get buckets(): Buckets {
    return this.#buckets
  }

  /** Two words a row; empty without digests. */
  get hashes(): Int32Array {
    return this.#hashes
  }

  lengthen(length: number): void {
    this.#length = length
    if (this.#kinds.length > 0) this.#allocate()
  }

  set({ index, bucket }: Row, digest: KnownDigest | undefined): void {
    this.#buckets.toggle(bucket, this.#hashes, index * WORDS)
    this.#hashes.fill(0, index * WORDS, index * WORDS + WORDS)
    this.#kinds[index] = NONE
    if (digest === undefined) return
    if (this.#kinds.length === 0) this.#allocate()
    this.#kinds[index] = digest.isDirect ? DIRECT : HEARSAY
    this.#counters[index] = digest.counter
    this.#digests.set(digest.digest, index * DIGEST_BYTES)
    this.#hashes.set(hashOfDigest(digest), index * WORDS)
    this.#buckets.toggle(bucket, this.#hashes, index * WORDS)
  }

  at(index: number, record: KnownRecord): KnownDigest | undefined {
    const kind = this.#kinds[index] ?? NONE
    if (kind === NONE) return undefined
    return {
      subject: record.publicKey,
      epoch: record.epoch,
      counter: this.#counters[index] ?? 0,
      digest: this.#digests.slice(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
      isDirect: kind === DIRECT,
    }
  }

  /** Whether a member itself told us exactly this digest last. */
  isDirect({ index, known }: Row, { epoch, counter, digest }: OwnDigest): boolean {
    if (this.#kinds[index] !== DIRECT || known.epoch !== epoch) return false
    if (this.#counters[index] !== counter) return false
    for (let i = 0; i < DIGEST_BYTES; i++) {
      if (this.#digests[index * DIGEST_BYTES + i] !== digest?.[i]) return false
    }
    return true
  }

  #allocate(): void {
    const length = this.#length
    this.#kinds = longerBytes(this.#kinds, length)
    this.#counters = longerNumbers(this.#counters, length)
    this.#digests = longerBytes(this.#digests, length * DIGEST_BYTES)
    this.#hashes = longerIntegers(this.#hashes, length * WORDS)
  }
}
