import { expect, test } from 'vitest'
import type { PeerId } from '../../src/base/ids.ts'
import type { Link } from '../../src/membership/link.ts'
import { NearCut } from '../../src/membership/near-cut.ts'
import type { Shared } from '../../src/membership/shared.ts'

const PATIENCE_MS = 500

/** What a cut is seen by. */
interface SeenLink {
  isOverlay: boolean
  unansweredAt: number | undefined
}

/** Links that answer, and what looks at them. */
function seen(count: number): { readonly links: SeenLink[]; readonly nearCut: NearCut } {
  const roundTrip = { timeoutMs: () => 100 }
  const links = Array.from({ length: count }, () => {
    return { isOverlay: true, unansweredAt: undefined, roundTrip }
  })
  const byPeer = new Map(links.map((link, i) => [`${i}` as PeerId, link as unknown as Link]))
  const shared = {
    links: byPeer,
    tunables: {},
    health: { scale: 1 },
    lateness: { ms: () => 0 },
  } as unknown as Shared
  return { links, nearCut: new NearCut(shared) }
}

/** Whether a cut is near, at a time when so many of the links have been silent for long. */
function isNear(links: number, silent: number, now = 10_000): boolean {
  const { links: all, nearCut } = seen(links)
  for (const link of all.slice(0, silent)) link.unansweredAt = now - PATIENCE_MS - 1
  nearCut.look(now)
  return nearCut.isNear(now)
}

test.each([
  [8, 2, false],
  [8, 3, true],
  [3, 2, true],
  [4, 2, false],
  [2, 2, false],
  [1, 1, false],
  [0, 0, false],
])('of %i links %i silent ones: near is %s', (links, silent, expected) => {
  expect(isNear(links, silent)).toBe(expected)
})

test('a ping that is not answered yet is no silence, nor is a link beside the overlay', () => {
  const { links, nearCut } = seen(8)
  for (const link of links) link.unansweredAt = 10_000 - PATIENCE_MS
  expect(nearCut.look(10_000)).toBe(false)
  for (const link of links) [link.isOverlay, link.unansweredAt] = [false, 0]
  expect(nearCut.look(11_000)).toBe(false)
  expect(nearCut.isNear(11_000)).toBe(false)
})

test('a cut is near for as long as it is seen and five seconds after, and comes near once', () => {
  const { links, nearCut } = seen(8)
  for (const link of links.slice(0, 3)) link.unansweredAt = 0
  expect(nearCut.look(1_000)).toBe(true)
  expect(nearCut.look(2_000)).toBe(false)
  for (const link of links) link.unansweredAt = undefined
  expect(nearCut.look(3_000)).toBe(false)
  expect(nearCut.isNear(6_999)).toBe(true)
  expect(nearCut.isNear(7_000)).toBe(false)
  for (const link of links.slice(0, 3)) link.unansweredAt = 7_000
  expect(nearCut.look(8_000)).toBe(true)
})

test('links are looked at four times a second at most', () => {
  const { links, nearCut } = seen(8)
  expect(nearCut.look(1_000)).toBe(false)
  for (const link of links) link.unansweredAt = 0
  expect(nearCut.look(1_249)).toBe(false)
  expect(nearCut.isNear(1_249)).toBe(false)
  expect(nearCut.look(1_250)).toBe(true)
})
