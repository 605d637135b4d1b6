import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DURATION_MS_MAX,
  formatAge,
  formatBytes,
  formatDuration,
  parseDuration,
} from '../../src/cli/duration.ts'

describe('parseDuration()', () => {
  test.each([
    ['500ms', 500],
    ['2s', 2000],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['1.5s', 1500],
    ['0', 0],
    ['0s', 0],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test('refuses a bare number and says which unit to add', () => {
    expect(() => parseDuration('10')).toThrow('write 10s or 10ms')
  })

  test.each(['', 's', '-1s', '1 s', '1y', '1e3s', 'NaN', '1s2'])('refuses "%s"', (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError)
  })

  test('refuses what no timer can hold', () => {
    expect(parseDuration(`${DURATION_MS_MAX}ms`)).toBe(DURATION_MS_MAX)
    expect(() => parseDuration(`${DURATION_MS_MAX + 1}ms`)).toThrow('at most 24d')
  })

  test('reads back every whole number of ms', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DURATION_MS_MAX }), (ms) => {
        expect(parseDuration(`${ms}ms`)).toBe(ms)
      }),
    )
  })
})

describe('formatDuration()', () => {
  test.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [1400, '1.4 s'],
    [59_940, '59.9 s'],
    [59_960, '1m 0s'],
    [200_000, '3m 20s'],
    [7_500_000, '2h 5m'],
    [350_000_000, '4d 1h'],
  ])('writes %d', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

test('formatAge() writes one unit, and - for what is no instant', () => {
  const now = Date.parse('2026-01-02T00:00:00Z')
  expect(formatAge('2026-01-01T23:59:56Z', now)).toBe('4s')
  expect(formatAge('2026-01-01T23:48:00Z', now)).toBe('12m')
  expect(formatAge('2026-01-01T21:00:00Z', now)).toBe('3h')
  expect(formatAge('2025-12-24T00:00:00Z', now)).toBe('9d')
  expect(formatAge('2026-01-03T00:00:00Z', now)).toBe('0s')
  expect(formatAge('yesterday', now)).toBe('-')
})

test('formatBytes() writes decimal units', () => {
  expect([0, 999, 4200, 1_300_000, 2e9].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '4.2 kB',
    '1.3 MB',
    '2.0 GB',
  ])
})
