import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HybridClock, stampAt, stampMillis } from '../../src/base/hybrid-clock.ts'

const NOW = Date.UTC(2026, 0, 1)

test('stampMillis(stampAt(t)) is t', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2093, 0, 1) }), (at) => {
      expect(stampMillis(stampAt(at))).toBe(at)
    }),
  )
})

test('next() rises through any wall clock and any stamp observed', () => {
  const step = fc.record({ wall: fc.integer({ min: -100_000, max: 100_000 }), seen: fc.nat(1e6) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const clock = new HybridClock()
      let last = 0
      for (const { wall, seen } of steps) {
        clock.observe(stampAt(NOW + wall) + seen, NOW + wall)
        const stamp = clock.next(NOW + wall)
        expect(stamp).toBeGreaterThan(last)
        last = stamp
      }
    }),
  )
})

test('observe() adopts up to a minute ahead and nothing beyond', () => {
  const clock = new HybridClock()
  expect(clock.observe(stampAt(NOW + 60_000), NOW)).toBe(true)
  expect(clock.last).toBe(stampAt(NOW + 60_000))
  expect(clock.observe(stampAt(NOW + 60_001), NOW)).toBe(false)
  expect(clock.last).toBe(stampAt(NOW + 60_000))
})
