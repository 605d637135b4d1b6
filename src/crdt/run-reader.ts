import { present } from '../base/assert.ts'
import type { ByteView } from '../base/byte-view.ts'
import { type Decoded, DecodeError } from '../base/codec.ts'
import { hashLanes, mix32 } from '../base/hash32.ts'
import type { ReplicaId } from '../base/ids.ts'
import { readUtf8 } from '../base/utf8.ts'
import { amountEnd } from './amount.ts'
import { EventDraft, type Lanes, NO_CONTENT } from './event-draft.ts'
import { checkJsonText } from './json.ts'
import {
  hasKey,
  hasPayload,
  KIND_COUNTER,
  KIND_MAP_COUNTER,
  KIND_MAP_VALUE,
  KIND_NONE,
  KIND_REGISTER,
  KIND_SET,
  KIND_UNKNOWN,
  objectTypeOf,
  payloadBytesMax,
} from './kinds.ts'
import { objectLanes } from './lanes.ts'
import { NAME_BYTES_MAX, PATH_BYTES_MAX, RUN_EVENTS_MAX } from './limits.ts'
import type { ObjectType } from './operation.ts'
import { RunBytes } from './run-bytes.ts'
import {
  KILLS_LIST,
  KILLS_NONE,
  KILLS_ONE,
  type RunHead,
  STARTS_LATER,
  STARTS_NEXT,
  STARTS_NO,
} from './run-format.ts'
import { chainAfter, readRunHead } from './run-head.ts'
import { RunKeys } from './run-keys.ts'
import { RunKills } from './run-kills.ts'

/** An object as a run names it. */
export interface RunObject {
  readonly type: ObjectType
  readonly name: string
  readonly lanes: Lanes
}

const STAMP_MAX = Number.MAX_SAFE_INTEGER

/**
 * Reads runs that somebody else wrote into columns, checking everything before any of it is used. Used again
 * for the next run; its columns are valid until then.
 */
export class RunReader {
  /** Events read; in entries mode live entries. */
  events = 0
  chain: Lanes = { high: 0, low: 0 }
  readonly objects: RunObject[] = []
  kinds: Uint8Array = new Uint8Array(64)
  starts: Uint8Array = new Uint8Array(64)
  dots: Float64Array = new Float64Array(64)
  stamps: Float64Array = new Float64Array(64)
  /** Index into {@link objects}. */
  object: Int32Array = new Int32Array(64)
  keyStarts: Int32Array = new Int32Array(64)
  keyEnds: Int32Array = new Int32Array(64)
  payloadStarts: Int32Array = new Int32Array(64)
  payloadEnds: Int32Array = new Int32Array(64)
  highs: Int32Array = new Int32Array(64)
  lows: Int32Array = new Int32Array(64)
  keyHashes: Int32Array = new Int32Array(64)
  /** First kill of each event; the next event's is where they end. */
  killStarts: Int32Array = new Int32Array(65)
  readonly #source = new RunBytes()
  readonly #keys = new RunKeys(this.#source)
  readonly #kills = new RunKills(this.#source)
  #lastObject = -1
  #lastStamp = 0
  #isEntries = false
  readonly #draft = new EventDraft()
  readonly #part = { high: 0, low: 0 }
  #held: Uint8Array | undefined
  #newest: RunObject | undefined

  /** The source, where payloads lie. */
  get bytes(): Uint8Array {
    return this.#source.bytes
  }

  /** Whole keys, one after the other. */
  get keys(): Uint8Array {
    return this.#keys.whole.bytes
  }

  /** As {@link keys}. */
  get keyView(): ByteView {
    return this.#keys.whole
  }

  /** The writer first, then writers of killed dots. */
  get replicas(): readonly ReplicaId[] {
    return this.#kills.replicas
  }

  /** Index into {@link replicas} of each kill. */
  get killReplicas(): readonly number[] {
    return this.#kills.killReplicas
  }

