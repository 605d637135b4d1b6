import { mixNumber32 } from '../../src/base/hash32.ts'
import { sealedOf } from '../../src/crdt/entry-reads.ts'
import { EventDraft } from '../../src/crdt/event-draft.ts'
import { dotShare } from '../../src/crdt/lanes.ts'
import type { LiveState } from '../../src/crdt/live-state.ts'

const draft = new EventDraft()

/** Vector hash and fingerprint of a state from its entries, as a digest shows them. */
export function recomputed(state: LiveState): readonly number[] {
  let vectorHigh = 0
  let vectorLow = 0
  let high = 0
  let low = 0
  for (let writer = 0; writer < state.replicaCount; writer++) {
    const lanes = state.lanesOf(writer)
    const have = state.have(writer)
    if (have === 0) continue
    vectorHigh = (vectorHigh + mixNumber32(lanes.high, have)) | 0
    vectorLow = (vectorLow + mixNumber32(lanes.low, have)) | 0
    state.walk(writer, 1, have, (slot, n) => {
      sealedOf(state, slot, draft)
      high = (high + dotShare(draft.high, lanes.high, n)) | 0
      low = (low + dotShare(draft.low, lanes.low, n)) | 0
      return true
    })
  }
  return [vectorHigh >>> 0, vectorLow >>> 0, high >>> 0, low >>> 0]
}

/** The same four numbers as they were kept along the way. */
export function running(state: LiveState): readonly number[] {
  const { vectorHash, fingerprint } = state
  return [vectorHash.high, vectorHash.low, fingerprint.high, fingerprint.low]
}
