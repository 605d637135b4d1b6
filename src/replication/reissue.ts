import { assert } from '../base/assert.ts'
import type { ReplicaId } from '../base/ids.ts'
import { AMOUNT_BYTES_MAX, isGrowOnlyAmount, readAmount, writeAmount } from '../crdt/amount.ts'
import { EventDraft, type Lanes } from '../crdt/event-draft.ts'
import { KIND_COUNTER, KIND_NONE, KIND_UNKNOWN } from '../crdt/kinds.ts'
import { RunReader } from '../crdt/run-reader.ts'
import { type RunNames, RunWriter } from '../crdt/run-writer.ts'
import type { Group } from './group.ts'
import type { LoggedRun, LogRow } from './group-log.ts'
import { chainAt, chainWith } from './history.ts'

/*
 * A store that was rolled back or cloned has written under dots that others know with other events. What it
 * wrote is kept under a new identity: the old one ends at the last event that all agree on, and its later
 * events are issued again, in their order, with the kills among them renamed.
 *
 * Counters need care, since an entry is a writer's total: the last total before the fork stays with the old
 * identity, so it comes back to life here, and the new identity counts from nought.
 */

/** Everything about it that a start needs to do it again. */
export interface Reissue {
  readonly former: ReplicaId
  /** Its last event that stands, and its chain there. */
  readonly n: number
  readonly chain: Lanes
  /** Kills, by others, of events that the former identity has elsewhere. Ascending. */
  readonly kills: readonly number[]
  /** Runs in entries mode: totals that live again. */
  readonly revived: readonly Uint8Array[]
  /** The events under the new identity. */
  readonly runs: readonly Uint8Array[]
}

const RUN_BYTES = 48 << 10
const RUN_EVENTS = 4_096

/**
 * Plans to end a writer at `n` and to issue what came after under another id; nothing changes yet.
 * @param to without events in this group @returns undefined where the log does not reach back to `n`
 */
export function planReissue(
  group: Group,
  writer: number,
  n: number,
  to: ReplicaId,
): Reissue | undefined {
  group.close()
  const { state, log } = group
  assert(state.haveOf(to) === 0, 'the new identity is new')
  const runs = new RunReader()
  const end = transactionEnd(group, writer, n, runs)
  const chain = end === undefined ? undefined : chainAt(group, writer, end, runs)
  if (end === undefined || chain === undefined || !log.reaches(writer, end)) return undefined
  const issuer = new Issuer(group, { writer, from: end, to: state.intern(to) })
  for (let index = log.indexAbove(writer, end); ; index++) {
    const run = log.runAt(writer, index)
    if (run === undefined) break
    issuer.add(run)
  }
  issuer.finish()
  return {
    former: state.replicaAt(writer),
    n: end,
    chain,
    kills: killsAbove(group, writer, end, runs),
    revived: issuer.revived,
    runs: issuer.issued,
  }
}

/**
 * Does what was planned.
 * @returns runs of the new identity, and rows of the log that now hold less
 */
export function applyReissue(
  group: Group,
  reissue: Reissue,
): { readonly issued: readonly LoggedRun[]; readonly changed: readonly LogRow[] } {
  group.close()
  const { state } = group
  const runs = new RunReader()
  const { former, n, chain } = reissue
  const writer = state.intern(former)
  const last = state.have(writer) > n ? firstPart(group, writer, n, chain, runs) : undefined
  group.changes.origin = 'local'
  if (state.have(writer) > n) state.rewind(writer, n, chain)
  const changed = group.log.cut(writer, n, last)
  for (const dot of reissue.kills) state.kill(writer, dot)
  for (const bytes of reissue.revived) revive(group, writer, bytes, runs)
  const issued: LoggedRun[] = []
  for (const bytes of reissue.runs) {
    const run = group.restore(bytes)
    assert(run !== undefined, 'reissued events follow each other')
    issued.push(run)
  }
  state.sweep()
  return { issued, changed }
}

/** The last event up to `n` that ends a transaction. */
function transactionEnd(
  { log }: Group,
  writer: number,
  n: number,
  runs: RunReader,
): number | undefined {
  const run = log.runAt(writer, log.indexAbove(writer, n))
  if (run === undefined || run.n0 > n) return n
  if (!runs.read(run.bytes).ok) return undefined
  let end = n
  while (end >= run.n0 && runs.starts[end + 1 - run.n0] !== 1) end -= 1
  return end
}

