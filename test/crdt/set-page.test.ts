import fc from 'fast-check'
import { expect, test } from 'vitest'
import { setPage } from '../../src/crdt/set-page.ts'
import { Pen } from '../replication/pen.ts'
import { replicaOf } from './encoded.ts'

const SET = 's'

function change(pen: Pen, type: 'set-add' | 'set-remove', values: readonly string[]): void {
  if (values.length > 0) pen.write({ type, object: SET, values })
}

function texts(count: number, first: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `element ${first + i}`)
}

test('pages tell each element that stays once, whatever comes and goes between them', () => {
  let pages = 0
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 5, 9, 3_000, 9_000),
      fc.array(fc.tuple(fc.nat(4_000), fc.nat(4_000)), { maxLength: 12 }),
      (count, changes) => {
        const pen = new Pen(replicaOf('a'))
        const staying = texts(count, 0)
        change(pen, 'set-add', staying)
        const passing = texts(changes[0]?.[1] ?? 0, 1_000_000)
        change(pen, 'set-add', passing)
        const told: string[] = []
        let next: number | undefined = 0
        let at = 0
        while (next !== undefined) {
          const page = setPage(pen.group.reader, SET, next)
          told.push(...page.elements)
          next = page.next
          pages += 1
          const [come = 0, gone = 0] = changes[at++] ?? []
          change(pen, 'set-add', texts(come, 2_000_000 + at * 10_000))
          change(pen, 'set-remove', passing.slice(0, gone))
        }
        const seen = new Set(told)
        expect(seen.size).toBe(told.length)
        expect(staying.filter((element) => !seen.has(element))).toEqual([])
      },
    ),
    { numRuns: 40 },
  )
  // Or nothing happened between two of them.
  expect(pages).toBeGreaterThan(50)
})
