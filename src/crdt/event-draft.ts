import { type ByteView, byteView } from '../base/byte-view.ts'
import { hash32, hashLanes, LANE_LOW, mix32, mixNumber32 } from '../base/hash32.ts'
import { hasKey, hasPayload, hasStamp, KIND_COUNTER, KIND_NONE } from './kinds.ts'

const NO_BYTES: ByteView = byteView(new Uint8Array(0))

/** Two lanes of a 64-bit hash. */
export interface Lanes {
  readonly high: number
  readonly low: number
}

/** Of an event without entry, and of the object of one whose kind is unknown. */
export const NO_CONTENT: Lanes = { high: 0, low: 0 }

/**
 * One event on its way into the state and the log, filled anew for each: bytes stay where they are, so that
 * a million events make no garbage.
 */
export class EventDraft {
  kind: number = KIND_NONE
  /** Index of the object in the state; −1 without entry. */
  object = -1
  key: ByteView = NO_BYTES
  keyStart = 0
  keyEnd = 0
  payload: ByteView = NO_BYTES
  payloadStart = 0
  payloadEnd = 0
  stamp = 0
  /** Hash of the key, for the object's index. */
  keyHash = 0
  /** Hash of all that reads can tell apart but the dot. */
  high = 0
  low = 0
  /** Dots that die: interned writers and numbers; the first `killCount` count. */
  readonly killWriters: number[] = []
  readonly killDots: number[] = []
  killCount = 0
  readonly #part = { high: 0, low: 0 }
  /** Made when the first counter comes: most drafts never see one. */
  #writerKey: ByteView | undefined

  get keyBytes(): Uint8Array {
    return this.key.bytes
  }

  set keyBytes(bytes: Uint8Array) {
    this.key = byteView(bytes)
  }

  get payloadBytes(): Uint8Array {
    return this.payload.bytes
  }

  set payloadBytes(bytes: Uint8Array) {
    this.payload = byteView(bytes)
  }

  /** Starts over: an event that does nothing yet. */
  clear(): void {
    this.kind = KIND_NONE
    this.object = -1
    this.keyStart = 0
    this.keyEnd = 0
    this.payloadStart = 0
    this.payloadEnd = 0
    this.stamp = 0
    this.keyHash = 0
    this.high = 0
    this.low = 0
    this.killCount = 0
  }

  kill(writer: number, n: number): void {
    this.killWriters[this.killCount] = writer
    this.killDots[this.killCount] = n
    this.killCount += 1
  }

  /** Sets the key under which a counter keeps a writer's total: it never leaves the process. */
  keyByWriter(writer: number): void {
    this.#writerKey ??= byteView(new Uint8Array(4))
    this.#writerKey.view.setUint32(0, writer)
    this.key = this.#writerKey
    this.keyStart = 0
    this.keyEnd = 4
    this.rehashKey()
  }

  /** Computes the key's hash alone. */
  rehashKey(): void {
    this.keyHash = hash32(this.key.view, this.keyStart, this.keyEnd, LANE_LOW)
  }

  /**
   * Computes the hash of the content and, except for a counter's, of the key.
   * @param object hash of the object's name and type
   */
  seal(object: Lanes): void {
    const { kind } = this
    const part = this.#part
    let high = mix32(object.high, kind)
    let low = mix32(object.low, kind)
    if (hasKey(kind)) {
      hashLanes(this.key.view, this.keyStart, this.keyEnd, part)
      this.keyHash = part.low
      high = mix32(high, part.high)
      low = mix32(low, part.low)
    } else if (kind !== KIND_COUNTER) this.rehashKey()
    if (hasPayload(kind)) {
      hashLanes(this.payload.view, this.payloadStart, this.payloadEnd, part)
      high = mix32(high, part.high)
      low = mix32(low, part.low)
    }
    if (hasStamp(kind)) {
      high = mixNumber32(high, this.stamp)
      low = mixNumber32(low, this.stamp)
    }
    this.high = high
    this.low = low
  }
}
