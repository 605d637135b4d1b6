import type { Millis } from '../../base/core.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { AMOUNT_BYTES_MAX, isGrowOnlyAmount, readAmount, writeAmount } from '../../crdt/amount.ts'
import { sealedOf } from '../../crdt/entry-reads.ts'
import { EventDraft, type Lanes } from '../../crdt/event-draft.ts'
import { hasStamp, KIND_COUNTER } from '../../crdt/kinds.ts'
import { RunReader } from '../../crdt/run-reader.ts'
import { RunWriter } from '../../crdt/run-writer.ts'
import type { Adopting } from '../base/adopting.ts'
import { contentOf, dotsOf } from '../base/adoption.ts'
import { hasEntries } from '../base/base.ts'
import type { Group } from '../group/group.ts'
import { chainWith } from '../group/history.ts'
import { hasRoomFor } from '../group/room.ts'
import { killsAbove, type Reissue } from './reissue.ts'
import { apply, becomes, type Renewed } from './renew.ts'

/*
 * A writer's events are others elsewhere, and the logs no longer tell since when. Then a peer's view of them
 * takes the place of ours, as one base, and of our own what it does not hold is written again: entries that
 * live here and are not the same there, and of a counter's total what it goes beyond theirs. So nothing is
 * lost that lives here; what others have removed in the meantime may be back; and of a counter that both
 * histories have counted, the total that went further from nought counts.
 */

/** A peer's view of a writer on its way in. */
export interface Replacing {
  readonly former: ReplicaId
  /** For what only we hold. */
  readonly to: ReplicaId
  /** Whether the writer was us: we go on as `to`. */
  readonly isOurs: boolean
  readonly now: Millis
}

interface Replaced extends Pick<Renewed, 'writes' | 'issued'> {
  /** For people; undefined when nothing was only here. */
  readonly text: string | undefined
}

const RUN_BYTES = 48 << 10
const RUN_EVENTS = 4_096

/** Lets go of a writer's events, whose other history a complete base brings, and issues what only we hold. */
export function replace(
  group: Group,
  base: Pick<Adopting, 'head' | 'items'>,
  { former, to, isOurs, now }: Replacing,
): Replaced | undefined {
  group.close()
  const { state } = group
  const writer = state.indexOf(former)
  if (writer === undefined || !hasRoomFor(state, [to])) return undefined
  const copier = new Copier(group, writer, state.intern(to))
  copier.read(base)
  const runs = copier.copies()
  const plan: Reissue = {
    former,
    n: 0,
    chain: state.lanesOf(writer),
    kills: killsAbove(group, writer, 0, new RunReader()),
    ours: [],
    revived: [],
    runs,
  }
  const writes = becomes(group, isOurs ? to : undefined)
  const done = apply(group, plan, now)
  const what = `events of ${former} are others elsewhere, and too old to be told apart`
  const copies = `${copier.count} entries that only this store held are issued again as ${to}`
  const text = copier.count === 0 && !isOurs ? undefined : `${what}: ${copies}`
  return { writes: [...writes, ...done.writes], issued: done.issued, text }
}

/** Writers whose entries under some dots are others in a base that covers as many of their events. */
export function differingWriters(
  group: Group,
  base: Pick<Adopting, 'head' | 'items'>,
): readonly ReplicaId[] {
  group.close()
  const { state } = group
  const differing: ReplicaId[] = []
  for (const { replica, have } of base.head) {
    const writer = state.indexOf(replica)
    if (writer === undefined || have === 0 || have !== state.have(writer)) continue
    const copier = new Copier(group, writer, writer)
    copier.read(base)
    if (copier.differs()) differing.push(replica)
  }
  return differing
}

/** Encodes the live entries of a writer that a base does not hold. */
class Copier {
  readonly #group: Group
  readonly #writer: number
  readonly #to: number
  /** Content hashes there, by dot. */
  readonly #theirs = new Map<number, Lanes>()
  /** Totals there, by name. */
  readonly #totals = new Map<string, number | bigint>()
  readonly #cursor = { at: 0 }
  readonly #draft = new EventDraft()
  readonly #amount = new Uint8Array(AMOUNT_BYTES_MAX)
  readonly #copies: Uint8Array[] = []
  readonly #out: RunWriter
  #chain: Lanes
  #stamp = 0
  /** Events issued. */
  count = 0

