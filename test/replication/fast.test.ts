import { expect, it } from 'vitest'
import type { Counts } from './fast/counts.ts'
import { failureText, playSeeds } from './fast/run.ts'

const SCHEDULES = 100_000

/** What a thousand schedules must have met, at least: a proof that never saw a truncated log proves little. */
const PER_THOUSAND: Partial<Counts> = {
  transactions: 2_000,
  refused: 30,
  staged: 50,
  overlapping: 1,
  bases: 500,
  wholeBases: 150,
  cutPulls: 80,
  resumedBases: 8,
  baseTails: 1,
  swapped: 250,
  merged: 50,
  snapshots: 600,
  truncatedRows: 500,
  restarts: 500,
  restartsFromSnapshots: 80,
  lost: 80,
  restored: 10,
  cloned: 80,
  checks: 8_000,
  checksWithWaitingKills: 5,
}

it('replicas are live(E) at every step of 100,000 random schedules, and agree in the end', {
  timeout: 300_000,
}, () => {
  const { failure, counts } = playSeeds(1, SCHEDULES)
  expect(failure === undefined ? '' : failureText(failure)).toBe('')
  expect(counts.schedules).toBe(SCHEDULES)
  for (const [name, least] of Object.entries(PER_THOUSAND)) {
    const met = Object.entries(counts).find(([key]) => key === name)?.[1]
    expect((met * 1_000) / SCHEDULES, name).toBeGreaterThanOrEqual(least)
  }
})