/** The part up to `n` of the run that holds it, as a run. */
function firstPart(
  group: Group,
  writer: number,
  n: number,
  chain: Lanes,
  runs: RunReader,
): LoggedRun | undefined {
  const { state, log } = group
  const run = log.runAt(writer, log.indexAbove(writer, n))
  if (run === undefined || run.n0 > n || !runs.read(run.bytes).ok) return undefined
  const names = new Names(group)
  const table = runs.replicas.map((id) => state.intern(id))
  const out = new RunWriter(names)
  out.begin(writer, run.n0, Math.max(0, (runs.stamps[0] ?? 0) - 1))
  const draft = new EventDraft()
  const count = n - run.n0 + 1
  for (let i = 0; i < count; i++) {
    fill(runs, i, draft, { names, table })
    out.add(draft, runs.starts[i] === 1)
  }
  return { ...run, count, stamp: out.lastStamp, bytes: out.finish(chain) }
}

/** Kills, by other writers' events of the log, of a writer's events above `n`. */
function killsAbove(group: Group, writer: number, n: number, runs: RunReader): readonly number[] {
  const { state, log } = group
  const kills = new Set<number>()
  const id = state.replicaAt(writer)
  for (let other = 0; other < state.replicaCount; other++) {
    if (other === writer) continue
    for (let index = log.indexAbove(other, 0); ; index++) {
      const run = log.runAt(other, index)
      if (run === undefined || !runs.read(run.bytes).ok) break
      const number = runs.replicas.indexOf(id)
      if (number < 0) continue
      const { killReplicas, killDots } = runs
      const count = runs.killStarts[runs.events] ?? 0
      for (let k = 0; k < count; k++) {
        const dot = killDots[k] ?? 0
        if (killReplicas[k] === number && dot > n) kills.add(dot)
      }
    }
  }
  return [...kills].sort((a, b) => a - b)
}

function revive(group: Group, writer: number, bytes: Uint8Array, runs: RunReader): void {
  const { state } = group
  if (!runs.read(bytes).ok) return
  const draft = new EventDraft()
  for (let i = 0; i < runs.events; i++) {
    const dot = runs.dots[i] ?? 0
    const object = runs.objects[runs.object[i] ?? 0]
    // What the disk has lost before it comes back by its event.
    const isMissing = dot > state.have(writer)
    if (object === undefined || isMissing || state.isLive(writer, dot)) continue
    runs.draft(i, draft)
    draft.object = state.objectFor(object.type, object.name).id
    if (draft.kind === KIND_COUNTER) draft.keyByWriter(writer)
    state.insert(writer, dot, draft)
  }
}

/** Fills a draft with an event in the group's numbers. */
function fill(
  runs: RunReader,
  i: number,
  draft: EventDraft,
  { names, table }: { readonly names: Names; readonly table: readonly number[] },
): void {
  runs.draft(i, draft)
  const object = runs.objects[runs.object[i] ?? 0]
  const isBare = draft.kind === KIND_NONE || draft.kind === KIND_UNKNOWN
  draft.object = isBare || object === undefined ? -1 : names.number(object.type, object.name)
  const end = runs.killStarts[i + 1] ?? 0
  for (let k = runs.killStarts[i] ?? 0; k < end; k++) {
    draft.kill(table[runs.killReplicas[k] ?? 0] ?? 0, runs.killDots[k] ?? 0)
  }
}

/** Numbers for objects, whether the state holds them or not. */
class Names implements RunNames {
  readonly #group: Group
  readonly #names: string[] = []
  readonly #numbers = new Map<string, number>()

  constructor(group: Group) {
    this.#group = group
  }

  objectName(object: number): string {
    return this.#names[object] ?? ''
  }

  replicaAt(replica: number): ReplicaId {
    return this.#group.state.replicaAt(replica)
  }

  number(type: string, name: string): number {
    const key = `${type}:${name}`
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.#names.length
      this.#names.push(name)
      this.#numbers.set(key, number)
    }
    return number
  }
}

/** Encodes a former identity's events as those of the new one. */
class Issuer {
  readonly issued: Uint8Array[] = []
  readonly revived: Uint8Array[] = []
  readonly #group: Group
  readonly #writer: number
  readonly #from: number
  readonly #to: number
  readonly #runs = new RunReader()
  readonly #earlier = new RunReader()
  readonly #names: Names
  readonly #out: RunWriter
  readonly #draft = new EventDraft()
  readonly #amount = new Uint8Array(AMOUNT_BYTES_MAX)
  readonly #cursor = { at: 0 }
  /** By object: the former identity's total at the fork. */
  readonly #totals = new Map<number, number | bigint>()
  #count = 0
  #chain: Lanes

  constructor(
    group: Group,
    ids: { readonly writer: number; readonly from: number; readonly to: number },
  ) {
    this.#group = group
    this.#writer = ids.writer
    this.#from = ids.from
    this.#to = ids.to
    this.#names = new Names(group)
    this.#out = new RunWriter(this.#names)
    this.#chain = group.state.lanesOf(ids.to)
  }

