import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderTable } from '../../src/cli/table.ts'
import { jsonLine, painterOf, printable } from '../../src/cli/text.ts'
import { testIo } from './test-io.ts'

const HARMFUL = /\p{Cc}|[\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]|\p{Cs}/u
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))

describe('printable()', () => {
  test('shows escapes instead of obeying them', () => {
    expect(printable('a\x1b[2Jb\nc\u202ed\x9b')).toBe('a\\x1b[2Jb\\nc\\u202ed\\x9b')
  })

  test('leaves letters of every language and emoji alone', () => {
    expect(printable('naïve 東京 🦜 ok')).toBe('naïve 東京 🦜 ok')
  })

  test('never lets a harmful character through', () => {
    fc.assert(fc.property(anyText, (text) => !HARMFUL.test(printable(text))))
    expect(printable('\ud800x')).toBe('\\ud800x')
  })
})

describe('jsonLine()', () => {
  test('is one harmless line that parses to the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, anyText), (value) => {
        const line = jsonLine(value)
        expect(HARMFUL.test(line)).toBe(false)
        expect(JSON.parse(line)).toEqual(value)
      }),
    )
  })

  test('writes a bigint as text', () => {
    expect(jsonLine({ value: 2n ** 60n })).toBe('{"value":"1152921504606846976"}')
  })
})

describe('painterOf()', () => {
  test.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [false, { FORCE_COLOR: '0' }, false],
    [true, { NO_COLOR: '' }, true],
  ])('isTTY %s with %o paints: %s', (isTTY, env, paints) => {
    const io = testIo({ isTTY, env })
    expect(painterOf(io, io.stdout)('red', 'x') !== 'x').toBe(paints)
  })
})

describe('renderTable()', () => {
  test('aligns wide and coloured cells and leaves no trailing space', () => {
    const lines = renderTable(
      ['NAME', 'STATE', 'X'],
      [
        ['東京', '\x1b[32malive\x1b[39m', '1'],
        ['a', 'suspect', ''],
      ],
    )
    expect(lines).toEqual([
      'NAME   STATE     X',
      '東京   \x1b[32malive\x1b[39m     1',
      'a      suspect',
    ])
  })
})
