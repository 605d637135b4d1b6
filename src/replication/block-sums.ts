import { mixNumber32 } from '../base/hash32.ts'
import type { LiveState } from '../crdt/live-state.ts'

/** Dots of a block. */
export const BLOCK_DOTS = 1_024
/** Bytes of a block's sum: two lanes. */
export const SUM_BYTES = 8

/** Blocks that dots from … to fill; `from` begins one. */
export function blockCount(from: number, to: number): number {
  return Math.ceil((to - from + 1) / BLOCK_DOTS)
}

/** For each block of a writer's dots from … to: the sum of its living dots' hashes. */
export function blockSums(state: LiveState, writer: number, from: number, to: number): Uint8Array {
  const sums = new Int32Array(blockCount(from, to) * 2)
  const { high, low } = state.lanesOf(writer)
  state.walk(writer, from, to, (_slot, n) => {
    const at = Math.floor((n - from) / BLOCK_DOTS) * 2
    sums[at] = (sums[at] ?? 0) + mixNumber32(high, n)
    sums[at + 1] = (sums[at + 1] ?? 0) + mixNumber32(low, n)
    return true
  })
  const bytes = new Uint8Array(sums.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [i, sum] of sums.entries()) view.setInt32(i * 4, sum)
  return bytes
}

/** First dots of the blocks whose sums are others here. */
export function differingBlocks(
  state: LiveState,
  writer: number,
  { from, to, bytes }: { readonly from: number; readonly to: number; readonly bytes: Uint8Array },
): readonly number[] {
  const ours = blockSums(state, writer, from, Math.min(to, state.have(writer)))
  const differing: number[] = []
  for (let at = 0; at < bytes.length; at += SUM_BYTES) {
    let isEqual = true
    for (let i = at; i < at + SUM_BYTES; i++) isEqual &&= (ours[i] ?? 0) === bytes[i]
    if (!isEqual) differing.push(from + (at / SUM_BYTES) * BLOCK_DOTS)
  }
  return differing
}
