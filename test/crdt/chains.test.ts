import fc from 'fast-check'
import { describe, test } from 'vitest'
import { Chains, NO_SLOT } from '../../src/crdt/chains.ts'
import { same } from './same.ts'

const COLUMN_BYTES = 4096
const slot = fc.oneof(fc.nat({ max: 5 }), fc.constantFrom(1023, 1024, 2047, 2048, 100_000))

describe('chains', () => {
  test('of a small group take little', () => {
    const chains = new Chains()
    chains.setNext(3, 2)
    same(chains.allocatedBytes, 256)
    chains.setNext(3, NO_SLOT)
    chains.setNext(64, 3)
    same(chains.allocatedBytes, 512)
    same(chains.nextOf(64), 3)
    same(chains.nextOf(3), NO_SLOT)
    same(chains.nextOf(1000), NO_SLOT)
  })

  test('answer as a Map does, and take room only where there are any', () => {
    const step = fc.record({ slot, next: fc.oneof(fc.constant(NO_SLOT), fc.nat({ max: 9 })) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const chains = new Chains()
        const model = new Map<number, number>()
        for (const { slot: at, next } of steps) {
          chains.setNext(at, next)
          if (next === NO_SLOT) model.delete(at)
          else model.set(at, next)
          for (const { slot: any } of steps) same(chains.nextOf(any), model.get(any) ?? NO_SLOT)
          const columns = new Set([...model.keys()].map((one) => one >>> 10)).size
          same(chains.allocatedBytes <= (columns + 1) * COLUMN_BYTES, true)
        }
        for (const at of model.keys()) chains.setNext(at, NO_SLOT)
        same(chains.allocatedBytes <= COLUMN_BYTES, true)
      }),
    )
  })
})
