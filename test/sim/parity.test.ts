import { describe, expect, test } from 'vitest'
import { quantiles } from '../../src/sim/members/play.ts'
import { type SwimRun, swimEventMs, swimKillMs } from '../../src/sim/parity/swim-cluster.ts'

/** How far the model may be from what memberlist is known for. */
const TOLERANCE = 0.15

function times(
  play: (run: SwimRun) => number | undefined,
  given: { readonly seeds: number } & Omit<SwimRun, 'seed'>,
) {
  const { seeds, ...run } = given
  return quantiles(
    Array.from(
      { length: seeds },
      (_, seed) => play({ ...run, seed: seed + 1 }) ?? Number.POSITIVE_INFINITY,
    ),
  )
}

function expectNear(actual: number, known: number): void {
  expect(actual, `${actual} ms, known ${known} ms`).toBeGreaterThanOrEqual(known * (1 - TOLERANCE))
  expect(actual, `${actual} ms, known ${known} ms`).toBeLessThanOrEqual(known * (1 + TOLERANCE))
}

describe('SWIM with Lifeguard in the LAN profile', { timeout: 120_000 }, () => {
  test('seeds 1 … 500 of 100 nodes: a silent one is known by all as fast as in memberlist', () => {
    const { p50, p99 } = times(swimKillMs, { nodes: 100, seeds: 500 })
    expectNear(p50, 10_200)
    expectNear(p99, 13_100)
  })

  test('seeds 1 … 100 of 16 nodes: an event reaches all as fast as in memberlist', () => {
    const { p50 } = times(swimEventMs, { nodes: 16, seeds: 100 })
    expect(p50).toBeGreaterThanOrEqual(300)
    expect(p50).toBeLessThanOrEqual(500)
  })

  test('seeds 1 … 5 of 1,000 nodes in step: an event takes as many rounds as the papers count', () => {
    const { max } = times(swimEventMs, { nodes: 1_000, seeds: 5, areTicksAligned: true })
    expectNear(max, 1_600)
  })

  test('seeds 1 … 200 of 100 nodes: lost packets cost time', () => {
    const quiet = times(swimEventMs, { nodes: 100, seeds: 200 })
    const lossy = times(swimEventMs, { nodes: 100, seeds: 200, loss: 0.5 })
    expect(lossy.p50).toBeGreaterThan(quiet.p50)
  })
})
