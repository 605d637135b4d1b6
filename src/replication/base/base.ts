import { type Decoded, DecodeError, decode, type Reader, Writer } from '../../base/codec.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { Lanes } from '../../crdt/event-draft.ts'
import { REPLICAS_MAX, RUN_BYTES_MAX } from '../../crdt/limits.ts'
import { readReplica, replicaBytes } from '../../crdt/replica-bytes.ts'
import type { LivingMap, MapMode } from './living-map.ts'

/*
 * A base: the live entries of a group at a version vector, without the events that led there. It makes up
 * snapshots, and brings replicas up to date for whom the log does not reach back far enough.
 *
 * Head: for each writer its id, how many of its events are covered, its chain there, and kills that wait for
 * later events of it. Items cover the dots of each writer in order, from 1 to what the head says:
 *   entries – a run in entries mode, empty when no dot of the range lives
 *   thinned – the same where dots between those that live are dead: a map of them, then a run in entries mode over
 *             as many dots as live, from the first dot of the item on without gaps
 *   runs, bits, gaps – a map of which dots live, see livingMap(); for dots that the reader has had
 *   sums    – fingerprints of blocks of 1,024 dots, where a map would be long: the reader then asks for the
 *             maps of those blocks that differ
 */

export interface BaseWriter {
  readonly replica: ReplicaId
  /** Events 1 … have are covered. */
  readonly have: number
  readonly chain: Lanes
  /** Ascending. */
  readonly pendingKills: readonly number[]
}

export type ItemMode = MapMode | 'entries' | 'sums' | 'thinned'

export interface BaseItem {
  /** Index into the head. */
  readonly writer: number
  /** Dots covered, both included. */
  readonly from: number
  readonly to: number
  readonly mode: ItemMode
  readonly bytes: Uint8Array
}

/** Where a walk through a base stands: the next dot of a writer of its head. */
export interface BaseCursor {
  readonly writer: number
  readonly n: number
}

/** Kills that wait, a writer; a base with more is refused. */
const PENDING_KILLS_MAX = 1 << 20
const ITEMS_MAX = 65_536
/** In the order of their numbers in an item's first byte. */
const MODES: readonly ItemMode[] = ['entries', 'runs', 'bits', 'sums', 'gaps', 'thinned']

export function writeHead(writer: Writer, head: readonly BaseWriter[]): void {
  writer.varint(head.length)
  for (const { replica, have, chain, pendingKills } of head) {
    writer.raw(replicaBytes(replica)).varint(have)
    writer.uint32(chain.high >>> 0).uint32(chain.low >>> 0)
    writer.varint(pendingKills.length)
    let last = 0
    for (const n of pendingKills) {
      writer.varint(n - last - 1)
      last = n
    }
  }
}

/** @throws {DecodeError} */
export function readHead(reader: Reader): readonly BaseWriter[] {
  const count = reader.varint(REPLICAS_MAX)
  const head: BaseWriter[] = []
  const known = new Set<ReplicaId>()
  for (let i = 0; i < count; i++) {
    const replica = readReplica(reader)
    if (known.has(replica)) throw new DecodeError('replica has a second spelling')
    known.add(replica)
    const have = reader.varint()
    const chain = { high: reader.uint32() | 0, low: reader.uint32() | 0 }
    const kills = reader.varint(PENDING_KILLS_MAX)
    const pendingKills: number[] = []
    let last = 0
    for (let k = 0; k < kills; k++) {
      last += reader.varint() + 1
      if (!Number.isSafeInteger(last)) throw new DecodeError('kill of no dot')
      pendingKills.push(last)
    }
    head.push({ replica, have, chain, pendingKills })
  }
  return head
}

export function writeItems(writer: Writer, items: readonly BaseItem[]): void {
  writer.varint(items.length)
  for (const { writer: index, from, to, mode, bytes } of items) {
    writer
      .uint8(MODES.indexOf(mode))
      .varint(index)
      .varint(from)
      .varint(to - from)
      .bytes(bytes)
  }
}

/** @throws {DecodeError} */
export function readItems(reader: Reader): readonly BaseItem[] {
  const count = reader.varint(ITEMS_MAX)
  const items: BaseItem[] = []
  for (let i = 0; i < count; i++) {
    const mode = MODES[reader.uint8()]
    if (mode === undefined) throw new DecodeError('unknown item of a base')
    const writer = reader.varint(REPLICAS_MAX)
    const from = reader.varint()
    const to = from + reader.varint()
    if (from === 0 || !Number.isSafeInteger(to)) throw new DecodeError('item of no dots')
    items.push({ writer, from, to, mode, bytes: reader.bytes(RUN_BYTES_MAX) })
  }
  return items
}

/** The items of a stored page. Never throws. */
export function decodeItems(bytes: Uint8Array): Decoded<readonly BaseItem[]> {
  return decode(bytes, (reader) => {
    const items = readItems(reader)
    reader.end()
    return items
  })
}

/** Whether an item tells which dots live, and brings no entries. */
export function isMap(item: BaseItem): item is BaseItem & { readonly mode: MapMode } {
  return item.mode === 'runs' || item.mode === 'bits' || item.mode === 'gaps'
}

/** Whether an item brings entries, for dots that the reader has not had. */
export function hasEntries(item: BaseItem): boolean {
  return item.mode === 'entries' || item.mode === 'thinned'
}

/** Puts a map of living dots and a run of them into one item. */
export function thinnedBytes(map: LivingMap, run: Uint8Array): Uint8Array {
  const writer = new Writer(run.length + map.bytes.length + 8)
  return writer.uint8(MODES.indexOf(map.mode)).bytes(map.bytes).raw(run).finish()
}

/** Takes a thinned item apart. @throws {DecodeError} */
export function thinnedParts({ bytes }: BaseItem): {
  readonly map: LivingMap
  readonly run: Uint8Array
} {
  const read = decode(bytes, (reader) => {
    const mode = MODES[reader.uint8()]
    if (mode !== 'runs' && mode !== 'bits' && mode !== 'gaps') {
      throw new DecodeError('unknown map of living dots')
    }
    return { map: { mode, bytes: reader.bytes(bytes.length) }, run: reader.raw(reader.remaining) }
  })
  if (!read.ok) throw new DecodeError(read.reason)
  return read.value
}