  /** Kills of the run read last, as far as it was read. */
  get kills(): number {
    return this.#kills.count
  }

  /** The number of each kill. */
  get killDots(): readonly number[] {
    return this.#kills.killDots
  }

  /** Whether the columns are of this very run, which the caller has not changed since. */
  holds({ buffer, byteOffset, length }: Uint8Array): boolean {
    const held = this.#held
    return held?.buffer === buffer && held.byteOffset === byteOffset && held.length === length
  }

  /** Reads a whole run into the columns. Never throws. */
  read(bytes: Uint8Array): Decoded<RunHead> {
    this.#held = undefined
    try {
      const value = this.#run(bytes)
      this.#held = bytes
      return { ok: true, value }
    } catch (error) {
      if (error instanceof DecodeError) return { ok: false, reason: error.message }
      throw error
    }
  }

  /** Fills a draft with one event of the columns; object and kills are still the run's numbers. */
  draft(i: number, draft: EventDraft): void {
    draft.kind = this.kinds[i] ?? 0
    draft.key = this.#keys.whole
    draft.keyStart = this.keyStarts[i] ?? 0
    draft.keyEnd = this.keyEnds[i] ?? 0
    draft.payload = this.#source.whole
    draft.payloadStart = this.payloadStarts[i] ?? 0
    draft.payloadEnd = this.payloadEnds[i] ?? 0
    draft.stamp = this.stamps[i] ?? 0
    draft.keyHash = this.keyHashes[i] ?? 0
    draft.high = this.highs[i] ?? 0
    draft.low = this.lows[i] ?? 0
    draft.killCount = 0
  }

  /**
   * As {@link draft}, with the caller's numbers.
   * @param objects of the run's objects @param table of its replicas
   */
  event(i: number, draft: EventDraft, objects: readonly number[], table: readonly number[]): void {
    this.draft(i, draft)
    const object = this.object[i] ?? -1
    draft.object = object < 0 ? -1 : (objects[object] ?? -1)
    const { killReplicas, killDots } = this.#kills
    const end = this.killStarts[i + 1] ?? 0
    for (let k = this.killStarts[i] ?? 0; k < end; k++) {
      draft.kill(table[killReplicas[k] ?? 0] ?? 0, killDots[k] ?? 0)
    }
  }

