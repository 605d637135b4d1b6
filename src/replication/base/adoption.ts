import { DecodeError } from '../../base/codec.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import { KIND_COUNTER } from '../../crdt/kinds.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import { type BaseItem, type BaseWriter, hasEntries, isMap, thinnedParts } from './base.ts'
import { blockCount, SUM_BYTES } from './block-sums.ts'
import { DotBits, livingStretches, MAP_DOTS_MAX } from './living-map.ts'

/*
 * Merging a base into a state: the result is the state of all events of both. With `have` what is
 * integrated here and `base` what the base covers, a dot
 *   up to both        lives if it lives here and there: dead on one side is dead
 *   up to base only   lives if it lives there and no kill waits for it here
 *   up to have only   lives if it lives here and no kill waits for it there
 */

/** Between so few stretches living dots are looked for one stretch after the other. */
const STRETCHES_FEW = 16

/** Checks one item against the head, everything that applying it relies on. @throws {DecodeError} */
export function checkItem(item: BaseItem, head: readonly BaseWriter[], runs: RunReader): void {
  const writer = head[item.writer]
  if (writer === undefined || item.to > writer.have) throw new DecodeError('item beyond its base')
  if (item.mode === 'sums') {
    const isWhole = item.bytes.length === blockCount(item.from, item.to) * SUM_BYTES
    if (!isWhole) throw new DecodeError('sums of other blocks')
    return
  }
  if (isMap(item)) {
    livingStretches(item, item.from, item.to)
    return
  }
  if (item.bytes.length === 0) return
  const { run, stretches } = contentOf(item)
  const read = runs.read(run)
  if (!read.ok) throw new DecodeError(read.reason)
  const { replica, n0, count, isEntries } = read.value
  let living = item.to - item.from + 1
  if (stretches !== undefined) {
    living = 0
    for (let i = 0; i < stretches.length; i += 2) {
      living += (stretches[i + 1] ?? 0) - (stretches[i] ?? 0) + 1
    }
    if (runs.events !== living) throw new DecodeError('item holds something else')
  }
  const isOfItem = isEntries && replica === writer.replica && n0 === item.from && count === living
  if (!isOfItem) throw new DecodeError('item holds something else')
}

/** The run of an item that brings entries, and where they live if not side by side. @throws {DecodeError} */
export function contentOf(item: BaseItem): {
  readonly run: Uint8Array
  readonly stretches: ArrayLike<number> | undefined
} {
  if (item.mode !== 'thinned') return { run: item.bytes, stretches: undefined }
  const { map, run } = thinnedParts(item)
  return { run, stretches: livingStretches(map, item.from, item.to) }
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
  if (hasEntries(item)) applyEntries(state, item, id, runs)
  else for (const n of deadThere(state, id, item)) state.kill(id, n)
}

/** Dots of a map that live here and not there. @throws {DecodeError} */
export function deadThere(state: LiveState, id: number, item: BaseItem): readonly number[] {
  return isMap(item) ? livingBeside(state, id, item, livingStretches(item, item.from, item.to)) : []
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
  const { run, stretches } = contentOf(item)
  // A check just before has read it already.
  if (!runs.holds(run)) runs.read(run)
  const dots = stretches === undefined ? runs.dots : dotsOf(stretches)
  if (item.from <= have) {
    const living: number[] = []
    for (let i = 0; i < runs.events; i++) living.push(dots[i] ?? 0, dots[i] ?? 0)
    killUnlessIn(state, id, item, stretches ?? living)
  }
  const objects = runs.objects.map(({ type, name }) => state.objectFor(type, name).id)
  const pending = state.pendingKillsOf(id)
  const draft = new EventDraft()
  const { loading } = state.live
  const whole = { writer: id, objects, from: 0, to: runs.events }
  const isFresh = item.from > have
  for (
    let i = isFresh ? (loading?.insertElements(runs, whole, dots) ?? 0) : 0;
    i < runs.events;
    i++
  ) {
    const n = dots[i] ?? 0
    if (n <= have || pending.has(n)) continue
    runs.draft(i, draft)
    draft.object = objects[runs.object[i] ?? 0] ?? -1
    if (draft.kind === KIND_COUNTER) {
      draft.keyByWriter(id)
    }
    state.insert(id, n, draft)
  }
}

/** The dots of stretches, one by one. */
export function dotsOf(stretches: ArrayLike<number>): readonly number[] {
  const dots: number[] = []
  for (let i = 0; i < stretches.length; i += 2) {
    for (let n = stretches[i] ?? 0; n <= (stretches[i + 1] ?? 0); n++) dots.push(n)
  }
  return dots
}

/** Kills what lives here in an item's range and not there. */
function killUnlessIn(
  state: LiveState,
  id: number,
  item: BaseItem,
  living: ArrayLike<number>,
): void {
  for (const n of livingBeside(state, id, item, living)) state.kill(id, n)
}

/**
 * What lives here in an item's range beside some stretches. The work is that of what is found, and some for
 * each stretch; of many stretches bits are compared, which is as much as reading their map.
 * @param living first and last dots of stretches in turn, ascending
 */
function livingBeside(
  state: LiveState,
  id: number,
  { from, to }: BaseItem,
  living: ArrayLike<number>,
): readonly number[] {
  const end = Math.min(to, state.have(id))
  if (end < from) return []
  const stretches = living.length / 2
  if (stretches > STRETCHES_FEW && end - from < MAP_DOTS_MAX) {
    const bits = new DotBits(end - from + 1, state.liveBits(id, from, end))
    for (let i = 0; i < stretches; i++) {
      bits.clear((living[i * 2] ?? 0) - from, (living[i * 2 + 1] ?? 0) - from)
    }
    return bits.living().map((index) => from + index)
  }
  const found: number[] = []
  let past = from
  for (let i = 0; i <= stretches && past <= end; i++) {
    const last = i < stretches ? Math.min(end, (living[i * 2] ?? 0) - 1) : end
    if (last >= past) {
      state.walk(id, past, last, (_slot, n) => {
        found.push(n)
        return true
      })
    }
    past = (living[i * 2 + 1] ?? 0) + 1
  }
  return found
}
