import { DecodeError } from '../base/codec.ts'
import { EventDraft } from '../crdt/event-draft.ts'
import { KIND_COUNTER } from '../crdt/kinds.ts'
import type { LiveState } from '../crdt/live-state.ts'
import type { RunReader } from '../crdt/run-reader.ts'
import { type BaseItem, type BaseWriter, livingIntervals } from './base.ts'
import { blockCount, SUM_BYTES } from './block-sums.ts'

/*
 * Merging a base into a state: the result is the state of all events of both. With `have` what is
 * integrated here and `base` what the base covers, a dot
 *   up to both        lives if it lives here and there: dead on one side is dead
 *   up to base only   lives if it lives there and no kill waits for it here
 *   up to have only   lives if it lives here and no kill waits for it there
 */

/** Checks one item against the head, everything that applying it relies on. @throws {DecodeError} */
export function checkItem(item: BaseItem, head: readonly BaseWriter[], runs: RunReader): void {
  const writer = head[item.writer]
  if (writer === undefined || item.to > writer.have) throw new DecodeError('item beyond its base')
  if (item.mode === 'sums') {
    const isWhole = item.bytes.length === blockCount(item.from, item.to) * SUM_BYTES
    if (!isWhole) throw new DecodeError('sums of other blocks')
    return
  }
  if (item.mode !== 'entries') {
    livingIntervals(item)
    return
  }
  if (item.bytes.length === 0) return
  const read = runs.read(item.bytes)
  if (!read.ok) throw new DecodeError(read.reason)
  const { replica, n0, count, isEntries } = read.value
  const isOfItem =
    isEntries && replica === writer.replica && n0 === item.from && count === item.to - item.from + 1
  if (!isOfItem) throw new DecodeError('item holds something else')
}

/** Applies one checked item. The writer's events are adopted afterwards, by {@link adoptHead}. */
export function applyItem(
  state: LiveState,
  item: BaseItem,
  head: readonly BaseWriter[],
  runs: RunReader,
): void {
  const writer = head[item.writer]
  if (writer === undefined) return
  const id = state.intern(writer.replica)
  if (item.mode === 'entries') applyEntries(state, item, id, runs)
  else if (item.mode !== 'sums') killUnlessIn(state, id, item, livingIntervals(item))
}

/** Adopts what a base covers, after all its items. */
export function adoptHead(state: LiveState, head: readonly BaseWriter[]): void {
  for (const { replica, have, chain } of head) {
    const id = state.intern(replica)
    if (have > state.have(id)) state.adopt(id, have, chain)
  }
  for (const { replica, have, pendingKills } of head) {
    const id = state.intern(replica)
    for (const n of pendingKills) if (n > have) state.kill(id, n)
  }
}

function applyEntries(state: LiveState, item: BaseItem, id: number, runs: RunReader): void {
  const have = state.have(id)
  if (item.bytes.length === 0) {
    killUnlessIn(state, id, item, [])
    return
  }
  // A check just before has read it already.
  if (!runs.holds(item.bytes)) runs.read(item.bytes)
  if (item.from <= have) {
    const dots = [...runs.dots.subarray(0, runs.events)]
    killUnlessIn(
      state,
      id,
      item,
      dots.map((n) => [n, n] as const),
    )
  }
  const objects = runs.objects.map(({ type, name }) => state.objectFor(type, name).id)
  const pending = state.pendingKillsOf(id)
  const draft = new EventDraft()
  for (let i = 0; i < runs.events; i++) {
    const n = runs.dots[i] ?? 0
    if (n <= have || pending.has(n)) continue
    runs.draft(i, draft)
    draft.object = objects[runs.object[i] ?? 0] ?? -1
    if (draft.kind === KIND_COUNTER) {
      draft.keyByWriter(id)
    }
    state.insert(id, n, draft)
  }
}

/** Kills what lives here in an item's range and not there. */
function killUnlessIn(
  state: LiveState,
  id: number,
  { from, to }: BaseItem,
  living: readonly (readonly [number, number])[],
): void {
  const dead: number[] = []
  let at = 0
  state.walk(id, from, Math.min(to, state.have(id)), (_slot, n) => {
    while (at < living.length && (living[at]?.[1] ?? 0) < n) at += 1
    const interval = living[at]
    if (interval === undefined || n < interval[0]) dead.push(n)
    return true
  })
  for (const n of dead) state.kill(id, n)
}