  #run(bytes: Uint8Array): RunHead {
    const head = readRunHead(bytes, this.#source)
    this.#isEntries = head.isEntries
    this.chain = head.isEntries ? { high: 0, low: 0 } : chainAfter(bytes)
    this.events = 0
    this.#kills.begin(head.replica, head.n0)
    this.objects.length = 0
    this.#keys.begin()
    this.#lastObject = -1
    this.#lastStamp = head.stamp
    let n = head.n0
    const past = head.n0 + head.count
    while (n < past) n = this.#group(n, past)
    if (this.#source.left > 0) throw new DecodeError('trailing bytes')
    if (!head.isEntries && this.starts[0] !== 1)
      throw new DecodeError('run starts inside a transaction')
    this.killStarts[this.events] = this.#kills.count
    return head
  }

  #group(n0: number, past: number): number {
    const head = this.#source.byte()
    if (head === 0) {
      if (!this.#isEntries) throw new DecodeError('event without effect')
      const dots = this.#source.varint(past - n0)
      if (dots === 0) throw new DecodeError('empty skip')
      return n0 + dots
    }
    const kind = head & 7
    const killMode = (head >>> 4) & 3
    const startMode = head >>> 6
    if (killMode > KILLS_LIST || startMode > STARTS_LATER)
      throw new DecodeError('unknown event head')
    if (kind === KIND_NONE && killMode === KILLS_NONE) throw new DecodeError('event without effect')
    if (this.#isEntries && (kind === KIND_NONE || killMode !== KILLS_NONE)) {
      throw new DecodeError('entry that is none')
    }
    const object = this.#objectOf(kind, (head & 8) !== 0)
    if (startMode === STARTS_LATER)
      this.#lastStamp += this.#source.varint(STAMP_MAX - this.#lastStamp)
    let prefix = 0
    let keyLength = 0
    if (hasKey(kind)) {
      const shape = this.#source.varint(PATH_BYTES_MAX * 2 + 1)
      prefix = Math.floor(shape / 2)
      keyLength = shape % 2 === 1 ? this.#source.varint(PATH_BYTES_MAX) : this.#keys.lastLength
      if (prefix > keyLength || prefix > this.#keys.lastLength)
        throw new DecodeError('key prefix too long')
    }
    const events = this.#source.byte() + 1
    if (n0 + events > past) throw new DecodeError('more events than announced')
    if (this.events + events > RUN_EVENTS_MAX) throw new DecodeError('too many events')
    this.#grow(this.events + events)
    const shape = { kind, killMode, object, prefix, keyLength, n: n0, events, startMode }
    if (kind === KIND_SET && killMode === KILLS_NONE) this.#elements(shape)
    else this.#events(shape)
    return n0 + events
  }

  #events(shape: GroupShape): void {
    const { n, events, startMode } = shape
    for (let k = 0; k < events; k++) {
      if (startMode === STARTS_NEXT || (k > 0 && startMode === STARTS_LATER)) {
        if (this.#lastStamp >= STAMP_MAX) throw new DecodeError('stamp above its limit')
        this.#lastStamp += 1
      }
      this.#event(shape, n + k)
    }
  }

  /** Elements of one set without kills: nothing lies between their keys, and most members of a state are such. */
  #elements(shape: GroupShape): void {
    const { object, prefix, keyLength, n, events, startMode } = shape
    const first = this.#keys.elements(prefix, keyLength, events)
    const { view } = this.#keys.whole
    const { kinds, starts, dots, stamps, killStarts, keyStarts, keyEnds, highs, lows } = this
    const { payloadStarts, payloadEnds, keyHashes } = this
    const part = this.#part
    const { lanes } = present(this.objects[object], 'object')
    const high = mix32(lanes.high, KIND_SET)
    const low = mix32(lanes.low, KIND_SET)
    const isStart = startMode === STARTS_NO ? 0 : 1
    const stamp = this.#lastStamp + (startMode === STARTS_NEXT ? 1 : 0)
    const lastStamp = stamp + isStart * (events - 1)
    if (lastStamp > STAMP_MAX) throw new DecodeError('stamp above its limit')
    const { at } = this.#source
    const { count } = this.#kills
    let i = this.events
    let start = first
    for (let k = 0; k < events; k++, i++) {
      hashLanes(view, start, start + keyLength, part)
      kinds[i] = KIND_SET
      starts[i] = isStart
      dots[i] = n + k
      stamps[i] = stamp + isStart * k
      this.object[i] = object
      killStarts[i] = count
      keyStarts[i] = start
      start += keyLength
      keyEnds[i] = start
      payloadStarts[i] = at
      payloadEnds[i] = at
      // As EventDraft.seal has it.
      highs[i] = mix32(high, part.high)
      lows[i] = mix32(low, part.low)
      keyHashes[i] = part.low
    }
    this.events = i
    this.#lastStamp = lastStamp
  }

  #event({ kind, killMode, object, prefix, keyLength, startMode }: GroupShape, n: number): void {
    const i = this.events
    this.events = i + 1
    this.kinds[i] = kind
    this.starts[i] = startMode === STARTS_NO ? 0 : 1
    this.dots[i] = n
    this.stamps[i] = this.#lastStamp
    this.object[i] = object
    this.killStarts[i] = this.#kills.count
    this.highs[i] = 0
    this.lows[i] = 0
    this.keyHashes[i] = 0
    const keyStart = hasKey(kind) ? this.#keys.one(kind, prefix, keyLength) : 0
    this.keyStarts[i] = keyStart
    this.keyEnds[i] = keyStart + keyLength
    this.payloadStarts[i] = this.#source.at
    this.payloadEnds[i] = this.#source.at
    if (hasPayload(kind)) this.#payload(i, kind)
    if (object >= 0 || kind === KIND_UNKNOWN) {
      const draft = this.#draft
      this.draft(i, draft)
      draft.seal(object >= 0 ? present(this.objects[object], 'object').lanes : NO_CONTENT)
      this.highs[i] = draft.high
      this.lows[i] = draft.low
      this.keyHashes[i] = draft.keyHash
    }
    if (killMode === KILLS_ONE) this.#kills.one(n)
    else if (killMode === KILLS_LIST) this.#kills.list(n)
  }

