/**
 * Copies of short byte strings, many in one buffer: a buffer of its own costs each of them 200 bytes
 * more. A page is freed when nobody holds a view of it any more.
 */
export class Pages {
  readonly #pageBytes: number
  #page: Uint8Array = new Uint8Array(0)
  #used = 0
  #allocatedBytes = 0

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes
  }

  /** Of all pages since the beginning or the last start over. */
  get allocatedBytes(): number {
    return this.#allocatedBytes
  }

  /** A copy that nobody else writes to. */
  copy(bytes: Uint8Array): Uint8Array {
    if (this.#used + bytes.length > this.#page.length) {
      this.#page = new Uint8Array(Math.max(this.#pageBytes, bytes.length))
      this.#used = 0
      this.#allocatedBytes += this.#page.length
    }
    const copy = this.#page.subarray(this.#used, this.#used + bytes.length)
    copy.set(bytes)
    this.#used += bytes.length
    return copy
  }

  /** The next copy lies on a new page. */
  startOver(): void {
    this.#page = new Uint8Array(0)
    this.#used = 0
    this.#allocatedBytes = 0
  }
}