  constructor(group: Group, writer: number, to: number) {
    this.#group = group
    this.#writer = writer
    this.#to = to
    this.#out = new RunWriter(group.state)
    this.#chain = group.state.lanesOf(to)
  }

  read({ head, items }: Pick<Adopting, 'head' | 'items'>): void {
    const replica = this.#group.state.replicaAt(this.#writer)
    const runs = new RunReader()
    const draft = new EventDraft()
    for (const item of items) {
      const isIts = head[item.writer]?.replica === replica && hasEntries(item)
      if (!isIts || item.bytes.length === 0) continue
      const { run, stretches } = contentOf(item)
      if (!runs.read(run).ok) continue
      const dots = stretches === undefined ? runs.dots : dotsOf(stretches)
      for (let i = 0; i < runs.events; i++) {
        const n = dots[i] ?? 0
        this.#theirs.set(n, { high: runs.highs[i] ?? 0, low: runs.lows[i] ?? 0 })
        if (runs.kinds[i] !== KIND_COUNTER) continue
        runs.draft(i, draft)
        const name = runs.objects[runs.object[i] ?? 0]?.name ?? ''
        this.#totals.set(name, readAmount(draft.payloadBytes, draft.payloadStart, this.#cursor))
      }
    }
  }

  /** Whether a dot lives on both sides with different contents. */
  differs(): boolean {
    const { state } = this.#group
    const draft = this.#draft
    let isSame = true
    state.walk(this.#writer, 1, state.have(this.#writer), (slot, n) => {
      const theirs = this.#theirs.get(n)
      if (theirs === undefined) return true
      sealedOf(state, slot, draft)
      isSame = theirs.high === draft.high && theirs.low === draft.low
      return isSame
    })
    return !isSame
  }

  copies(): readonly Uint8Array[] {
    const { state } = this.#group
    const draft = this.#draft
    state.walk(this.#writer, 1, state.have(this.#writer), (slot, n) => {
      sealedOf(state, slot, draft)
      const theirs = this.#theirs.get(n)
      if (theirs?.high === draft.high && theirs.low === draft.low) return true
      if (draft.kind === KIND_COUNTER) {
        const object = state.objectAt(draft.object)
        if (!this.#exceeds(draft, object.name)) return true
        draft.keyByWriter(this.#to)
        draft.seal(object.lanes)
      }
      this.#add(draft)
      return true
    })
    this.#finish()
    return this.#copies
  }

  #add(draft: EventDraft): void {
    const out = this.#out
    const isStamped = hasStamp(draft.kind)
    // A value keeps its place among those written at once; stamps of one writer only grow.
    this.#stamp = Math.max(this.#stamp + 1, isStamped ? draft.stamp : 0)
    draft.stamp = this.#stamp
    if (isStamped) draft.seal(this.#group.state.objectAt(draft.object).lanes)
    if (out.length >= RUN_BYTES || out.count >= RUN_EVENTS) this.#finish()
    if (out.count === 0) out.begin(this.#to, this.count + 1, Math.max(0, this.#stamp - 1))
    this.#chain = chainWith(this.#group.state, this.#chain, draft, true)
    out.add(draft, true)
    this.count += 1
  }

  #finish(): void {
    if (this.#out.count === 0) return
    this.#copies.push(this.#out.finish(this.#chain))
    this.#out.begin(this.#to, this.count + 1, 0)
  }

  /** Turns our total into what it goes beyond theirs; false when it does not. */
  #exceeds(draft: EventDraft, name: string): boolean {
    const { payloadBytes, payloadStart } = draft
    const growOnly = isGrowOnlyAmount(payloadBytes, payloadStart)
    const ours = BigInt(readAmount(payloadBytes, payloadStart, this.#cursor))
    const theirs = BigInt(this.#totals.get(name) ?? 0)
    if (magnitude(ours) <= magnitude(theirs)) return false
    draft.payloadBytes = this.#amount
    draft.payloadStart = 0
    draft.payloadEnd = writeAmount(this.#amount, 0, ours - theirs, growOnly && ours >= theirs)
    return true
  }
}

function magnitude(amount: bigint): bigint {
  return amount < 0n ? -amount : amount
}
