import { describe, expect, test } from 'vitest'
import { engineSubject } from '../../src/sim/engine-subject.ts'
import { FAULT_KINDS } from '../../src/sim/faults.ts'
import { type SimulationOptions, type SimulationReport, simulate } from '../../src/sim/run.ts'

function run(options: Omit<SimulationOptions, 'subject'>): SimulationReport {
  return simulate({ subject: engineSubject, ...options })
}

function seeds(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}

function total(reports: readonly SimulationReport[], of: (report: SimulationReport) => number) {
  return reports.reduce((sum, report) => sum + of(report), 0)
}

function failures(reports: readonly SimulationReport[]): readonly string[] {
  return reports.flatMap((report) => report.failures)
}

/** Runs of many seeds in tests of a few seeds each, and once more as a whole, each seed run once. */
class Series {
  readonly #options: Omit<SimulationOptions, 'subject' | 'seed'>
  readonly #reports = new Map<number, SimulationReport>()

  constructor(options: Omit<SimulationOptions, 'subject' | 'seed'>) {
    this.#options = options
  }

  reports(wanted: readonly number[]): readonly SimulationReport[] {
    return wanted.map((seed) => {
      const report = this.#reports.get(seed) ?? run({ ...this.#options, seed })
      this.#reports.set(seed, report)
      return report
    })
  }
}

const CRASHES: Omit<SimulationOptions, 'subject' | 'seed'> = {
  nodes: 5,
  faults: ['crash', 'crash', 'crash', 'power-off', 'slow-disk'],
  faultsMs: 120_000,
  workloadPeriodMs: 125,
  conditions: { loss: 0, duplicate: 0, reorder: 0, latencyMs: 1, jitterMs: 1 },
}

/** A run takes as long as the machine is slow: a timeout is no assertion. */
const LONG = { timeout: 180_000 }

describe('the engine without faults', LONG, () => {
  const series = new Series({
    nodes: 8,
    faults: [],
    faultsMs: 60_000,
    workloadPeriodMs: 500,
    forbidden: ['suspect', 'failed', 'left'],
    conditions: { loss: 0, duplicate: 0, reorder: 0 },
  })

  test.each([100, 105, 110, 115])('seeds %i … of 8 nodes: nobody is ever suspected', (from) => {
    expect(failures(series.reports(seeds(from, 5)))).toEqual([])
  })

  test('20 seeds of 8 nodes for a minute: nobody is ever suspected', () => {
    const reports = series.reports(seeds(100, 20))
    expect(failures(reports)).toEqual([])
    expect(total(reports, (report) => report.virtualMs)).toBeGreaterThanOrEqual(20 * 60_000)
    expect(total(reports, (report) => report.acknowledged)).toBeGreaterThan(1_000)
  })

  test('one seed is one run, byte for byte', () => {
    const [first, second, other] = [7, 7, 8].map((seed) => run({ seed, faultsMs: 20_000 }))
    expect(first?.traceHash).toBe(second?.traceHash)
    expect(first?.events).toBe(second?.events)
    expect(first?.traceHash).not.toBe(other?.traceHash)
  })
})

describe('the engine under faults', LONG, () => {
  const drawn = new Series({})

  test.each([1, 6, 11, 16])('configurations drawn from seeds %i … keep every promise', (from) => {
    expect(failures(drawn.reports(seeds(from, 5)))).toEqual([])
  })

  test('drawn configurations keep every promise and agree again after the heal', () => {
    const reports = drawn.reports(seeds(1, 20))
    expect(failures(reports)).toEqual([])
    for (const kind of FAULT_KINDS) {
      expect(
        total(reports, ({ faults }) => faults[kind] ?? 0),
        kind,
      ).toBeGreaterThan(0)
    }
    // The runs were no walk in the park: states differed, deaths were seen, replicas merged.
    expect(Math.max(...reports.map(({ digestsMax }) => digestsMax))).toBeGreaterThan(2)
    expect(total(reports, ({ trueDeaths }) => trueDeaths)).toBeGreaterThan(10)
    expect(total(reports, ({ syncs }) => syncs)).toBeGreaterThan(100)
    expect(total(reports, ({ equalDigestsChecked }) => equalDigestsChecked)).toBeGreaterThan(100)
    expect(total(reports, ({ dht }) => dht.puts)).toBeGreaterThan(100)
    expect(total(reports, ({ dht }) => dht.readBacks)).toBeGreaterThan(100)
  })

  test.each(['hold', 'vanish', 'reset'] as const)(
    'partitions whose links %s end in agreement',
    (cutMode) => {
      const reports = seeds(200, 5).map((seed) =>
        run({
          seed,
          nodes: 5,
          faults: ['partition', 'isolate', 'one-way'],
          conditions: { cutMode, loss: 0, duplicate: 0, reorder: 0 },
        }),
      )
      expect(failures(reports)).toEqual([])
      expect(Math.max(...reports.map(({ digestsMax }) => digestsMax))).toBeGreaterThan(1)
    },
  )
})

describe('the durability gate', LONG, () => {
  const crashing = new Series(CRASHES)

  test('a slow disk makes nobody look dead', () => {
    const reports = seeds(300, 5).map((seed) =>
      run({
        seed,
        nodes: 5,
        faults: ['slow-disk'],
        forbidden: ['suspect', 'failed'],
        conditions: { loss: 0, duplicate: 0, reorder: 0 },
      }),
    )
    expect(failures(reports)).toEqual([])
    expect(total(reports, ({ faults }) => faults['slow-disk'] ?? 0)).toBeGreaterThan(10)
  })

  test.each([400, 403, 406, 409])('crashes of seeds %i … break no promise', (from) => {
    expect(failures(crashing.reports(seeds(from, 3)))).toEqual([])
  })

  test('200 crashes with commits under way, on slow disks too: no dot is reused, no promise lost', () => {
    const reports = crashing.reports(seeds(400, 14))
    expect(failures(reports)).toEqual([])
    const ends = ({ faults }: SimulationReport) => (faults.crash ?? 0) + (faults['power-off'] ?? 0)
    expect(total(reports, ends)).toBeGreaterThanOrEqual(200)
    expect(total(reports, ({ commitsLost }) => commitsLost)).toBeGreaterThan(500)
    expect(total(reports, ({ restartsChecked }) => restartsChecked)).toBeGreaterThan(150)
    expect(total(reports, ({ dots }) => dots.compared)).toBeGreaterThan(30_000)
  })

  test('a disk that says done before it is durable is found', () => {
    const reports = seeds(400, 4).map((seed) => run({ ...CRASHES, seed, wrap: eagerDisk }))
    const checks = new Set(reports.flatMap(({ violations }) => violations.map((v) => v.check)))
    expect(checks).toContain('nothing leaves before it is durable')
    expect(checks).toContain('acknowledged writes survive a crash')
  })
})

/** The gate left open: commits are told as done at once and become durable when they do. */
const eagerDisk: NonNullable<SimulationOptions['wrap']> = (ports, node, world) => ({
  ...ports,
  disk: {
    commit: (writes, done) => {
      ports.disk.commit(writes, () => {})
      const { process } = node
      world.schedule(0, () => process?.post('input', () => done(undefined)))
    },
  },
})