  #objectOf(kind: number, isSame: boolean): number {
    if (kind === KIND_NONE || kind === KIND_UNKNOWN) {
      if (isSame) throw new DecodeError('unknown event head')
      return -1
    }
    if (!isSame) {
      const known = this.#source.varint(this.objects.length)
      this.#lastObject = known
      if (known === this.objects.length) this.#newObject(kind)
    }
    const object = this.objects[this.#lastObject]
    if (object === undefined || object.type !== objectTypeOf(kind)) {
      throw new DecodeError('object of another type')
    }
    return this.#lastObject
  }

  #newObject(kind: number): void {
    const name = this.#source.text(NAME_BYTES_MAX)
    if (name === '') throw new DecodeError('empty name')
    const type = objectTypeOf(kind)
    // Runs in a row tell of the same ones.
    let object = this.#newest
    if (object?.name !== name || object.type !== type) {
      object = { type, name, lanes: objectLanes(type, name) }
      this.#newest = object
    }
    this.objects.push(object)
  }

  #payload(i: number, kind: number): void {
    const source = this.#source
    if (kind === KIND_COUNTER || kind === KIND_MAP_COUNTER) {
      const end = amountEnd(this.bytes, source.at, source.end)
      if (end < 0) throw new DecodeError('malformed amount')
      source.at = end
      this.payloadEnds[i] = end
      return
    }
    const length = source.varint(payloadBytesMax(kind))
    const start = source.take(length)
    const end = source.at
    this.payloadStarts[i] = start
    this.payloadEnds[i] = end
    if (kind === KIND_UNKNOWN) return
    source.checkUtf8(start, end)
    if (kind === KIND_REGISTER || kind === KIND_MAP_VALUE) {
      checkJsonText(readUtf8(this.bytes, start, end))
    }
  }

  #grow(events: number): void {
    const size = this.kinds.length
    if (events <= size) return
    const to = Math.max(events, size * 2)
    this.kinds = grown(this.kinds, new Uint8Array(to))
    this.starts = grown(this.starts, new Uint8Array(to))
    this.dots = grown(this.dots, new Float64Array(to))
    this.stamps = grown(this.stamps, new Float64Array(to))
    this.object = grown(this.object, new Int32Array(to))
    this.keyStarts = grown(this.keyStarts, new Int32Array(to))
    this.keyEnds = grown(this.keyEnds, new Int32Array(to))
    this.payloadStarts = grown(this.payloadStarts, new Int32Array(to))
    this.payloadEnds = grown(this.payloadEnds, new Int32Array(to))
    this.highs = grown(this.highs, new Int32Array(to))
    this.lows = grown(this.lows, new Int32Array(to))
    this.keyHashes = grown(this.keyHashes, new Int32Array(to))
    this.killStarts = grown(this.killStarts, new Int32Array(to + 1))
  }
}

/** What the events of a group have in common. */
interface GroupShape {
  readonly kind: number
  readonly killMode: number
  readonly object: number
  readonly prefix: number
  readonly keyLength: number
  /** Of the first. */
  readonly n: number
  readonly events: number
  readonly startMode: number
}

function grown<T extends Uint8Array | Int32Array | Float64Array>(old: T, fresh: T): T {
  fresh.set(old)
  return fresh
}
