import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { wrongNumber } from '../../src/http/wrong-number.ts'

describe('wrongNumber()', () => {
  test.each([
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890',
    '1e309',
    '-1e999',
    '9'.repeat(400),
  ])('finds %s wherever it stands', (number) => {
    for (const text of [number, `[1,${number}]`, `{"a b":{"\\"${number}\\\\":[${number}]}}`]) {
      expect(wrongNumber(text)).toBe(number)
    }
  })

  test.each([
    '0',
    '-0',
    '9007199254740991',
    '9007199254740992',
    '1000000000000000000000',
    '65071124229982010',
    '0.1',
    '0.12345678901234567890123',
    '1.7976931348623157e308',
    '1e30',
    '"9007199254740993"',
    '{"9007199254740993":"1e999","\\\\":"\\"1e999"}',
    '"9007199254740993',
    '[--1.2.3e,1-2-3-4-5-6-7-8-9-0]',
  ])('lets %s pass', (text) => {
    expect(wrongNumber(text)).toBeUndefined()
  })

  test('finds nothing in what JSON.stringify() writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(wrongNumber(JSON.stringify(value))).toBeUndefined()
      }),
      { numRuns: 1_000 },
    )
  })
})
