import { assert } from '../../base/assert.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import { chainAfter } from '../../crdt/run-head.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import { RunWriter } from '../../crdt/run-writer.ts'
import { FRAME_EVENTS_MAX } from '../sync/frames.ts'
import type { Group } from './group.ts'
import { Names } from './names.ts'

/** A run made for sending. */
export interface PackedRun {
  readonly bytes: Uint8Array
  readonly n0: number
  readonly count: number
  /** Events and kills, or bytes where it was not looked into: what taking it in costs. */
  readonly work: number
}

/** Runs from this size on are sent as they are when all of them is missing: packing gains little. */
const WHOLE_BYTES_MIN = 16 << 10
/** A packed run is closed from this size on. */
const PACKED_BYTES_MAX = 48 << 10
/** Kills of a packed run, unless one alone has more: each is as much work as an event, and takes two bytes. */
const PACKED_KILLS_MAX = 4_096
const KILL_BYTES = 2

/**
 * The events of one writer above `known`, packed into as few runs as fit frames: single writes that became
 * durable one by one share heads, names and prefixes.
 * @param runs scratch to read with
 * @param until runs of the log that begin above it are left out
 */
export function* packedRuns(
  group: Group,
  writer: number,
  known: number,
  runs: RunReader,
  until: number = Infinity,
): Generator<PackedRun> {
  const { log } = group
  const packer = new Packer(group, writer, runs)
  for (let index = log.indexAbove(writer, known); ; index++) {
    const run = log.runAt(writer, index)
    if (run === undefined || run.n0 > until) break
    const isWhole = run.n0 > known
    if (isWhole && (run.bytes.length >= WHOLE_BYTES_MIN || run.count >= FRAME_EVENTS_MAX)) {
      const before = packer.take()
      if (before !== undefined) yield before
      const work = Math.max(run.count, run.bytes.length / KILL_BYTES)
      yield { bytes: run.bytes, n0: run.n0, count: run.count, work }
      continue
    }
    const full = packer.add(run.bytes, Math.max(known + 1, run.n0))
    if (full !== undefined) yield full
  }
  const last = packer.take()
  if (last !== undefined) yield last
}

class Packer {
  readonly #group: Group
  readonly #writer: number
  readonly #runs: RunReader
  readonly #out: RunWriter
  readonly #names: Names
  readonly #draft = new EventDraft()
  #chain = { high: 0, low: 0 }
  /** Set while the only content is one whole run: no need to write it anew. */
  #single: Uint8Array | undefined

  constructor(group: Group, writer: number, runs: RunReader) {
    this.#group = group
    this.#writer = writer
    this.#runs = runs
    this.#names = new Names(group)
    this.#out = new RunWriter(this.#names)
  }

  /** Adds a run's events from dot `from` on. @returns what was closed because they did not fit */
  add(bytes: Uint8Array, from: number): PackedRun | undefined {
    const runs = this.#runs
    const read = runs.read(bytes)
    assert(read.ok, 'run of the log')
    const { n0, count } = read.value
    const { state } = this.#group
    const table = runs.replicas.map((id) => state.intern(id))
    const objects = runs.objects.map(({ type, name }) => this.#names.number(type, name))
    let first = from - n0
    // Whoever has a part of a transaction has another history: the whole of it shows that.
    while (first > 0 && runs.starts[first] !== 1) first -= 1
    const stamp = runs.stamps[first] ?? 0
    const full = this.#hasRoom(first) ? undefined : this.take()
    this.#single = this.#out.count === 0 && first === 0 ? bytes : undefined
    if (this.#out.count === 0) this.#out.begin(this.#writer, n0 + first, Math.max(0, stamp - 1))
    const draft = this.#draft
    for (let i = first; i < count; i++) {
      runs.event(i, draft, objects, table)
      this.#out.add(draft, runs.starts[i] === 1)
    }
    this.#chain = chainAfter(bytes)
    return full
  }

  take(): PackedRun | undefined {
    const { count, n0, killed } = this.#out
    if (count === 0) return undefined
    const bytes = this.#single ?? this.#out.finish(this.#chain)
    this.#single = undefined
    this.#out.begin(this.#writer, n0 + count, 0)
    return { bytes, n0, count, work: count + killed }
  }

  /** Whether one run may hold what has gathered and what was read, from an event on. */
  #hasRoom(first: number): boolean {
    const { count, length, killed } = this.#out
    if (count === 0) return true
    const { events, killStarts, stamps } = this.#runs
    const kills = (killStarts[events] ?? 0) - (killStarts[first] ?? 0)
    return (
      count + events - first <= FRAME_EVENTS_MAX &&
      length < PACKED_BYTES_MAX &&
      killed + kills <= PACKED_KILLS_MAX &&
      this.#out.fits(stamps[first] ?? 0)
    )
  }
}
