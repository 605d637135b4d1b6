import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agreement, Convergence, WINDOW_MS } from '../../src/dashboard/agreement.ts'
import { Palette, SLOTS } from '../../src/dashboard/palette.ts'
import type { Peer } from '../../src/dashboard/snapshot.ts'

function peer(name: string, digest: string): Peer {
  const unknown = { side: undefined, alive: undefined, rttMs: undefined, since: undefined }
  const own = { state: 'alive', seen: 'alive', links: [], heard: [] } as const
  return { name, peerId: name, digest, isOurs: true, isObserver: false, ...own, ...unknown }
}

test('Palette.assign() gives states that are shown together different colours, and lets them keep theirs', () => {
  const digest = fc.integer({ min: 0, max: 11 }).map(String)
  const picture = fc.uniqueArray(digest, { maxLength: SLOTS })
  fc.assert(
    fc.property(fc.array(picture, { maxLength: 30 }), (pictures) => {
      const palette = new Palette()
      let before: ReadonlyMap<string, number> = new Map()
      for (const digests of pictures) {
        const colours = palette.assign(digests)
        expect(new Set(colours.values()).size).toBe(digests.length)
        for (const one of digests) {
          if (before.has(one)) expect(colours.get(one)).toBe(before.get(one))
        }
        before = colours
      }
    }),
  )
})

test('Palette.assign() finds a colour for each of more states than there are', () => {
  const digests = Array.from({ length: 20 }, (_, index) => `d${index}`)
  const colours = new Palette().assign(digests)
  expect(colours.size).toBe(20)
  expect(new Set(colours.values()).size).toBeLessThanOrEqual(SLOTS)
})

test('Agreement.record() keeps a span per change and forgets what has left the window', () => {
  const agreement = new Agreement()
  const colours = new Map([
    ['x', 0],
    ['y', 1],
  ])
  agreement.record(1_000, [peer('a', 'x'), peer('b', 'x')], colours)
  agreement.record(2_000, [peer('a', 'x'), peer('b', 'y')], colours)
  expect(agreement.spans.get('a')).toEqual([{ at: 1_000, digest: 'x', slot: 0 }])
  expect(agreement.spans.get('b')).toHaveLength(2)
  // The span before the window's start still colours its beginning.
  agreement.record(2_000 + WINDOW_MS, [peer('b', 'y')], colours)
  expect(agreement.spans.get('b')).toHaveLength(2)
  agreement.record(2_001 + WINDOW_MS, [peer('b', 'y')], colours)
  expect(agreement.spans.get('b')).toEqual([{ at: 2_000, digest: 'y', slot: 1 }])
  expect(agreement.spans.has('a')).toBe(false)
})

test('Convergence tells how long all took to agree after a heal', () => {
  const convergence = new Convergence()
  convergence.record(1_000, 1)
  expect(convergence.text(1_000)).toBe('1 state: all agree')
  convergence.record(2_000, 2)
  expect(convergence.hasConverged).toBe(false)
  expect(convergence.text(9_400)).toBe('2 states: they have differed for 7 s')
  convergence.heal(10_000)
  convergence.record(10_100, 2)
  expect(convergence.isHealing).toBe(true)
  convergence.record(10_840, 1)
  expect(convergence.isHealing).toBe(false)
  expect(convergence.text(99_000)).toBe('1 state: converged 0.84 s after heal')
})
