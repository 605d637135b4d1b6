import { describe, expect, test } from 'vitest'
import { RoundTrip } from '../../src/membership/round-trip.ts'

const BOUNDS = { min: 100, max: 2_000, start: 500 }

function timeoutAfter(samples: readonly number[]): number {
  const roundTrip = new RoundTrip()
  for (const sample of samples) roundTrip.sample(sample)
  return roundTrip.timeoutMs(BOUNDS)
}

describe('RoundTrip', () => {
  test('RFC 6298 §2: SRTT + 4·RTTVAR between the bounds', () => {
    expect(timeoutAfter([])).toBe(500)
    expect(timeoutAfter([80])).toBe(80 + 4 * 40)
    expect(timeoutAfter([80, 160])).toBe(90 + 4 * (40 + (80 - 40) / 4))
    expect(timeoutAfter([1])).toBe(100)
    expect(timeoutAfter([5_000])).toBe(2_000)
  })

  test('what the first pings waited for beside the way is forgotten', () => {
    expect(timeoutAfter([400, 2])).toBe(100)
    expect(timeoutAfter([400, 300, 2])).toBe(100)
  })

  test('a quick answer on a link with a past is one of many', () => {
    expect(timeoutAfter([400, 400, 400, 2])).toBeGreaterThan(400)
  })
})
