import { decode, Writer } from '../../src/base/codec.ts'
import type { Millis, StoreRow, StoreWrite } from '../../src/base/core.ts'
import { type PeerId, peerIdFromPublicKey } from '../../src/base/ids.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { decodeFrame, encodeFrame } from '../../src/replication/frames.ts'
import { Replication, type ReplicationInput } from '../../src/replication/replication.ts'
import { parseRow } from '../../src/replication/rows.ts'
import type { Document, Exchange, Library } from './library.ts'

const START: Millis = Date.UTC(2026, 0, 1)
const GROUP = 'main'
/** Transactions between two flushes: what gathers while a disk is busy with the ones before. */
const GATHERED_MAX = 1_000
/** A sync has ended when nothing is said for this long: late acks count, the next round does not. */
const SILENCE_MS = 50

/** The replication core in memory: transactions are encoded, chained and logged, without a disk. */
export const hearsay: Library = {
  name: 'hearsay',
  note: 'OR-set and PN-counter; the rows of a store that has synced stand for a snapshot',
  isSlow: false,
  isForeign: false,
  create: (writer) => new HearsayDocument(writer, []),
  load: (snapshot, writer) => new HearsayDocument(writer, unpackRows(snapshot)),
  pack: (document) => newcomerOf(document).frames,
  sync: async (a, b) => exchange(hearsayDocument(a), hearsayDocument(b)),
}

/** What leaves a core. */
interface Outlet {
  readonly onWrite?: (write: StoreWrite) => void
  readonly onSend?: (peer: PeerId, bytes: Uint8Array) => void
}

class HearsayDocument implements Document {
  now: Millis = START
  readonly peer: PeerId
  readonly #core: Replication
  readonly #view
  readonly #source: PeerId
  #isLinked = false
  #gathered = 0
  #listener: ((message: Uint8Array) => void) | undefined

  constructor(writer: number, rows: readonly StoreRow[]) {
    this.peer = peerIdFromPublicKey(new Uint8Array(32).fill(writer))
    this.#source = peerIdFromPublicKey(new Uint8Array(32).fill(99))
    this.#core = new Replication({ random: seededRandom([writer, 1]) })
    for (const row of rows) this.#core.load(row)
    this.#core.start(this.now)
    this.#view = this.#core.view(GROUP)
    this.drain()
  }

