import { assert } from '../../base/assert.ts'
import { AMOUNT_BYTES_MAX, isGrowOnlyAmount, readAmount, writeAmount } from '../../crdt/amount.ts'
import { EventDraft, type Lanes } from '../../crdt/event-draft.ts'
import { KIND_COUNTER, KIND_NONE, KIND_UNKNOWN } from '../../crdt/kinds.ts'
import { RunReader } from '../../crdt/run-reader.ts'
import { RunWriter } from '../../crdt/run-writer.ts'
import type { Group } from '../group/group.ts'
import type { LoggedRun } from '../group/group-log.ts'
import { chainAt, chainWith, isAlike } from '../group/history.ts'
import { Names } from '../group/names.ts'

const RUN_BYTES = 48 << 10
const RUN_EVENTS = 4_096

/** Fills a draft with an event in the group's numbers. */
export function fill(
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

/** Encodes a former identity's events as those of the new one. */
export class Issuer {
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
  /** Events that others have issued already, and whether they are the same. */
  readonly #known: number
  #isSame = true
  #hasTotals = true

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
    this.#known = group.state.have(ids.to)
  }

  /** Whether everybody would issue these events. */
  get isSound(): boolean {
    if (this.#count < this.#known) {
      const held = chainAt(this.#group, this.#to, this.#count, this.#runs)
      if (held !== undefined && !isAlike(held, this.#chain)) return false
    }
    return this.#isSame && this.#hasTotals
  }

  add(run: LoggedRun): void {
    const runs = this.#runs
    const read = runs.read(run.bytes)
    assert(read.ok, 'run of the log')
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
      if (this.#count !== this.#known) continue
      this.#isSame = isAlike(state.chainOf(this.#to), this.#chain)
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
      if (total === undefined) {
        this.#hasTotals = false
        continue
      }
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
