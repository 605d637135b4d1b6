import { expect, test } from 'vitest'
import { describeChange } from '../../src/cli/describe-change.ts'
import type { ChangeDiff } from '../../src/index.ts'

const numbers = (length: number): string[] => Array.from({ length }, (_, i) => `v${i}`)

test.each<[ChangeDiff | undefined, string]>([
  [undefined, 'changed: read it again'],
  [{ type: 'counter', value: 3, delta: 2 }, '3 (+2)'],
  [{ type: 'counter', value: -1, delta: -4 }, '-1 (-4)'],
  [{ type: 'counter', value: 2n ** 60n, delta: 1n }, '1152921504606846976 (+1)'],
  [{ type: 'set', added: ['ada'], removed: ['bob', 'cyd'] }, '+ada -bob -cyd'],
  [{ type: 'set', added: ['a b', '', 'it"s'], removed: [] }, '+"a b" +"" +"it\\"s"'],
  [{ type: 'set', added: ['\u001b[2J'], removed: ['\u202e'] }, '+\\x1b[2J -\\u202e'],
  [
    { type: 'set', added: numbers(11), removed: [] },
    '+v0 +v1 +v2 +v3 +v4 +v5 +v6 +v7 … and 3 more',
  ],
  [{ type: 'set', added: ['x'.repeat(100)], removed: [] }, `+${'x'.repeat(59)}…`],
  [{ type: 'register', value: { a: 'b' }, siblings: [{ a: 'b' }] }, '{"a":"b"}'],
  [{ type: 'register', value: 1, siblings: [1, 2, 3] }, '1 (and 2 written at the same time)'],
  [{ type: 'register', value: undefined, siblings: [] }, 'removed'],
  [
    { type: 'map', set: [{ path: ['name', 'fi.rst'], value: 'Ada' }], removed: [['age']] },
    'name.fi\\.rst="Ada" -age',
  ],
])('change %# is told on one line', (diff, text) => {
  expect(describeChange(diff)).toBe(text)
})
