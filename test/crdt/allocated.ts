import type { KeyIndex } from '../../src/crdt/key-index.ts'
import type { LiveState } from '../../src/crdt/live-state.ts'
import type { Slots } from '../../src/crdt/slots.ts'

/** Bytes of a state's columns, contents and indexes. */
export function stateBytes(state: LiveState): number {
  let bytes = slotsBytes(state.slots) + state.records.arena.allocatedBytes
  for (const { index } of state.objects()) if (index !== undefined) bytes += indexBytes(index)
  return bytes
}

export function slotsBytes({ chains, positions, pieces }: Slots): number {
  let bytes = chains.allocatedBytes
  for (const { live, writers, bases } of pieces) {
    bytes += live.byteLength + writers.byteLength + bases.byteLength
  }
  for (const { offsets, chunks } of positions.pieces)
    bytes += offsets.byteLength + chunks.byteLength
  for (const chunks of positions.spread.values()) bytes += chunks.byteLength
  return bytes
}

/** A reference of the directory takes eight bytes. */
export function indexBytes({ directory }: KeyIndex): number {
  let bytes = directory.length * 8
  for (const { cells } of new Set(directory)) bytes += cells.byteLength
  return bytes
}
