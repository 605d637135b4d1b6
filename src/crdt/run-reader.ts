import { present } from '../base/assert.ts'
import { hex } from '../base/bytes.ts'
import { type Decoded, DecodeError } from '../base/codec.ts'
import { parseReplicaId, type ReplicaId } from '../base/ids.ts'
import { isUtf8, readUtf8 } from '../base/utf8.ts'
import { amountEnd } from './amount.ts'
import { EventDraft, type Lanes } from './event-draft.ts'
import { checkJsonText } from './json.ts'
import {
  hasKey,
  hasPayload,
  KIND_COUNTER,
  KIND_MAP_COUNTER,
  KIND_MAP_SET,
  KIND_MAP_VALUE,
  KIND_NONE,
  KIND_REGISTER,
  KIND_SET,
  KIND_UNKNOWN,
  objectTypeOf,
} from './kinds.ts'
import { objectLanes } from './lanes.ts'
import {
  KEY_BYTES_MAX,
  KILLS_MAX,
  NAME_BYTES_MAX,
  PATH_BYTES_MAX,
  PATH_DEPTH_MAX,
  RUN_BYTES_MAX,
  RUN_EVENTS_MAX,
  VALUE_BYTES_MAX,
} from './limits.ts'
import type { ObjectType } from './operation.ts'
import {
  CHAIN_BYTES,
  KILLS_LIST,
  KILLS_NONE,
  KILLS_ONE,
  REPLICA_BYTES,
  type RunHead,
  STARTS_LATER,
  STARTS_NEXT,
  STARTS_NO,
} from './run-format.ts'
import { chainAfter, readRunHead } from './run-head.ts'

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
  /** The source, where payloads lie. */
  bytes: Uint8Array = new Uint8Array(0)
  /** Whole keys, one after the other. */
  keys: Uint8Array = new Uint8Array(1024)
  /** Events read; in entries mode live entries. */
  events = 0
  chain: Lanes = { high: 0, low: 0 }
  /** The writer first, then writers of killed dots. */
  readonly replicas: ReplicaId[] = []
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
  /** Index into {@link replicas} of each kill, and its number. */
  readonly killReplicas: number[] = []
  readonly killDots: number[] = []
  #kills = 0
  /** The last event in whose list of kills each replica stood. */
  readonly #listedIn: number[] = []
  #at = 0
  #end = 0
  #keysAt = 0
  #lastKey = 0
  #lastKeyLength = 0
  #lastObject = -1
  #lastStamp = 0
  #lastKillReplica = 0
  #lastKillDot = 0
  #isEntries = false
  readonly #headEnd = { at: 0 }
  readonly #draft = new EventDraft()

  /** Reads a whole run into the columns. Never throws. */
  read(bytes: Uint8Array): Decoded<RunHead> {
    try {
      return { ok: true, value: this.#run(bytes) }
    } catch (error) {
      if (error instanceof DecodeError) return { ok: false, reason: error.message }
      throw error
    }
  }

  /** Fills a draft with one event of the columns; object and kills are still the run's numbers. */
  draft(i: number, draft: EventDraft): void {
    draft.kind = this.kinds[i] ?? 0
    draft.keyBytes = this.keys
    draft.keyStart = this.keyStarts[i] ?? 0
    draft.keyEnd = this.keyEnds[i] ?? 0
    draft.payloadBytes = this.bytes
    draft.payloadStart = this.payloadStarts[i] ?? 0
    draft.payloadEnd = this.payloadEnds[i] ?? 0
    draft.stamp = this.stamps[i] ?? 0
    draft.keyHash = this.keyHashes[i] ?? 0
    draft.high = this.highs[i] ?? 0
    draft.low = this.lows[i] ?? 0
    draft.killCount = 0
  }

  #run(bytes: Uint8Array): RunHead {
    const head = readRunHead(bytes, this.#headEnd)
    this.bytes = bytes
    this.#at = this.#headEnd.at
    this.#isEntries = head.isEntries
    this.#end = bytes.length - (head.isEntries ? 0 : CHAIN_BYTES)
    this.chain = head.isEntries ? { high: 0, low: 0 } : chainAfter(bytes)
    this.events = 0
    this.replicas.length = 0
    this.replicas.push(head.replica)
    this.objects.length = 0
    this.#kills = 0
    this.#listedIn.length = 0
    this.#keysAt = 0
    this.#lastKey = 0
    this.#lastKeyLength = 0
    this.#lastObject = -1
    this.#lastStamp = head.stamp
    this.#lastKillReplica = 0
    this.#lastKillDot = head.n0
    let n = head.n0
    const past = head.n0 + head.count
    while (n < past) n = this.#group(n, past)
    if (this.#at !== this.#end) throw new DecodeError('trailing bytes')
    if (!head.isEntries && this.starts[0] !== 1)
      throw new DecodeError('run starts inside a transaction')
    this.killStarts[this.events] = this.#kills
    return head
  }

  #group(n0: number, past: number): number {
    const head = this.#byte()
    if (head === 0) {
      if (!this.#isEntries) throw new DecodeError('event without effect')
      const dots = this.#varint(past - n0)
      if (dots === 0) throw new DecodeError('empty skip')
      return n0 + dots
    }
    const kind = head & 7
    const killMode = (head >>> 4) & 3
    const startMode = head >>> 6
    if (killMode > KILLS_LIST || startMode > STARTS_LATER)
      throw new DecodeError('unknown event head')
    if (kind === KIND_NONE && killMode === KILLS_NONE) throw new DecodeError('event without effect')
    if (
      this.#isEntries &&
      (kind === KIND_NONE || kind === KIND_UNKNOWN || killMode !== KILLS_NONE)
    ) {
      throw new DecodeError('entry that is none')
    }
    const object = this.#objectOf(kind, (head & 8) !== 0)
    if (startMode === STARTS_LATER) this.#lastStamp += this.#varint(STAMP_MAX - this.#lastStamp)
    let prefix = 0
    let keyLength = 0
    if (hasKey(kind)) {
      const shape = this.#varint(PATH_BYTES_MAX * 2 + 1)
      prefix = Math.floor(shape / 2)
      keyLength = shape % 2 === 1 ? this.#varint(PATH_BYTES_MAX) : this.#lastKeyLength
      if (prefix > keyLength || prefix > this.#lastKeyLength)
        throw new DecodeError('key prefix too long')
    }
    const events = this.#byte() + 1
    if (n0 + events > past) throw new DecodeError('more events than announced')
    if (this.events + events > RUN_EVENTS_MAX) throw new DecodeError('too many events')
    this.#grow(this.events + events)
    for (let k = 0; k < events; k++) {
      if (startMode === STARTS_NEXT || (k > 0 && startMode === STARTS_LATER)) {
        if (this.#lastStamp >= STAMP_MAX) throw new DecodeError('stamp above its limit')
        this.#lastStamp += 1
      }
      this.#event({
        kind,
        killMode,
        object,
        prefix,
        keyLength,
        n: n0 + k,
        isStart: startMode !== STARTS_NO,
      })
    }
    return n0 + events
  }

  #event(shape: EventShape): void {
    const i = this.events
    const { kind, object, n } = shape
    this.events = i + 1
    this.kinds[i] = kind
    this.starts[i] = shape.isStart ? 1 : 0
    this.dots[i] = n
    this.stamps[i] = this.#lastStamp
    this.object[i] = object
    this.killStarts[i] = this.#kills
    this.keyStarts[i] = 0
    this.keyEnds[i] = 0
    if (hasKey(kind)) this.#key(i, shape)
    this.payloadStarts[i] = this.#at
    if (hasPayload(kind)) this.#payload(i, kind)
    else this.payloadEnds[i] = this.#at
    if (object >= 0 || kind === KIND_UNKNOWN) {
      const draft = this.#draft
      this.draft(i, draft)
      draft.seal(object >= 0 ? present(this.objects[object], 'object').lanes : NO_OBJECT)
      this.highs[i] = draft.high
      this.lows[i] = draft.low
      this.keyHashes[i] = draft.keyHash
    } else {
      this.highs[i] = 0
      this.lows[i] = 0
      this.keyHashes[i] = 0
    }
    if (shape.killMode === KILLS_ONE) this.#killOne(n)
    else if (shape.killMode === KILLS_LIST) this.#killList(n)
  }

  #objectOf(kind: number, isSame: boolean): number {
    if (kind === KIND_NONE || kind === KIND_UNKNOWN) {
      if (isSame) throw new DecodeError('unknown event head')
      return -1
    }
    if (!isSame) {
      const known = this.#varint(this.objects.length)
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
    const name = this.#text(NAME_BYTES_MAX)
    if (name === '') throw new DecodeError('empty name')
    const type = objectTypeOf(kind)
    this.objects.push({ type, name, lanes: objectLanes(type, name) })
  }

  #key(i: number, { kind, prefix, keyLength }: EventShape): void {
    if (this.#keysAt + keyLength > this.keys.length) {
      const grown = new Uint8Array(Math.max(this.keys.length * 2, this.#keysAt + keyLength))
      grown.set(this.keys)
      this.keys = grown
    }
    const start = this.#keysAt
    const rest = keyLength - prefix
    if (this.#at + rest > this.#end) throw new DecodeError('bytes end early')
    const { keys, bytes } = this
    for (let k = 0; k < prefix; k++) keys[start + k] = keys[this.#lastKey + k] ?? 0
    for (let k = prefix; k < keyLength; k++) keys[start + k] = bytes[this.#at++] ?? 0
    const end = start + keyLength
    this.#keysAt = end
    this.#lastKey = start
    this.#lastKeyLength = keyLength
    this.keyStarts[i] = start
    this.keyEnds[i] = end
    if (kind === KIND_SET) {
      if (keyLength > KEY_BYTES_MAX) throw new DecodeError('element too long')
      if (!isUtf8(keys, start, end)) throw new DecodeError('malformed UTF-8')
    } else checkPath(keys, start, end)
  }

  #payload(i: number, kind: number): void {
    if (kind === KIND_COUNTER || kind === KIND_MAP_COUNTER) {
      const end = amountEnd(this.bytes, this.#at, this.#end)
      if (end < 0) throw new DecodeError('malformed amount')
      this.#at = end
      this.payloadEnds[i] = end
      return
    }
    const max =
      kind === KIND_MAP_SET
        ? KEY_BYTES_MAX
        : kind === KIND_UNKNOWN
          ? RUN_BYTES_MAX
          : VALUE_BYTES_MAX
    const length = this.#varint(max)
    const start = this.#at
    const end = start + length
    if (end > this.#end) throw new DecodeError('bytes end early')
    this.payloadStarts[i] = start
    this.payloadEnds[i] = end
    this.#at = end
    if (kind === KIND_UNKNOWN) return
    if (!isUtf8(this.bytes, start, end)) throw new DecodeError('malformed UTF-8')
    if (kind === KIND_REGISTER || kind === KIND_MAP_VALUE) {
      checkJsonText(readUtf8(this.bytes, start, end))
    }
  }

  #killOne(n: number): void {
    const code = this.#varint(Number.MAX_SAFE_INTEGER)
    const distance = code % 2 === 0 ? code / 2 : -(code + 1) / 2
    this.#kill(this.#lastKillReplica, this.#lastKillDot + distance, n)
  }

  #killList(n: number): void {
    const replicas = this.#varint(this.#end - this.#at)
    if (replicas === 0) throw new DecodeError('empty list of kills')
    for (let r = 0; r < replicas; r++) {
      const replica = this.#varint(this.replicas.length)
      if (replica === this.replicas.length) this.#newReplica()
      // One spelling: who passes a list on writes each dot once, and the chain counts them.
      if (this.#listedIn[replica] === this.events) {
        throw new DecodeError('replica twice in a list of kills')
      }
      this.#listedIn[replica] = this.events
      const ranges = this.#varint(this.#end - this.#at)
      if (ranges === 0) throw new DecodeError('empty list of kills')
      let last = 0
      for (let k = 0; k < ranges; k++) {
        const code = this.#varint(Number.MAX_SAFE_INTEGER)
        const from = last + 1 + Math.floor(code / 2)
        const length = code % 2 === 1 ? this.#varint(KILLS_MAX) + 2 : 1
        for (let d = 0; d < length; d++) this.#kill(replica, from + d, n)
        last = from + length - 1
      }
    }
  }

  #kill(replica: number, dot: number, n: number): void {
    if (this.#kills >= KILLS_MAX) throw new DecodeError('too many kills')
    if (dot < 1 || !Number.isSafeInteger(dot)) throw new DecodeError('kill of no dot')
    if (replica === 0 && dot === n) throw new DecodeError('event kills itself')
    this.killReplicas[this.#kills] = replica
    this.killDots[this.#kills] = dot
    this.#kills += 1
    this.#lastKillReplica = replica
    this.#lastKillDot = dot
  }

  #newReplica(): void {
    const id = this.#replica()
    if (this.replicas.includes(id)) throw new DecodeError('replica has a second spelling')
    this.replicas.push(id)
  }

  #replica(): ReplicaId {
    if (this.#at + REPLICA_BYTES > this.#end) throw new DecodeError('bytes end early')
    const id = hex(this.bytes.subarray(this.#at, this.#at + REPLICA_BYTES))
    this.#at += REPLICA_BYTES
    return present(parseReplicaId(id), 'replica id of 16 bytes')
  }

  #text(bytesMax: number): string {
    const length = this.#varint(bytesMax)
    const end = this.#at + length
    if (end > this.#end) throw new DecodeError('bytes end early')
    if (!isUtf8(this.bytes, this.#at, end)) throw new DecodeError('malformed UTF-8')
    const text = readUtf8(this.bytes, this.#at, end)
    this.#at = end
    return text
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new DecodeError('bytes end early')
    return this.bytes[this.#at++] ?? 0
  }

  #varint(max: number): number {
    let byte = this.#byte()
    if (byte < 0x80) {
      if (byte > max) throw new DecodeError('number above its limit')
      return byte
    }
    let value = byte & 0x7f
    let scale = 0x80
    for (let i = 1; i < 8; i++) {
      byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0) throw new DecodeError('varint has a second spelling')
        if (value > max) throw new DecodeError('number above its limit')
        return value
      }
      scale *= 0x80
    }
    throw new DecodeError('varint too long')
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

interface EventShape {
  readonly kind: number
  readonly killMode: number
  readonly object: number
  readonly prefix: number
  readonly keyLength: number
  readonly n: number
  readonly isStart: boolean
}

const NO_OBJECT: Lanes = { high: 0, low: 0 }

function grown<T extends Uint8Array | Int32Array | Float64Array>(old: T, fresh: T): T {
  fresh.set(old)
  return fresh
}

function checkPath(keys: Uint8Array, start: number, end: number): void {
  let at = start
  let depth = 0
  let room = KEY_BYTES_MAX
  while (at < end) {
    let length = keys[at++] ?? 0
    if (length >= 0x80) {
      const second = keys[at++] ?? 0
      if (second >= 0x80 || second === 0) throw new DecodeError('path component too long')
      length = (length & 0x7f) | (second << 7)
    }
    room -= length
    depth += 1
    if (length === 0) throw new DecodeError('empty path component')
    if (at + length > end || room < 0) throw new DecodeError('path too long')
    if (!isUtf8(keys, at, at + length)) throw new DecodeError('malformed UTF-8')
    at += length
  }
  if (depth === 0) throw new DecodeError('empty path')
  if (depth > PATH_DEPTH_MAX) throw new DecodeError('path too deep')
}
