import { decode, readText, Writer } from '../../src/base/codec.ts'
import type { StoreRow } from '../../src/base/core.ts'
import { RunReader } from '../../src/crdt/run-reader.ts'
import { Group } from '../../src/replication/group/group.ts'
import { REPLICATION_DEFAULTS } from '../../src/replication/options.ts'
import { Loader } from '../../src/replication/store/loader.ts'
import { SnapshotJob } from '../../src/replication/store/snapshot.ts'
import { decodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { Conversation, type Talk } from './conversation.ts'
import { GROUP, HearsayDocument } from './hearsay-document.ts'
import type { Document, Exchange, Library } from './library.ts'

/** The length of a frame, as it travels. */
const FRAME_HEAD_BYTES = 4

/** OR-set and PN-counter of the replication core. */
export const hearsay: Library = {
  name: 'hearsay',
  isSlow: false,
  isForeign: false,
  create: (writer) => new HearsayDocument(writer, []),
  load: (snapshot, writer) => new HearsayDocument(writer, unpackRows(snapshot)),
  snapshot: (document) => packRows(snapshotRows(newcomerOf(document).rows)),
  forget: (document, writer) => hearsay.load(hearsay.snapshot(document), writer),
  pack: (document) => newcomerOf(document).frames,
  sync: async (a, b) => exchange(talk(hearsayDocument(a), hearsayDocument(b))),
  live: (a, b, write) => live(hearsayDocument(a), hearsayDocument(b), write),
  idle: async (a, b) => exchange(round(hearsayDocument(a), hearsayDocument(b))),
}

/** What a replica without anything is sent, and what it then has stored. */
export function newcomerOf(document: Document): {
  readonly frames: readonly Uint8Array[]
  readonly rows: readonly StoreRow[]
} {
  const newcomer = new HearsayDocument(98, [])
  const frames: Uint8Array[] = []
  const rows = new Map<string, Uint8Array>()
  newcomer.keepRows(({ key, value }) => {
    if (value === undefined) rows.delete(key)
    else rows.set(key, value)
  })
  talk(hearsayDocument(document), newcomer, (frame) => {
    const read = decodeFrame(frame)
    if (read.ok && read.value.type === 'events') frames.push(frame)
  })
  return { frames, rows: sorted(rows) }
}

/** Links the two until they are equal and silent. @param onFrame frames to b */
function talk(
  a: HearsayDocument,
  b: HearsayDocument,
  onFrame: (frame: Uint8Array) => void = () => {},
): Talk {
  const conversation = new Conversation([a, b], {
    onFrame: (to, frame) => {
      if (to === b) onFrame(frame)
    },
  })
  conversation.link(a, b)
  const said = conversation.settle()
  conversation.unlink(a, b)
  return said
}

/** One comparison over a link that stands: what anti-entropy costs while nothing happens. */
function round(a: HearsayDocument, b: HearsayDocument): Talk {
  const conversation = new Conversation([a, b])
  conversation.link(a, b)
  conversation.settle()
  a.input({ type: 'sync-wanted', peer: b.peer })
  const said = conversation.settle()
  conversation.unlink(a, b)
  return said
}

/** A change over a link that stands, until it is acked: frames and their heads. */
function live(a: HearsayDocument, b: HearsayDocument, write: () => void): number {
  for (const document of [a, b]) document.leaveSource()
  const conversation = new Conversation([a, b])
  conversation.link(a, b)
  conversation.settle()
  write()
  const { bytes, frames } = conversation.settle()
  conversation.unlink(a, b)
  return bytes + frames * FRAME_HEAD_BYTES
}

function exchange({ bytes, flights }: Talk): Exchange {
  return { bytes, flights: Math.max(1, flights) }
}

/** The rows that remain when a snapshot covers all others and the log is forgotten. */
function snapshotRows(rows: readonly StoreRow[]): readonly StoreRow[] {
  const runs = new RunReader()
  const group = new Group(GROUP, REPLICATION_DEFAULTS, runs)
  const loader = new Loader(() => group, runs)
  for (const row of rows) loader.load(row)
  loader.end()
  const job = new SnapshotJob(group, Math.max(0, ...loader.stamps.values()))
  const kept = new Map<string, Uint8Array>()
  for (let isDone = false; !isDone; ) {
    const step = job.step()
    for (const { key, value } of step.writes) if (value !== undefined) kept.set(key, value)
    isDone = step.isDone
  }
  return sorted(kept)
}

function sorted(rows: ReadonlyMap<string, Uint8Array>): readonly StoreRow[] {
  const list = [...rows].map(([key, value]) => ({ key, value }))
  return list.sort((a, b) => (a.key < b.key ? -1 : 1))
}

function packRows(rows: readonly StoreRow[]): Uint8Array {
  const writer = new Writer(1 << 20)
  for (const { key, value } of rows) writer.text(key).bytes(value)
  return writer.finish()
}

function unpackRows(packed: Uint8Array): readonly StoreRow[] {
  const rows = decode(packed, (reader) => {
    const read: StoreRow[] = []
    while (reader.remaining > 0) {
      read.push({
        key: readText(reader, 4096),
        value: reader.bytes(Number.MAX_SAFE_INTEGER).slice(),
      })
    }
    return read
  })
  if (!rows.ok) throw new Error(`Cannot load snapshot: ${rows.reason}`)
  return rows.value
}

function hearsayDocument(document: Document): HearsayDocument {
  if (document instanceof HearsayDocument) return document
  throw new TypeError('Cannot use document: expected one of hearsay')
}
