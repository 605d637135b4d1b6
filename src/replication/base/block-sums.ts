import { mixNumber32, mixScrambled32, scramble32 } from '../../base/hash32.ts'
import type { Lanes } from '../../crdt/event-draft.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { DotBits, type LivingMap, livingMap } from './living-map.ts'

/** Dots of a block. */
export const BLOCK_DOTS = 1_024
/** Bytes of a block's sum: two lanes. */
export const SUM_BYTES = 8

/** Bits come 32 in a word. */
const WORD_DOTS = 32
const BLOCK_WORDS = BLOCK_DOTS / WORD_DOTS
/** Twice a block's dots and more: short ways in a table of them. */
const TABLE_SLOTS = 4_096

/** Blocks that dots from … to fill; `from` begins one. */
export function blockCount(from: number, to: number): number {
  return Math.ceil((to - from + 1) / BLOCK_DOTS)
}

/** For each block of a writer's dots from … to: the sum of its living dots' hashes. */
export function blockSums(state: LiveState, writer: number, from: number, to: number): Uint8Array {
  const sums = new Int32Array(blockCount(from, to) * 2)
  const { high, low } = state.lanesOf(writer)
  const bits = state.liveBits(writer, from, to)
  for (let w = 0; w < bits.length; w++) {
    const first = from + w * WORD_DOTS
    let highs = 0
    let lows = 0
    for (let rest = bits[w] ?? 0; rest !== 0; rest &= rest - 1) {
      // mixNumber32(), of which both lanes share half.
      const n = first + 31 - Math.clz32(rest & -rest)
      const digits = scramble32(n | 0)
      const rising = n < 2 ** 32 ? 0 : scramble32(Math.floor(n / 2 ** 32) | 0)
      highs = (highs + mixScrambled32(mixScrambled32(high, digits), rising)) | 0
      lows = (lows + mixScrambled32(mixScrambled32(low, digits), rising)) | 0
    }
    const at = Math.floor(w / BLOCK_WORDS) * 2
    sums[at] = (sums[at] ?? 0) + highs
    sums[at + 1] = (sums[at + 1] ?? 0) + lows
  }
  const bytes = new Uint8Array(sums.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [i, sum] of sums.entries()) view.setInt32(i * 4, sum)
  return bytes
}

/** A block whose sum is another one here. */
export interface DifferingBlock {
  /** Its dots. */
  readonly from: number
  readonly to: number
  /** The map of what lives there, where the sums tell it; otherwise it has to be asked for. */
  readonly map: LivingMap | undefined
}

/** The blocks whose sums are others here. */
export function differingBlocks(
  state: LiveState,
  writer: number,
  { from, to, bytes }: { readonly from: number; readonly to: number; readonly bytes: Uint8Array },
): readonly DifferingBlock[] {
  const ours = blockSums(state, writer, from, Math.min(to, state.have(writer)))
  const differing: DifferingBlock[] = []
  const [view, own] = [viewOf(bytes), viewOf(ours)]
  for (let at = 0; at < bytes.length; at += SUM_BYTES) {
    const high = (view.getInt32(at) - own.getInt32(at)) | 0
    const low = (view.getInt32(at + 4) - own.getInt32(at + 4)) | 0
    if (high === 0 && low === 0) continue
    const first = from + (at / SUM_BYTES) * BLOCK_DOTS
    const block = { from: first, to: Math.min(to, first + BLOCK_DOTS - 1) }
    differing.push({ ...block, map: mapBySum(state, writer, block, { high, low }) })
  }
  return differing
}

/**
 * What lives in a block there, if one or two dots make the difference of the sums: whoever adds or takes away
 * a dot changes them by its hash, so that it is found among those of all dots of the block. That others make
 * the same difference in 64 bits is as likely as anything that fingerprints do not see.
 */
function mapBySum(
  state: LiveState,
  writer: number,
  { from, to }: { readonly from: number; readonly to: number },
  difference: Lanes,
): LivingMap | undefined {
  const living = new DotBits(to - from + 1, state.liveBits(writer, from, to))
  const lanes = state.lanesOf(writer)
  const { dots } = living
  const highs = new Int32Array(dots)
  const lows = new Int32Array(dots)
  for (let i = 0; i < dots; i++) {
    // What lives here can only be missing there, and the other way round.
    const sign = living.has(i) ? -1 : 1
    highs[i] = Math.imul(mixNumber32(lanes.high, from + i), sign)
    lows[i] = Math.imul(mixNumber32(lanes.low, from + i), sign)
  }
  const found = oneOrTwo(highs, lows, difference)
  if (found === undefined) return undefined
  for (const i of found) living.flip(i)
  return livingMap(living)
}

/** Indexes of one or two values that add up to a difference in both lanes. */
function oneOrTwo(
  highs: Int32Array,
  lows: Int32Array,
  { high, low }: Lanes,
): readonly number[] | undefined {
  // Open addressing; 0 is free, else an index and one.
  const table = new Uint16Array(TABLE_SLOTS)
  for (let i = 0; i < highs.length; i++) {
    const [ownHigh, ownLow] = [highs[i] ?? 0, lows[i] ?? 0]
    if (ownHigh === high && ownLow === low) return [i]
    const [restHigh, restLow] = [(high - ownHigh) | 0, (low - ownLow) | 0]
    for (let slot = slotOf(restHigh); table[slot] !== 0; slot = (slot + 1) % TABLE_SLOTS) {
      const other = (table[slot] ?? 0) - 1
      if (highs[other] === restHigh && lows[other] === restLow) return [other, i]
    }
    let slot = slotOf(ownHigh)
    while (table[slot] !== 0) slot = (slot + 1) % TABLE_SLOTS
    table[slot] = i + 1
  }
  return undefined
}

function slotOf(value: number): number {
  return (value >>> 16) % TABLE_SLOTS
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