  readonly counter: { increment(times: number): void; value(): number } = {
    increment: (times) => {
      const operation = { type: 'counter-add', object: 'c', amount: 1n } as const
      this.#transact(Array.from({ length: times }, () => operation))
    },
    value: () => Number(this.#view.counter('c')),
  }

  add(key: string): void {
    this.#transact([{ type: 'set-add', object: 's', values: [key] }])
  }

  remove(key: string): void {
    this.#transact([{ type: 'set-remove', object: 's', values: [key] }])
  }

  change(added: readonly string[], removed: readonly string[]): void {
    const operations: Operation[] = []
    if (added.length > 0) operations.push({ type: 'set-add', object: 's', values: added })
    if (removed.length > 0) operations.push({ type: 'set-remove', object: 's', values: removed })
    this.#transact(operations)
  }

  has(key: string): boolean {
    return this.#view.setHas('s', key)
  }

  keys(): readonly string[] {
    return this.#view.setValues('s')
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.settle()
    this.#listener = listener
  }

  apply(message: Uint8Array): void {
    if (!this.#isLinked) {
      this.#isLinked = true
      this.input({ type: 'peer-up', peer: this.#source })
    }
    this.input({ type: 'frame', peer: this.#source, bytes: message })
    this.#gather()
  }

  snapshot(): Uint8Array {
    return packRows(newcomerOf(this).rows)
  }

  settle(): void {
    this.drain()
  }

  input(input: ReplicationInput): void {
    this.#core.handle(input, this.now)
  }

  /** Stores what has gathered and takes all outputs. */
  drain(outlet: Outlet = {}): void {
    this.#gathered = 0
    if (this.#core.hasUnsaved) this.input({ type: 'flush' })
    for (;;) {
      const output = this.#core.poll()
      if (output === undefined) return
      if (output.type === 'persist') {
        for (const write of output.writes) {
          outlet.onWrite?.(write)
          if (this.#listener !== undefined) this.#tell(write, this.#listener)
        }
      } else if (output.type === 'send') outlet.onSend?.(output.peer, output.bytes)
      else if (output.type === 'refused') throw output.error
      else if (output.type === 'alarm') throw new Error(output.reason)
    }
  }

  nextDeadline(): Millis | undefined {
    return this.#core.nextDeadline()
  }

  digest(): string {
    return Buffer.from(this.#core.status(GROUP).digest).toString('hex')
  }

  #transact(operations: readonly Operation[]): void {
    this.input({ type: 'transact', request: 1, group: GROUP, operations })
    this.#gather()
  }

  #gather(): void {
    this.#gathered += 1
    // A listener wants each transaction in a message of its own, as an idle node sends it.
    if (this.#gathered >= GATHERED_MAX || this.#listener !== undefined) this.drain()
  }

  #tell({ key, value }: StoreWrite, listener: (message: Uint8Array) => void): void {
    if (value === undefined) return
    const row = parseRow({ key, value })
    if (row.type !== 'log') return
    const { runs } = row
    listener(encodeFrame({ type: 'events', group: GROUP, session: 0, sentTo: [], runs }))
  }
}

/** What a replica without anything is sent, and what it then has stored. */
function newcomerOf(document: Document): {
  readonly frames: readonly Uint8Array[]
  readonly rows: readonly StoreRow[]
} {
  const newcomer = new HearsayDocument(98, [])
  const frames: Uint8Array[] = []
  const rows = new Map<string, Uint8Array>()
  exchange(hearsayDocument(document), newcomer, {
    onSend: (_peer, bytes) => {
      const frame = decodeFrame(bytes)
      if (frame.ok && frame.value.type === 'events') frames.push(bytes)
    },
    onWrite: ({ key, value }) => {
      if (value === undefined) rows.delete(key)
      else rows.set(key, value)
    },
  })
  return { frames, rows: [...rows].map(([key, value]) => ({ key, value })) }
}

/**
 * Links the two over virtual time, delivers what they say until both are equal and silent, unlinks.
 * @param observed frames to b and what b stores
 */
function exchange(a: HearsayDocument, b: HearsayDocument, observed: Outlet = {}): Exchange {
  let bytes = 0
  let flights = 0
  let flightsWhenEqual: number | undefined
  a.settle()
  b.settle()
  a.now = Math.max(a.now, b.now)
  b.now = a.now
  let silentUntil = a.now + SILENCE_MS
  a.input({ type: 'peer-up', peer: b.peer })
  b.input({ type: 'peer-up', peer: a.peer })
  for (;;) {
    const { toA, toB } = spoken(a, b, observed)
    if (a.digest() === b.digest()) flightsWhenEqual ??= flights
    if (toA.length + toB.length > 0) {
      flights += 1
      for (const frame of [...toA, ...toB]) bytes += frame.length
      for (const frame of toB) b.input({ type: 'frame', peer: a.peer, bytes: frame })
      for (const frame of toA) a.input({ type: 'frame', peer: b.peer, bytes: frame })
      silentUntil = a.now + SILENCE_MS
      continue
    }
    const next = Math.min(a.nextDeadline() ?? Infinity, b.nextDeadline() ?? Infinity)
    if (flightsWhenEqual !== undefined && next > silentUntil) break
    if (next === Infinity) throw new Error('both are silent and differ')
    a.now = Math.max(a.now, next)
    b.now = a.now
    a.input({ type: 'tick' })
    b.input({ type: 'tick' })
  }
  a.input({ type: 'peer-down', peer: b.peer })
  b.input({ type: 'peer-down', peer: a.peer })
  a.settle()
  b.settle()
  return { bytes, flights: Math.max(1, flightsWhenEqual) }
}

function spoken(
  a: HearsayDocument,
  b: HearsayDocument,
  { onSend, onWrite }: Outlet,
): { readonly toA: readonly Uint8Array[]; readonly toB: readonly Uint8Array[] } {
  const toA: Uint8Array[] = []
  const toB: Uint8Array[] = []
  a.drain({
    onSend: (peer, frame) => {
      if (peer !== b.peer) return
      toB.push(frame)
      onSend?.(peer, frame)
    },
  })
  b.drain({
    ...(onWrite === undefined ? {} : { onWrite }),
    onSend: (peer, frame) => {
      if (peer === a.peer) toA.push(frame)
    },
  })
  return { toA, toB }
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
      read.push({ key: reader.text(4096), value: reader.bytes(Number.MAX_SAFE_INTEGER).slice() })
    }
    return read
  })
  if (!rows.ok) throw new Error(`Cannot load snapshot: ${rows.reason}`)
  return rows.value.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

function hearsayDocument(document: Document): HearsayDocument {
  if (document instanceof HearsayDocument) return document
  throw new TypeError('Cannot use document: expected one of hearsay')
}