  add(run: LoggedRun): void {
    const runs = this.#runs
    const read = runs.read(run.bytes)
    assert(read.ok, 'runs of the log can be read')
    const { state } = this.#group
    const table = runs.replicas.map((id) => state.intern(id))
    const draft = this.#draft
    for (let i = Math.max(0, this.#from + 1 - run.n0); i < run.count; i++) {
      fill(runs, i, draft, { names: this.#names, table })
      const starts = runs.starts[i] === 1
      const object = runs.objects[runs.object[i] ?? 0]
      if (draft.kind === KIND_COUNTER && object !== undefined) {
        this.#rebase(draft)
        draft.keyByWriter(this.#to)
        draft.seal(object.lanes)
      }
      this.#rename(draft)
      if (this.#out.count === 0) this.#begin(draft.stamp)
      else if (starts && (this.#isFull || !this.#out.fits(draft.stamp))) {
        this.finish()
        this.#begin(draft.stamp)
      }
      this.#chain = chainWith(state, this.#chain, draft, starts)
      this.#out.add(draft, starts)
      this.#count += 1
    }
  }

  finish(): void {
    if (this.#out.count === 0) return
    this.issued.push(this.#out.finish(this.#chain))
    this.#out.begin(this.#to, this.#count + 1, 0)
  }

  get #isFull(): boolean {
    return this.#out.length >= RUN_BYTES || this.#out.count >= RUN_EVENTS
  }

  #begin(stamp: number): void {
    this.#out.begin(this.#to, this.#count + 1, Math.max(0, stamp - 1))
  }

  /** Kills of events that are issued again follow them to their new dots. */
  #rename(draft: EventDraft): void {
    for (let k = 0; k < draft.killCount; k++) {
      const dot = draft.killDots[k] ?? 0
      if (draft.killWriters[k] !== this.#writer || dot <= this.#from) continue
      draft.killWriters[k] = this.#to
      draft.killDots[k] = dot - this.#from
    }
  }

  /** Turns the former identity's total into one that counts from the fork on. */
  #rebase(draft: EventDraft): void {
    const base = this.#totals.get(draft.object) ?? this.#totalBefore(draft)
    this.#totals.set(draft.object, base)
    const { payloadBytes, payloadStart } = draft
    const growOnly = isGrowOnlyAmount(payloadBytes, payloadStart)
    const total = BigInt(readAmount(payloadBytes, payloadStart, this.#cursor)) - BigInt(base)
    draft.payloadBytes = this.#amount
    draft.payloadStart = 0
    draft.payloadEnd = writeAmount(this.#amount, 0, total, growOnly)
  }

  /** The total that a counter's first event above the fork replaces: it lives again, and its kill goes. */
  #totalBefore(draft: EventDraft): number | bigint {
    for (let k = 0; k < draft.killCount; k++) {
      const dot = draft.killDots[k] ?? 0
      if (draft.killWriters[k] !== this.#writer || dot > this.#from) continue
      const total = this.#revive(dot)
      if (total === undefined) continue
      dropKill(draft, k)
      return total
    }
    return 0
  }

  #revive(dot: number): number | bigint | undefined {
    const draft = new EventDraft()
    if (!this.#fillFromLog(dot, draft) && !this.#fillFromTotals(dot, draft)) return undefined
    draft.killCount = 0
    const out = new RunWriter(this.#names)
    out.begin(this.#writer, dot, 0, true)
    out.add(draft, false)
    this.revived.push(out.finish(undefined))
    return readAmount(draft.payloadBytes, draft.payloadStart, this.#cursor)
  }

  #fillFromLog(dot: number, draft: EventDraft): boolean {
    const { log } = this.#group
    const run = log.runAt(this.#writer, log.indexAbove(this.#writer, dot - 1))
    const runs = this.#earlier
    if (run === undefined || run.n0 > dot || !runs.read(run.bytes).ok) return false
    fill(runs, dot - run.n0, draft, { names: this.#names, table: [] })
    return draft.kind === KIND_COUNTER
  }

  #fillFromTotals(dot: number, draft: EventDraft): boolean {
    const total = this.#group.replaced.find(this.#writer, dot)
    if (total === undefined) return false
    draft.clear()
    draft.kind = KIND_COUNTER
    draft.object = this.#names.number('counter', total.object)
    draft.payloadBytes = total.payload
    draft.payloadStart = 0
    draft.payloadEnd = total.payload.length
    return true
  }
}

function dropKill(draft: EventDraft, index: number): void {
  draft.killCount -= 1
  draft.killWriters.copyWithin(index, index + 1)
  draft.killDots.copyWithin(index, index + 1)
}
