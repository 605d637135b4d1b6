import { hashLanes } from '../../../src/base/hash32.ts'
import type { ReplicaId } from '../../../src/base/ids.ts'
import type { Operation } from '../../../src/crdt/operation.ts'
import { unpackRun } from '../../../src/crdt/unpack-run.ts'
import { createDocument, loadDocument, type ReplicatedDocument } from '../../../src/crdt.ts'
import { decodeDifference } from '../../../src/replication/document/difference.ts'
import { type OracleEvent, oracleEvents } from '../oracle.ts'

const START = Date.UTC(2026, 0, 1)

/** Documents that write under ids of their own, with a clock that they share, and all that was ever written. */
export class Documents {
  readonly written: OracleEvent[] = []
  readonly #all: ReplicatedDocument[] = []
  #replicas = 0
  #now = START

  constructor(count: number) {
    for (let i = 0; i < count; i++) this.#all.push(createDocument(this.options()))
  }

  get all(): readonly ReplicatedDocument[] {
    return this.#all
  }

  /** Of somebody new. */
  options(): { readonly replica: Uint8Array; readonly now: () => number } {
    this.#replicas += 1
    const replica = new Uint8Array(16).fill(this.#replicas)
    return { replica, now: () => this.#tick() }
  }

  at(i: number): ReplicatedDocument {
    const found = this.#all[i % this.#all.length]
    if (found === undefined) throw new Error('no documents')
    return found
  }

  /** One transaction; a counter that only grows refuses some. */
  write(i: number, operations: readonly Operation[]): void {
    const writer = this.at(i)
    const before = writer.version()
    try {
      writer.write(operations)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    for (const run of runsOf(writer.difference(before))) {
      const events = unpackRun(run)
      if (!events.ok) throw new Error(events.reason)
      this.written.push(...oracleEvents(events.value))
    }
  }

  #tick(): number {
    this.#now += 1
    return this.#now
  }

  /** Puts a copy without a log in a document's place. */
  reload(i: number): void {
    const loaded = loadDocument(this.at(i).snapshot(), this.options())
    if (loaded === undefined) throw new Error('its own snapshot is none')
    this.#all[i % this.#all.length] = loaded
  }
}

/** The runs of a difference of events. */
export function runsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const decoded = decodeDifference(bytes)
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.value.runs
}

/** Events of a version. */
export function eventsOf(version: ReadonlyMap<ReplicaId, number>): number {
  let events = 0
  for (const n of version.values()) events += n
  return events
}

/** Bytes with a checksum that fits them. */
export function resealed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  const body = copy.length - 8
  const view = new DataView(copy.buffer)
  const lanes = { high: 0, low: 0 }
  hashLanes(view, 0, body, lanes)
  view.setInt32(body, lanes.high)
  view.setInt32(body + 4, lanes.low)
  return copy
}
