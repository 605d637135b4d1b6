import { type ByteView, byteView, copyRange } from '../base/byte-view.ts'
import { utf8 } from '../base/bytes.ts'
import type { ReplicaId } from '../base/ids.ts'
import type { EventDraft, Lanes } from './event-draft.ts'
import {
  hasKey,
  hasPayload,
  KIND_COUNTER,
  KIND_MAP_COUNTER,
  KIND_NONE,
  KIND_UNKNOWN,
} from './kinds.ts'
import { replicaBytes } from './replica-bytes.ts'
import {
  CHAIN_BYTES,
  KILLS_LIST,
  KILLS_NONE,
  KILLS_ONE,
  MODE_ENTRIES,
  REPEATS_MAX,
  REPLICA_BYTES,
  RUN_VERSION,
  STARTS_LATER,
  STARTS_NEXT,
  STARTS_NO,
} from './run-format.ts'
import { writeVarint } from './varint.ts'

const INITIAL_BYTES = 256
const HEAD_BYTES_MAX = 1 + REPLICA_BYTES + 3 * 8
/** Longer keys share what they share up to here. */
export const SHARED_BYTES_MAX = 255
/** Key bytes written twice before a new group is tried. */
const WASTE_MAX = 2
/** The same where the last group with a longer prefix did not last: opening it and another after it is dear. */
const WASTE_MAX_PATIENT = 8
/** What opening two groups costs. */
const TWO_GROUPS_BYTES = 6

/** Who the numbers in events stand for. */
export interface RunNames {
  /** An object's name; numbers keep their meaning while a run is open. */
  objectName(object: number): string
  replicaAt(replica: number): ReplicaId
}

/** Encodes events of one replica as a run, see run-format.ts. Used again for the next run. */
export class RunWriter {
  readonly #names: RunNames
  #out: ByteView = byteView(new Uint8Array(INITIAL_BYTES))
  #bytes = this.#out.bytes
  #at = 0
  #writer = 0
  #n0 = 0
  #count = 0
  #stamp0 = 0
  #killed = 0
  #isEntries = false
  readonly #objects = new Map<number, number>()
  readonly #replicas = new Map<number, number>()
  #lastObject = -1
  #lastStamp = 0
  #lastKey: ByteView = byteView(new Uint8Array(64))
  #lastKeyLength = 0
  #lastKillWriter = 0
  #lastKillDot = 0
  /** Where the open group's repeat count lies; −1 when none is open. */
  #repeatsAt = -1
  #kind = 0
  #kills = 0
  #starts = 0
  #prefix = 0
  #waste = 0
  #wasteMax = WASTE_MAX
  /** By how much the open group's prefix is longer than the one before, which fitted too. */
  #gain = 0

  constructor(names: RunNames) {
    this.#names = names
  }

  /** Dots covered so far. */
  get count(): number {
    return this.#count
  }

  /** Encoded bytes so far, without head and chain. */
  get length(): number {
    return this.#at
  }

  get n0(): number {
    return this.#n0
  }

  /** Dots killed so far. */
  get killed(): number {
    return this.#killed
  }

  get lastStamp(): number {
    return this.#lastStamp
  }

  /** Starts a run. @param writer interned @param stamp at most the first transaction's */
  begin(writer: number, n0: number, stamp: number, isEntries: boolean = false): void {
    this.#at = 0
    this.#writer = writer
    this.#n0 = n0
    this.#count = 0
    this.#killed = 0
    this.#stamp0 = stamp
    this.#isEntries = isEntries
    this.#wasteMax = WASTE_MAX
    this.#gain = 0
    this.#objects.clear()
    this.#replicas.clear()
    this.#replicas.set(writer, 0)
    this.#lastObject = -1
    this.#lastStamp = stamp
    this.#lastKeyLength = 0
    this.#lastKillWriter = writer
    this.#lastKillDot = n0
    this.#repeatsAt = -1
  }

  /** Whether the next transaction's stamp can follow. */
  fits(stamp: number): boolean {
    return stamp >= this.#lastStamp
  }

