import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { sha256 } from '../../src/base/hash.ts'
import { RingIndex } from '../../src/membership/ring-index.ts'
import { MESH_MEMBERS_MAX, RINGS, ringPositions } from '../../src/membership/rings.ts'

const POSITIONS = Array.from({ length: 60 }, (_, i) =>
  ringPositions('net', sha256(Uint8Array.of(i))),
)

function positionOf(row: number, ring: number): number {
  return present(POSITIONS[row]?.[ring], 'a position')
}

function indexOf(rows: readonly number[]): RingIndex {
  const index = new RingIndex(positionOf)
  for (const row of rows) index.add(row)
  return index
}

/** The definition, by looking at everybody. */
function naiveNeighbours(row: number, living: readonly number[]): Set<number> {
  const others = living.filter((other) => other !== row)
  if (others.length < MESH_MEMBERS_MAX) return new Set(others)
  const chosen = new Set<number>()
  for (let ring = 0; ring < RINGS; ring++) {
    const distance = (from: number, to: number): number =>
      (positionOf(to, ring) - positionOf(from, ring) + 2 ** 48) % 2 ** 48
    const nearest = (measure: (other: number) => number): number =>
      others.reduce((best, other) => (measure(other) < measure(best) ? other : best))
    chosen.add(nearest((other) => distance(row, other)))
    chosen.add(nearest((other) => distance(other, row)))
  }
  return chosen
}

function overlays(count: number): Map<number, Set<number>> {
  const rows = Array.from({ length: count }, (_, row) => row)
  const index = indexOf(rows)
  return new Map(rows.map((row) => [row, new Set(index.neighbours(row))]))
}

describe('RingIndex.neighbours()', () => {
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

  test('equals the definition for the living and for others, whoever came and went', () => {
    const moves = fc.array(fc.nat({ max: 59 }), { maxLength: 120 })
    fc.assert(
      fc.property(moves, (rows) => {
        const index = new RingIndex(positionOf)
        const living = new Set<number>()
        for (const row of rows) {
          if (living.delete(row)) index.remove(row)
          else {
            living.add(row)
            index.add(row)
          }
        }
        expect(index.size).toBe(living.size)
        for (let row = 0; row < 60; row++) {
          const chosen = index.neighbours(row)
          expect(new Set(chosen).size).toBe(chosen.length)
          expect(new Set(chosen)).toEqual(naiveNeighbours(row, [...living]))
        }
      }),
      { numRuns: 200 },
    )
  })

  test('another network has other positions', () => {
    const key = sha256(Uint8Array.of(1))
    expect(ringPositions('net', key)).not.toEqual(ringPositions('other', key))
  })
})
