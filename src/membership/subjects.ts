import { present } from '../base/assert.ts'
import { type PeerId, PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { peerIdFromPublicKey } from '../base/peer-id.ts'
import { columnLength, longerIntegers, longerNumbers } from './columns.ts'
import { KeyIndex } from './key-index.ts'
import { Pages } from './pages.ts'
import { RINGS, ringPositions } from './rings.ts'

/** More waste less, as long as most members stay; one key that stays keeps its page. */
const KEYS_PER_PAGE = 32
/** Measured on Node.js 24: id text, key, and what the map and the arrays take for one subject. */
const SUBJECT_OBJECT_BYTES = 300

/**
 * The public keys that tables know, each once: its number, peer id and places on the rings. Numbers
 * begin at 0 and are given again when no table knows the key any more.
 */
export class Subjects {
  readonly #network: string
  readonly #numbers = new Map<PeerId, number>()
  readonly #ids: (PeerId | undefined)[] = []
  readonly #keys: (Uint8Array | undefined)[] = []
  readonly #free: number[] = []
  readonly #keyPages = new Pages(KEYS_PER_PAGE * PUBLIC_KEY_BYTES)
  readonly #byKey = new KeyIndex((number) => this.#keys[number])
  #uses: Int32Array = new Int32Array(0)
  #positions: Float64Array = new Float64Array(0)

  constructor(network: string) {
    this.#network = network
  }

  /** All numbers given are below it. */
  get end(): number {
    return this.#ids.length
  }

  get allocatedBytes(): number {
    const columns = this.#uses.byteLength + this.#positions.byteLength
    return columns + this.#byKey.allocatedBytes + this.#numbers.size * SUBJECT_OBJECT_BYTES
  }

  /** One more table knows this key. */
  acquire(publicKey: Uint8Array): number {
    const number = this.#byKey.get(publicKey) ?? this.#add(this.#keyPages.copy(publicKey))
    this.#uses[number] = (this.#uses[number] ?? 0) + 1
    return number
  }

  release(number: number): void {
    const uses = (this.#uses[number] ?? 0) - 1
    this.#uses[number] = uses
    if (uses > 0) return
    this.#byKey.remove(this.keyOf(number))
    this.#numbers.delete(this.idOf(number))
    this.#ids[number] = undefined
    this.#keys[number] = undefined
    this.#free.push(number)
  }

  find(publicKey: Uint8Array): number | undefined {
    return this.#byKey.get(publicKey)
  }

  numberOf(peerId: PeerId): number | undefined {
    return this.#numbers.get(peerId)
  }

  idOf(number: number): PeerId {
    return present(this.#ids[number], 'a subject that some table knows')
  }

  keyOf(number: number): Uint8Array {
    return present(this.#keys[number], 'a subject that some table knows')
  }

  /** Where the subject stands on a ring: an integer below 2^48. */
  position(number: number, ring: number): number {
    return this.#positions[number * RINGS + ring] ?? 0
  }

  #add(publicKey: Uint8Array): number {
    const number = this.#free.pop() ?? this.#ids.length
    const peerId = peerIdFromPublicKey(publicKey)
    this.#ids[number] = peerId
    this.#keys[number] = publicKey
    this.#numbers.set(peerId, number)
    if (number >= this.#uses.length) {
      const length = columnLength(number + 1)
      this.#uses = longerIntegers(this.#uses, length)
      this.#positions = longerNumbers(this.#positions, length * RINGS)
    }
    this.#uses[number] = 0
    this.#positions.set(ringPositions(this.#network, publicKey), number * RINGS)
    this.#byKey.add(publicKey, number)
    return number
  }
}
