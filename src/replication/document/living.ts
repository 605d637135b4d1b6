import { DecodeError, type Reader, type Writer } from '../../base/codec.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import { hasStamp, KIND_COUNTER } from '../../crdt/kinds.ts'
import { RUN_BYTES_MAX, RUN_EVENTS_MAX } from '../../crdt/limits.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { RunReader } from '../../crdt/run-reader.ts'
import { RunWriter } from '../../crdt/run-writer.ts'
import type { BaseWriter } from '../base/base.ts'

/*
 * All that lives of a state, in one piece: a base as of base.ts in the spelling that costs the least code, for
 * readers who may have seen nothing. After the head, for each of its writers, blocks that cover its dots from 1 to
 * `have`:
 *
 *   dots · stretches · for each: dead dots before it, living dots · unless there are none: a run in entries mode
 *   over as many dots as live, from the first dot of the block on without gaps, with its length
 */

/** Dots of a writer that are told together. */
export interface Block {
  /** Index into the head. */
  readonly writer: number
  readonly from: number
  readonly to: number
  /** First and last dots of stretches that live in turn, ascending. */
  readonly stretches: readonly number[]
  readonly run: Uint8Array
}

const BLOCK_ENTRIES_MAX = 4_096
const BLOCK_BYTES_MAX = 32 << 10

export function writeBlocks(writer: Writer, state: LiveState, head: readonly BaseWriter[]): void {
  const out = new RunWriter(state)
  for (const { replica, have } of head) {
    const id = state.intern(replica)
    for (let from = 1; from <= have; ) from = writeBlock(writer, state, out, { id, from, have }) + 1
  }
}

/** @returns its last dot */
function writeBlock(
  writer: Writer,
  state: LiveState,
  out: RunWriter,
  { id, from, have }: { readonly id: number; readonly from: number; readonly have: number },
): number {
  const draft = new EventDraft()
  const stretches: number[] = []
  let entries = 0
  let last = 0
  let to = have
  state.walk(id, from, have, (slot, n) => {
    state.draftOf(slot, draft)
    const isStamped = hasStamp(draft.kind)
    if (entries === 0) out.begin(id, from, isStamped ? Math.max(0, draft.stamp - 1) : 0, true)
    const isFull = entries >= BLOCK_ENTRIES_MAX || out.length >= BLOCK_BYTES_MAX
    if (isFull || (isStamped && !out.fits(draft.stamp))) {
      to = last
      return false
    }
    out.add(draft, isStamped)
    if (entries > 0 && n === last + 1) stretches[stretches.length - 1] = n
    else stretches.push(n, n)
    entries += 1
    last = n
    return true
  })
  writer.varint(to - from + 1).varint(stretches.length / 2)
  let past = from
  for (let i = 0; i < stretches.length; i += 2) {
    const [first, end] = [stretches[i] ?? 0, stretches[i + 1] ?? 0]
    writer.varint(first - past).varint(end - first + 1)
    past = end + 1
  }
  if (entries > 0) writer.bytes(out.finish(undefined))
  return to
}

/** @throws {DecodeError} */
export function readBlocks(reader: Reader, head: readonly BaseWriter[]): readonly Block[] {
  const blocks: Block[] = []
  for (const [writer, { have }] of head.entries()) {
    let from = 1
    while (from <= have) {
      const to = from + reader.varint(have - from + 1) - 1
      if (to < from) throw new DecodeError('block of no dots')
      const stretches: number[] = []
      let past = from
      for (let left = reader.varint(RUN_EVENTS_MAX); left > 0; left--) {
        const first = past + reader.varint(to - past)
        past = first + reader.varint(to - first + 1)
        if (past === first) throw new DecodeError('block of no dots')
        stretches.push(first, past - 1)
      }
      const run = stretches.length > 0 ? reader.bytes(RUN_BYTES_MAX) : new Uint8Array(0)
      blocks.push({ writer, from, to, stretches, run })
      from = to + 1
    }
  }
  return blocks
}

/** What checking blocks has told of them. */
export interface Checked {
  readonly entries: number
  /** The latest stamp among them. */
  readonly stamp: number
}

/** Checks everything that {@link applyBlock} relies on. @throws {DecodeError} */
export function checkBlocks(
  head: readonly BaseWriter[],
  blocks: readonly Block[],
  runs: RunReader,
): Checked {
  let entries = 0
  let stamp = 0
  for (const { writer, from, stretches, run } of blocks) {
    if (stretches.length === 0) continue
    let living = 0
    for (let i = 0; i < stretches.length; i += 2) {
      living += (stretches[i + 1] ?? 0) - (stretches[i] ?? 0) + 1
    }
    const read = runs.read(run)
    if (!read.ok) throw new DecodeError(read.reason)
    const { replica, n0, count, isEntries } = read.value
    const isOfBlock = isEntries && replica === head[writer]?.replica && n0 === from
    if (!isOfBlock || count !== living || runs.events !== living) {
      throw new DecodeError('block holds something else')
    }
    entries += living
    for (let i = 0; i < living; i++) stamp = Math.max(stamp, runs.stamps[i] ?? 0)
  }
  return { entries, stamp }
}

/**
 * Merges a block that was checked: of dots that were known here, those die that do not live there; others come
 * to live. The writer's events are adopted afterwards, by adoptHead().
 * @param id interned writer
 */
export function applyBlock(state: LiveState, id: number, block: Block, runs: RunReader): void {
  const { from, to, stretches, run } = block
  const have = state.have(id)
  const dead: number[] = []
  let at = 0
  state.walk(id, from, Math.min(to, have), (_, n) => {
    while (at < stretches.length && (stretches[at + 1] ?? 0) < n) at += 2
    if (at === stretches.length || (stretches[at] ?? 0) > n) dead.push(n)
    return true
  })
  for (const n of dead) state.kill(id, n)
  if ((stretches.at(-1) ?? 0) <= have) return
  if (!runs.holds(run)) runs.read(run)
  const objects = runs.objects.map(({ type, name }) => state.objectFor(type, name).id)
  const pending = state.pendingKillsOf(id)
  const draft = new EventDraft()
  let i = 0
  for (let stretch = 0; stretch < stretches.length; stretch += 2) {
    for (let n = stretches[stretch] ?? 0; n <= (stretches[stretch + 1] ?? 0); n++, i++) {
      if (n <= have || pending.has(n)) continue
      runs.event(i, draft, objects, [])
      if (draft.kind === KIND_COUNTER) draft.keyByWriter(id)
      state.insert(id, n, draft)
    }
  }
}