  /** Adds the next event. @param starts whether it is the first of a transaction */
  add(event: EventDraft, starts: boolean): void {
    const { kind } = event
    const killMode =
      event.killCount === 0
        ? KILLS_NONE
        : event.killCount === 1 && event.killWriters[0] === this.#lastKillWriter
          ? KILLS_ONE
          : KILLS_LIST
    const isNext = event.stamp === this.#lastStamp + 1
    const startMode = starts ? (isNext ? STARTS_NEXT : STARTS_LATER) : STARTS_NO
    const keyLength = hasKey(kind) ? event.keyEnd - event.keyStart : 0
    this.#reserve(keyLength + event.payloadEnd - event.payloadStart + 64)
    const shared = hasKey(kind) ? this.#sharedPrefix(event, keyLength) : 0
    if (this.#repeats(event, killMode, startMode, keyLength, shared)) {
      this.#bytes[this.#repeatsAt] = (this.#bytes[this.#repeatsAt] ?? 0) + 1
      this.#waste = shared === this.#prefix ? 0 : this.#waste + shared - this.#prefix
    } else this.#openGroup(event, killMode, startMode, keyLength, shared)
    if (starts) this.#lastStamp = event.stamp
    this.#count += 1
    this.#killed += event.killCount
    if (hasKey(kind)) this.#writeKey(event, keyLength)
    if (hasPayload(kind)) this.#writePayload(event)
    if (killMode === KILLS_ONE) this.#writeKill(event.killDots[0] ?? 0)
    else if (killMode === KILLS_LIST) this.#writeKills(event)
  }

  /** Entries mode: passes over dots without a live entry. */
  skip(dots: number): void {
    if (dots === 0) return
    this.#reserve(16)
    this.#bytes[this.#at++] = 0
    this.#at = writeVarint(this.#bytes, this.#at, dots)
    this.#count += dots
    this.#repeatsAt = -1
  }

