import { describe, expect, test } from 'vitest'
import { FAULT_KINDS } from '../../src/sim/faults.ts'
import { type SimulationOptions, type SimulationReport, simulate } from '../../src/sim/run.ts'
import { type ToyBug, toySubject } from './toy-subject.ts'

const SEEDS = [1, 2, 3]

/** Faults under which the toy, a program without any care for delay, keeps its promises. */
const TAME: Partial<SimulationOptions> = {
  nodes: 4,
  faultsMs: 15_000,
  workloadPeriodMs: 150,
  conditions: { loss: 0, duplicate: 0, reorder: 0, latencyMs: 1, jitterMs: 1 },
}

function run(bug: ToyBug | undefined, options: Partial<SimulationOptions> & { seed: number }) {
  return simulate({ subject: toySubject(bug), ...TAME, ...options })
}

function checksBroken(reports: readonly SimulationReport[]): ReadonlySet<string> {
  return new Set(reports.flatMap(({ violations }) => violations.map(({ check }) => check)))
}

describe('simulate() with a toy program', { timeout: 120_000 }, () => {
  test.each(SEEDS)('seed %i: a correct program breaks nothing under all faults', (seed) => {
    const report = run(undefined, { seed, faults: FAULT_KINDS })
    expect(report.failures).toEqual([])
    expect(report.convergedMs).toBeDefined()
    expect(report.acknowledged).toBeGreaterThan(50)
  })

  test('one seed is one run, and another seed another', () => {
    const hashes = [7, 7, 8].map((seed) => run(undefined, { seed }).traceHash)
    expect(hashes[0]).toBe(hashes[1])
    expect(hashes[0]).not.toBe(hashes[2])
  })

  test.each<{ bug: ToyBug; check: string; options?: Partial<SimulationOptions> }>([
    { bug: 'tells-before-durable', check: 'nothing leaves before it is durable' },
    { bug: 'acks-before-durable', check: 'acknowledged writes survive a crash' },
    { bug: 'reuses-dots', check: 'acknowledged writes survive a crash' },
    {
      bug: 'forgets-refutation',
      check: 'all agree after a heal',
      options: { faults: ['isolate'] },
    },
    {
      bug: 'view-goes-back',
      check: 'member views only move forward',
      options: { faults: ['isolate', 'power-off'], faultsMs: 30_000 },
    },
    { bug: 'counts-twice', check: 'nothing is counted twice or made up', options: { faults: [] } },
    {
      bug: 'waits-for-disk',
      check: 'no running node is failed',
      options: { faults: ['slow-disk'], forbidden: ['failed'] },
    },
    {
      bug: 'accuses-at-once',
      check: 'no running node is failed',
      options: { faults: [], forbidden: ['failed'] },
    },
    {
      bug: 'no-repair',
      check: 'all agree after a heal',
      options: { faults: ['isolate'], conditions: { cutMode: 'vanish' } },
    },
    { bug: 'throws', check: 'no node throws', options: { faults: [] } },
  ])('finds the planted bug "$bug"', ({ bug, check, options }) => {
    const reports = SEEDS.map((seed) =>
      run(bug, { seed, faults: ['crash', 'power-off'], ...options }),
    )
    expect(checksBroken(reports)).toContain(check)
  })

  test('finds nothing in the toy without a bug where it finds those', () => {
    const reports = SEEDS.map((seed) =>
      run(undefined, { seed, faults: ['slow-disk'], forbidden: ['failed'] }),
    )
    expect([...checksBroken(reports)]).toEqual([])
  })

  test('a failure names the seed and the command that repeats it', () => {
    const report = run('counts-twice', { seed: 3, faults: [] })
    expect(report.failures[0]).toContain('seed 3')
    expect(report.failures[0]).toContain('hearsay sim --scenario drawn --seed 3 --nodes 4')
  })
})
