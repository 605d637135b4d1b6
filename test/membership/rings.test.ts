import { describe, expect, test } from 'vitest'
import { MESH_MEMBERS_MAX, overlayOf, ringPositions } from '../../src/membership/rings.ts'
import { TestSigner } from './signer.ts'

const members = Array.from({ length: 60 }, (_, i) => ({
  i,
  rings: ringPositions('net', new TestSigner(i).publicKey),
}))

function overlays(count: number): Map<number, Set<number>> {
  const some = members.slice(0, count)
  return new Map(
    some.map((self) => {
      const others = some.filter((other) => other !== self)
      return [self.i, new Set([...overlayOf(self, others)].map(({ i }) => i))]
    }),
  )
}

describe('overlayOf()', () => {
  test.each([1, 2, MESH_MEMBERS_MAX])('%i members are a full mesh', (count) => {
    for (const links of overlays(count).values()) expect(links.size).toBe(count - 1)
  })

  test.each([10, 11, 25, 60])('of %i members both ends of a link want it', (count) => {
    const all = overlays(count)
    for (const [self, links] of all) {
      expect(links.size).toBeLessThanOrEqual(8)
      expect(links.size).toBeGreaterThanOrEqual(2)
      for (const other of links) expect(all.get(other)?.has(self)).toBe(true)
    }
  })

  test('the overlay stays connected when any two members are gone', () => {
    const all = overlays(25)
    for (let a = 0; a < 25; a++) {
      for (let b = a + 1; b < 25; b++) {
        const seen = new Set<number>()
        const queue = [[...all.keys()].find((i) => i !== a && i !== b) ?? 0]
        for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
          if (seen.has(at) || at === a || at === b) continue
          seen.add(at)
          queue.push(...(all.get(at) ?? []))
        }
        expect(seen.size).toBe(23)
      }
    }
  })

  test('the order of the members does not matter, the network does', () => {
    const [self, ...others] = members
    if (self === undefined) throw new Error('members')
    const forward = [...overlayOf(self, others)].map(({ i }) => i).sort()
    const backward = [...overlayOf(self, [...others].reverse())].map(({ i }) => i).sort()
    expect(forward).toEqual(backward)
    const key = new TestSigner(1).publicKey
    expect(ringPositions('net', key)).not.toEqual(ringPositions('other', key))
  })
})