  /** The run as bytes. @param chain the writer's after the last event; none in entries mode */
  finish(chain: Lanes | undefined): Uint8Array {
    const head = new Uint8Array(HEAD_BYTES_MAX)
    head[0] = RUN_VERSION | (this.#isEntries ? MODE_ENTRIES : 0)
    head.set(replicaBytes(this.#names.replicaAt(this.#writer)), 1)
    let at = writeVarint(head, 1 + REPLICA_BYTES, this.#n0)
    at = writeVarint(head, at, this.#count)
    at = writeVarint(head, at, this.#stamp0)
    const bytes = new Uint8Array(at + this.#at + (chain === undefined ? 0 : CHAIN_BYTES))
    bytes.set(head.subarray(0, at))
    bytes.set(this.#bytes.subarray(0, this.#at), at)
    if (chain !== undefined) {
      const view = new DataView(bytes.buffer)
      view.setInt32(bytes.length - 8, chain.high)
      view.setInt32(bytes.length - 4, chain.low)
    }
    return bytes
  }

  #repeats(
    event: EventDraft,
    killMode: number,
    startMode: number,
    keyLength: number,
    shared: number,
  ): boolean {
    if (this.#repeatsAt < 0 || event.kind !== this.#kind || killMode !== this.#kills) return false
    if (startMode !== (this.#starts === STARTS_NO ? STARTS_NO : STARTS_NEXT)) return false
    if (event.kind !== KIND_NONE && event.object !== this.#lastObject) return false
    if (event.kind === KIND_UNKNOWN) return false
    if ((this.#bytes[this.#repeatsAt] ?? 0) >= REPEATS_MAX) return false
    if (!hasKey(event.kind)) return true
    if (keyLength !== this.#lastKeyLength || shared < this.#prefix) return false
    return shared === this.#prefix || this.#waste + shared - this.#prefix <= this.#wasteMax
  }

  #openGroup(
    event: EventDraft,
    killMode: number,
    startMode: number,
    keyLength: number,
    shared: number,
  ): void {
    const { kind } = event
    const hasObject = kind !== KIND_NONE && kind !== KIND_UNKNOWN
    const isSame = hasObject && event.object === this.#lastObject
    this.#bytes[this.#at++] = kind | (isSame ? 8 : 0) | (killMode << 4) | (startMode << 6)
    if (hasObject && !isSame) this.#writeObject(event.object)
    if (startMode === STARTS_LATER) this.#varint(event.stamp - this.#lastStamp)
    if (this.#repeatsAt >= 0) this.#learn(shared)
    this.#prefix = shared
    if (hasKey(kind)) {
      const differs = keyLength !== this.#lastKeyLength
      this.#varint(shared * 2 + (differs ? 1 : 0))
      if (differs) this.#varint(keyLength)
    }
    this.#repeatsAt = this.#at
    this.#bytes[this.#at++] = 0
    this.#kind = kind
    this.#kills = killMode
    this.#starts = startMode
    this.#waste = 0
  }

  /** Whether longer prefixes last long enough here to be worth a group. */
  #learn(shared: number): void {
    const longer = shared - this.#prefix
    if (longer < 0 && this.#gain > 0) {
      const saved = this.#gain * ((this.#bytes[this.#repeatsAt] ?? 0) + 1)
      this.#wasteMax = saved > TWO_GROUPS_BYTES ? 0 : WASTE_MAX_PATIENT
    }
    this.#gain = longer
  }

  #writeObject(object: number): void {
    const known = this.#objects.get(object)
    this.#varint(known ?? this.#objects.size)
    this.#lastObject = object
    if (known !== undefined) return
    this.#objects.set(object, this.#objects.size)
    const name = utf8(this.#names.objectName(object))
    this.#reserve(name.length + 64)
    this.#varint(name.length)
    this.#bytes.set(name, this.#at)
    this.#at += name.length
    this.#reserve(64)
  }

  #sharedPrefix({ key, keyStart }: EventDraft, keyLength: number): number {
    const max = Math.min(keyLength, this.#lastKeyLength, SHARED_BYTES_MAX)
    const { view } = key
    const last = this.#lastKey.view
    let shared = 0
    while (shared + 4 <= max && view.getInt32(keyStart + shared) === last.getInt32(shared)) {
      shared += 4
    }
    while (shared < max && view.getInt8(keyStart + shared) === last.getInt8(shared)) shared += 1
    return shared
  }

  #writeKey(event: EventDraft, keyLength: number): void {
    if (keyLength > this.#lastKey.bytes.length) {
      const grown = new Uint8Array(keyLength * 2)
      grown.set(this.#lastKey.bytes)
      this.#lastKey = byteView(grown)
    }
    this.#reserve(event.payloadEnd - event.payloadStart + keyLength + 64)
    const { key, keyStart, keyEnd } = event
    const prefix = this.#prefix
    copyRange(key, keyStart + prefix, keyEnd, this.#lastKey, prefix)
    this.#at = copyRange(key, keyStart + prefix, keyEnd, this.#out, this.#at)
    this.#lastKeyLength = keyLength
  }

  #writePayload({ kind, payload, payloadStart, payloadEnd }: EventDraft): void {
    const length = payloadEnd - payloadStart
    this.#reserve(length + 64)
    if (kind !== KIND_COUNTER && kind !== KIND_MAP_COUNTER) this.#varint(length)
    this.#at = copyRange(payload, payloadStart, payloadEnd, this.#out, this.#at)
  }

  #writeKill(n: number): void {
    const distance = n - this.#lastKillDot
    this.#varint(distance >= 0 ? distance * 2 : -distance * 2 - 1)
    this.#lastKillDot = n
  }

  #writeKills({ killCount, killWriters, killDots }: EventDraft): void {
    const byWriter = new Map<number, number[]>()
    for (let i = 0; i < killCount; i++) {
      const writer = killWriters[i] ?? 0
      const dots = byWriter.get(writer)
      if (dots === undefined) byWriter.set(writer, [killDots[i] ?? 0])
      else dots.push(killDots[i] ?? 0)
    }
    this.#reserve(killCount * 18 + byWriter.size * 48)
    this.#varint(byWriter.size)
    for (const [writer, dots] of byWriter) {
      this.#writeReplica(writer)
      dots.sort((a, b) => a - b)
      const ranges = rangesOf(dots)
      this.#varint(ranges.length)
      let last = 0
      for (const { from, length } of ranges) {
        this.#varint((from - last - 1) * 2 + (length > 1 ? 1 : 0))
        if (length > 1) this.#varint(length - 2)
        last = from + length - 1
      }
      this.#lastKillWriter = writer
      this.#lastKillDot = last
    }
  }

  #writeReplica(writer: number): void {
    const known = this.#replicas.get(writer)
    this.#varint(known ?? this.#replicas.size)
    if (known !== undefined) return
    this.#replicas.set(writer, this.#replicas.size)
    const id = replicaBytes(this.#names.replicaAt(writer))
    this.#bytes.set(id, this.#at)
    this.#at += REPLICA_BYTES
  }

  #varint(value: number): void {
    this.#at = writeVarint(this.#bytes, this.#at, value)
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#at + more, this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#out = byteView(grown)
  }
}

interface Range {
  readonly from: number
  length: number
}

function rangesOf(dots: readonly number[]): readonly Range[] {
  const ranges: Range[] = []
  let last: Range | undefined
  for (const dot of dots) {
    if (last !== undefined && dot < last.from + last.length) continue
    if (last !== undefined && dot === last.from + last.length) last.length += 1
    else {
      last = { from: dot, length: 1 }
      ranges.push(last)
    }
  }
  return ranges
}
