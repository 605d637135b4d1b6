import { hash32, LANE_LOW } from '../base/hash32.ts'
import { Arena } from './arena.ts'
import type { EventDraft } from './event-draft.ts'
import { hasStamp, KIND_SET } from './kinds.ts'
import { readVarint, varintLength, writeVarint } from './varint.ts'

/*
 * A live entry's record: 2 × object, + 1 unless it is a set (varint) · key length · key · unless it is a
 * set: kind (1) · stamp (8, where the kind has one) · payload length · payload.
 */

/** The parts of a record that was read; offsets into `bytes`. */
export interface RecordView {
  bytes: Uint8Array
  object: number
  kind: number
  keyStart: number
  keyEnd: number
  stamp: number
  payloadStart: number
  payloadEnd: number
  end: number
}

/** Contents of live entries as bytes. */
export class Records {
  readonly arena: Arena = new Arena()
  readonly #cursor = { at: 0 }
  readonly #key = { at: 0, length: 0 }
  readonly #stampBytes = new Uint8Array(8)
  readonly #stampView = new DataView(this.#stampBytes.buffer)

  /** A view to be filled by {@link read}. */
  newView(): RecordView {
    const bytes = new Uint8Array(0)
    return {
      bytes,
      object: 0,
      kind: 0,
      keyStart: 0,
      keyEnd: 0,
      stamp: 0,
      payloadStart: 0,
      payloadEnd: 0,
      end: 0,
    }
  }

  /** Stores what an event says. @returns the record's position */
  add(object: number, event: EventDraft): number {
    const { kind, keyBytes, keyStart, keyEnd } = event
    const keyLength = keyEnd - keyStart
    const payloadLength = event.payloadEnd - event.payloadStart
    const head = object * 2 + (kind === KIND_SET ? 0 : 1)
    let length = varintLength(head) + varintLength(keyLength) + keyLength
    if (kind !== KIND_SET) {
      length += 1 + (hasStamp(kind) ? 8 : 0) + varintLength(payloadLength) + payloadLength
    }
    const position = this.arena.append(length)
    const bytes = this.arena.bytesOf(position)
    let at = writeVarint(bytes, this.arena.offsetOf(position), head)
    at = writeVarint(bytes, at, keyLength)
    for (let i = keyStart; i < keyEnd; i++) bytes[at++] = keyBytes[i] ?? 0
    if (kind === KIND_SET) return position
    bytes[at++] = kind
    if (hasStamp(kind)) {
      this.#stampView.setFloat64(0, event.stamp)
      bytes.set(this.#stampBytes, at)
      at += 8
    }
    at = writeVarint(bytes, at, payloadLength)
    const { payloadBytes, payloadStart, payloadEnd } = event
    if (payloadLength < 32) {
      for (let i = payloadStart; i < payloadEnd; i++) bytes[at++] = payloadBytes[i] ?? 0
    } else bytes.set(payloadBytes.subarray(payloadStart, payloadEnd), at)
    return position
  }

  read(position: number, view: RecordView): void {
    this.readAt(this.arena.bytesOf(position), this.arena.offsetOf(position), view)
  }

  readAt(bytes: Uint8Array, start: number, view: RecordView): void {
    const cursor = this.#cursor
    cursor.at = start
    view.bytes = bytes
    const head = readVarint(bytes, cursor)
    view.object = Math.floor(head / 2)
    const keyLength = readVarint(bytes, cursor)
    view.keyStart = cursor.at
    view.keyEnd = cursor.at + keyLength
    view.end = view.keyEnd
    view.kind = KIND_SET
    view.payloadStart = view.end
    view.payloadEnd = view.end
    if (head % 2 === 0) return
    let at = view.keyEnd
    view.kind = bytes[at++] ?? 0
    if (hasStamp(view.kind)) {
      this.#stampBytes.set(bytes.subarray(at, at + 8))
      view.stamp = this.#stampView.getFloat64(0)
      at += 8
    }
    cursor.at = at
    const payloadLength = readVarint(bytes, cursor)
    view.payloadStart = cursor.at
    view.payloadEnd = cursor.at + payloadLength
    view.end = view.payloadEnd
  }

  /** Whether a record's key is these bytes. */
  keyEquals(position: number, key: Uint8Array, start: number, end: number): boolean {
    const bytes = this.#toKey(position)
    const { at, length } = this.#key
    if (length !== end - start) return false
    for (let i = 0; i < length; i++) {
      if (bytes[at + i] !== key[start + i]) return false
    }
    return true
  }

  /** A copy of a record's key. */
  keyOf(position: number): Uint8Array {
    const bytes = this.#toKey(position)
    return bytes.slice(this.#key.at, this.#key.at + this.#key.length)
  }

  /** The hash by which an index finds a record's key. */
  keyHash(position: number): number {
    const bytes = this.#toKey(position)
    const { at, length } = this.#key
    return hash32(bytes, at, at + length, LANE_LOW)
  }

  #toKey(position: number): Uint8Array {
    const bytes = this.arena.bytesOf(position)
    const cursor = this.#cursor
    cursor.at = this.arena.offsetOf(position)
    readVarint(bytes, cursor)
    this.#key.length = readVarint(bytes, cursor)
    this.#key.at = cursor.at
    return bytes
  }

  /** Copies a record as it is. @returns its new position */
  copy(view: RecordView, start: number): number {
    const length = view.end - start
    const { bytes } = view
    const position = this.arena.append(length)
    const to = this.arena.bytesOf(position)
    to.set(bytes.subarray(start, view.end), this.arena.offsetOf(position))
    return position
  }
}
