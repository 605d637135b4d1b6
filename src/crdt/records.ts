import { type ByteView, copyRange, equalRange } from '../base/byte-view.ts'
import { hash32, LANE_LOW } from '../base/hash32.ts'
import { Arena } from './arena.ts'
import type { EventDraft } from './event-draft.ts'
import { hasStamp, KIND_SET } from './kinds.ts'
import { readVarint, varintLength, writeVarint } from './varint.ts'

/*
 * A live entry's record: 2 × object + 2, + 1 unless it is a set (varint) · key length · key · unless it is a
 * set: kind (1) · stamp (8, where the kind has one) · payload length · payload.
 * A dead one: 0 · its length in bytes.
 */

/** Contents of live entries as bytes. */
export class Records {
  readonly arena: Arena = new Arena()
  readonly #cursor = { at: 0 }
  #keyLength = 0

  /** Stores what an event says. @returns the record's position */
  add(object: number, event: EventDraft): number {
    const { kind, key, keyStart, keyEnd, payload, payloadStart, payloadEnd } = event
    const keyLength = keyEnd - keyStart
    const payloadLength = payloadEnd - payloadStart
    const head = object * 2 + (kind === KIND_SET ? 2 : 3)
    const withStamp = hasStamp(kind)
    let length = varintLength(head) + varintLength(keyLength) + keyLength
    if (kind !== KIND_SET) {
      length += 1 + (withStamp ? 8 : 0) + varintLength(payloadLength) + payloadLength
    }
    const position = this.arena.append(length)
    const into = this.arena.at(position)
    const { bytes } = into
    let at = writeVarint(bytes, this.arena.offsetOf(position), head)
    at = writeVarint(bytes, at, keyLength)
    at = copyRange(key, keyStart, keyEnd, into, at)
    if (kind === KIND_SET) return position
    bytes[at++] = kind
    if (withStamp) {
      into.view.setFloat64(at, event.stamp)
      at += 8
    }
    at = writeVarint(bytes, at, payloadLength)
    copyRange(payload, payloadStart, payloadEnd, into, at)
    return position
  }

  /** Fills a draft with a record, unsealed and without kills. */
  read(position: number, draft: EventDraft): void {
    this.readAt(this.arena.at(position), this.arena.offsetOf(position), draft)
  }

  /** Fills a draft with a live record. @returns the offset after it */
  readAt(from: ByteView, start: number, draft: EventDraft): number {
    const { bytes, view } = from
    const cursor = this.#cursor
    cursor.at = start
    const head = readVarint(bytes, cursor)
    const keyLength = readVarint(bytes, cursor)
    const keyEnd = cursor.at + keyLength
    draft.object = (head >>> 1) - 1
    draft.killCount = 0
    draft.key = from
    draft.keyStart = cursor.at
    draft.keyEnd = keyEnd
    draft.payload = from
    if (head % 2 === 0) {
      draft.kind = KIND_SET
      draft.payloadStart = keyEnd
      draft.payloadEnd = keyEnd
      return keyEnd
    }
    const kind = bytes[keyEnd] ?? 0
    draft.kind = kind
    cursor.at = keyEnd + 1
    if (hasStamp(kind)) {
      draft.stamp = view.getFloat64(cursor.at)
      cursor.at += 8
    }
    const payloadLength = readVarint(bytes, cursor)
    draft.payloadStart = cursor.at
    draft.payloadEnd = cursor.at + payloadLength
    return draft.payloadEnd
  }

  /** Length of the dead record at an offset, or 0 when it is live. */
  deadLength(bytes: Uint8Array, start: number): number {
    if (bytes[start] !== 0) return 0
    this.#cursor.at = start + 1
    return readVarint(bytes, this.#cursor)
  }

  /** Gives up a record that was read; Arena.sparse() tells what that may be a reason to do. */
  release(position: number, length: number): void {
    const { bytes } = this.arena.at(position)
    const start = this.arena.offsetOf(position)
    bytes[start] = 0
    writeVarint(bytes, start + 1, length)
    this.arena.release(position, length)
  }

  /** Whether a record that was read lies under the object and key of an event. */
  isOfSameKey(record: EventDraft, { object, key, keyStart, keyEnd }: EventDraft): boolean {
    const length = keyEnd - keyStart
    return (
      record.object === object &&
      record.keyEnd - record.keyStart === length &&
      equalRange(record.key.view, record.keyStart, key.view, keyStart, length)
    )
  }

  /** Has a record that was read say what an event of the same key says; false when it has no room. */
  rewrite(record: EventDraft, event: EventDraft): boolean {
    const { kind, payload, payloadStart, payloadEnd } = event
    const room = record.payloadEnd - record.payloadStart
    if (record.kind !== kind || room !== payloadEnd - payloadStart) return false
    const { view } = record.payload
    if (hasStamp(kind)) view.setFloat64(record.keyEnd + 1, event.stamp)
    copyRange(payload, payloadStart, payloadEnd, record.payload, record.payloadStart)
    return true
  }

  /** Whether a record's key is these bytes. */
  keyEquals(position: number, key: DataView, start: number, end: number): boolean {
    const { bytes, view } = this.arena.at(position)
    const at = this.#toKey(bytes, this.arena.offsetOf(position))
    const length = this.#keyLength
    return length === end - start && equalRange(view, at, key, start, length)
  }

  /** Where a record's key lies. */
  keyOf(position: number): {
    readonly view: DataView
    readonly start: number
    readonly end: number
  } {
    const { bytes, view } = this.arena.at(position)
    const start = this.#toKey(bytes, this.arena.offsetOf(position))
    return { view, start, end: start + this.#keyLength }
  }

  /** The hash by which an index finds a record's key. */
  keyHash(position: number): number {
    const { view, start, end } = this.keyOf(position)
    return hash32(view, start, end, LANE_LOW)
  }

  /** Copies a record as it is. @returns its new position */
  copy(from: ByteView, start: number, end: number): number {
    const position = this.arena.append(end - start)
    copyRange(from, start, end, this.arena.at(position), this.arena.offsetOf(position))
    return position
  }

  /** Notes a key's length. @returns where it starts */
  #toKey(bytes: Uint8Array, start: number): number {
    const head = bytes[start] ?? 0
    const length = bytes[start + 1] ?? 0
    if (head < 0x80 && length < 0x80) {
      this.#keyLength = length
      return start + 2
    }
    const cursor = this.#cursor
    cursor.at = start
    readVarint(bytes, cursor)
    this.#keyLength = readVarint(bytes, cursor)
    return cursor.at
  }
}
