import { describe, expect, test } from 'vitest'
import { isStroke, neighbourAt, sidesAfter } from '../../src/dashboard/graph/cut.ts'

const SQUARE = new Map([
  ['a', { x: 0, y: 0 }],
  ['b', { x: 100, y: 0 }],
  ['c', { x: 0, y: 100 }],
  ['d', { x: 100, y: 100 }],
])
const DOWN = { from: { x: 50, y: -20 }, to: { x: 50, y: 120 } }
const ACROSS = { from: { x: -20, y: 50 }, to: { x: 120, y: 50 } }

describe('sidesAfter()', () => {
  test('parts who stands left and right of the line', () => {
    const sides = sidesAfter(DOWN, SQUARE, [])
    expect(new Set(sides?.map((side) => side.join()))).toEqual(new Set(['a,c', 'b,d']))
  })

  test('cuts each side that there was before', () => {
    const first = sidesAfter(DOWN, SQUARE, []) ?? []
    expect(sidesAfter(ACROSS, SQUARE, first)).toHaveLength(4)
  })

  test('is undefined for a line that parts nobody', () => {
    const aside = { from: { x: 300, y: -20 }, to: { x: 300, y: 120 } }
    expect(sidesAfter(aside, SQUARE, [])).toBeUndefined()
    const sides = sidesAfter(DOWN, SQUARE, []) ?? []
    expect(sidesAfter(DOWN, SQUARE, sides)).toBeUndefined()
  })

  test('takes a short line for its whole length', () => {
    const short = { from: { x: 50, y: 40 }, to: { x: 50, y: 70 } }
    expect(isStroke(short)).toBe(true)
    expect(sidesAfter(short, SQUARE, [])).toHaveLength(2)
    expect(isStroke({ from: { x: 50, y: 40 }, to: { x: 52, y: 44 } })).toBe(false)
  })
})

describe('neighbourAt()', () => {
  test('leads to the nearest node ahead', () => {
    expect(neighbourAt(SQUARE, 'a', 'right')).toBe('b')
    expect(neighbourAt(SQUARE, 'a', 'down')).toBe('c')
    expect(neighbourAt(SQUARE, 'd', 'up')).toBe('b')
    expect(neighbourAt(SQUARE, 'd', 'left')).toBe('c')
  })

  test('leads nowhere where nobody is ahead, and to the first from nowhere', () => {
    expect(neighbourAt(SQUARE, 'a', 'left')).toBeUndefined()
    expect(neighbourAt(SQUARE, 'gone', 'left')).toBe('a')
  })
})
