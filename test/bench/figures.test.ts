import { expect, test } from 'vitest'
import { aimText, holds } from '../../bench/state/aim.ts'
import { median } from '../../bench/state/median.ts'
import { table } from '../../bench/state/table.ts'

const RATE = { unit: 'a second', better: 'higher' } as const
const BYTES = { unit: 'B', better: 'lower', aim: { value: 48 } } as const

test('a figure holds at its aim, from the better side', () => {
  expect(holds(BYTES, 48, {})).toBe(true)
  expect(holds(BYTES, 48.1, {})).toBe(false)
  const aimed = { ...RATE, aim: { value: 1e6 } }
  expect(holds(aimed, 1e6, {})).toBe(true)
  expect(holds(aimed, 999_999, {})).toBe(false)
})

test('an aim over another library needs both', () => {
  const aimed = { ...RATE, aim: { value: 1e6, over: { library: 'yjs', times: 5 } } }
  expect(holds(aimed, 1.2e6, { yjs: 2e5 })).toBe(true)
  expect(holds(aimed, 1.2e6, { yjs: 3e5 })).toBe(false)
  expect(holds(aimed, 0.9e6, { yjs: 1e5 })).toBe(false)
  expect(aimText(aimed)).toBe('≥ 1.00 M/s, ≥ 5 × yjs')
})

test('nothing is said to hold that was not measured or has no aim', () => {
  const aimed = { ...RATE, aim: { value: 1e6, over: { library: 'yjs', times: 5 } } }
  expect(holds(aimed, 1.2e6, {})).toBeUndefined()
  expect(holds(BYTES, undefined, {})).toBeUndefined()
  expect(holds(RATE, 1, {})).toBeUndefined()
  expect(aimText(RATE)).toBe('')
})

test('medians are of the middle', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([])).toBeUndefined()
})

test('columns line up', () => {
  expect(
    table([
      ['a', '1', 'x'],
      ['bb', '22', 'yy'],
    ]),
  ).toBe('a    1  x\nbb  22  yy')
})
