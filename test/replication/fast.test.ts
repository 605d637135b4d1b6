import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { Counts } from './fast/counts.ts'

const SOAK = fileURLToPath(new URL('../../scripts/soak-state.ts', import.meta.url))

const SCHEDULES = 100_000

/** What a thousand schedules must have met, at least: a proof that never saw a truncated log proves little. */
const PER_THOUSAND: Partial<Counts> = {
  transactions: 2_000,
  refused: 30,
  staged: 80,
  overlapping: 1,
  bases: 400,
  wholeBases: 100,
  cutPulls: 60,
  resumedBases: 5,
  baseTails: 0.5,
  swapped: 200,
  merged: 25,
  mergedAside: 35,
  cutMerges: 40,
  snapshots: 600,
  truncatedRows: 500,
  restarts: 700,
  restartsFromSnapshots: 100,
  leftovers: 5,
  lost: 80,
  restored: 10,
  cloned: 200,
  checks: 8_000,
  checksWithWaitingKills: 15,
}

it('replicas are live(E) at every step of 100,000 random schedules, and agree in the end', {
  timeout: 300_000,
}, async () => {
  // On all cores. A failure is told with its smallest schedule, and rejects.
  const { stdout } = await promisify(execFile)(process.execPath, [SOAK, '--count', `${SCHEDULES}`])
  const { counts, schedules } = JSON.parse(stdout) as { counts: Counts; schedules: number }
  expect(schedules).toBe(SCHEDULES)
  for (const [name, least] of Object.entries(PER_THOUSAND)) {
    const met = Object.entries(counts).find(([key]) => key === name)?.[1]
    expect((met * 1_000) / SCHEDULES, name).toBeGreaterThanOrEqual(least)
  }
})
