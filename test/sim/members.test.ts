import { describe, expect, test } from 'vitest'
import { playMembers, reportMembers, type ScenarioReport } from '../../src/sim/members/play.ts'
import { MINUTE_MS, type Scenario } from '../../src/sim/members/scenario.ts'
import { SCENARIOS, scenarioOf } from '../../src/sim/members/scenarios.ts'
import { Stage } from '../../src/sim/members/stage.ts'

/** Every scenario, how many seeds of it are played here, and with how many members where its own are many. */
const PLAYED: readonly (readonly [name: string, seeds: number, nodes?: number])[] = [
  ['kill', 32],
  ['silent', 24],
  ['silent-fresh', 16],
  ['two', 16],
  ['three', 16],
  ['four', 16],
  ['one', 8],
  ['rack', 3, 24],
  ['leave', 32],
  ['leave-cut-short', 24],
  ['stalls', 4, 24],
  ['loss-10', 6, 24],
  ['loss-30', 3, 24],
  ['deaf', 4],
  ['pause', 16],
  ['suspend', 4],
  ['own-stall', 16],
  ['refutation-cut', 12],
  ['halves-3s', 16],
  ['halves-60s', 12],
  ['fifth', 8],
  ['short-cut', 4],
  ['halves-10min', 3],
  ['one-way', 16],
  ['ring', 3],
  ['bridge', 3],
  ['join-in-partition', 6],
  ['join-storm', 8, 48],
  ['rolling-restart', 3],
  ['mass-restart', 8],
  ['address-change', 16],
  ['news', 8, 48],
  ['news-lossy', 8, 48],
  ['clones', 16],
  ['epoch-lost', 12],
  ['idle', 3, 48],
  ['broadcast', 6, 48],
  ['broadcast-lossy', 6, 24],
  ['broadcast-large', 4, 24],
  ['liar-forges', 4],
  ['liar-accuses', 3],
  ['two-liars', 4],
]

function scenario(name: string): Scenario {
  const found = scenarioOf(name)
  if (found === undefined) throw new Error(`no scenario ${name}`)
  return found
}

function play(played: Scenario, seeds: number, nodes?: number): ScenarioReport {
  const runs = Array.from({ length: seeds }, (_, index) => playMembers(played, index + 1, nodes))
  return reportMembers(played, runs)
}

function missed({ figures }: ScenarioReport): readonly string[] {
  return figures
    .filter(({ isReached }) => isReached === false)
    .map(({ figure, max, bound, worstSeed }) => `${figure} ${max}, not ${bound}: seed ${worstSeed}`)
}

/** A run takes as long as the machine is slow: a timeout is no assertion. */
const LONG = { timeout: 180_000 }

describe('members in the simulator', LONG, () => {
  test('every scenario is played here, and at least 256 seeds of them', () => {
    expect(PLAYED.map(([name]) => name).sort()).toEqual(SCENARIOS.map(({ name }) => name).sort())
    const seeds = PLAYED.reduce((sum, [, count]) => sum + count, 0)
    expect(seeds).toBeGreaterThanOrEqual(256)
  })

  const played = PLAYED.map(([name, seeds, nodes]) => ({ name, seeds, nodes }))
  test.each(played)('$name, seeds 1 … $seeds: every bound holds', ({ name, seeds, nodes }) => {
    const report = play(scenario(name), seeds, nodes)
    expect(report.failures).toEqual([])
    expect(missed(report)).toEqual([])
  })

  test('one seed is one run, byte for byte', () => {
    for (const name of ['kill', 'halves-3s', 'mass-restart', 'broadcast-large', 'two-liars']) {
      const [first, second, other] = [7, 7, 8].map((seed) => playMembers(scenario(name), seed, 16))
      expect(second?.traceHash).toBe(first?.traceHash)
      expect(second?.events).toBe(first?.events)
      expect([...(second?.figures ?? [])]).toEqual([...(first?.figures ?? [])])
      expect(other?.traceHash).not.toBe(first?.traceHash)
    }
  })

  test('names are unique, and bounds are of figures that are recorded', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length)
    for (const name of ['kill', 'idle', 'leave', 'deaf']) {
      const { figures } = playMembers(scenario(name), 1, 8)
      for (const { figure } of scenario(name).bounds) expect([...figures.keys()]).toContain(figure)
    }
  })
})

describe('reportMembers()', LONG, () => {
  const silent: Scenario = {
    name: 'test',
    about: 'a process that stands for half a minute and is called failed',
    nodes: 5,
    play: (stage) => {
      stage.startFull()
      stage.node(0).process?.stall(30_000)
      stage.run(MINUTE_MS)
      stage.record('never', undefined)
      stage.recordDeaths()
    },
    bounds: [
      { figure: 'never', unit: 'ms', p99: 1_000 },
      { figure: 'false deaths', unit: 'count', max: 0 },
    ],
  }

  test('a bound that is not reached fails, with the seed that shows it', () => {
    const report = play(silent, 2)
    expect(report.figures.map(({ figure, isReached }) => [figure, isReached])).toEqual([
      ['never', false],
      ['false deaths', false],
    ])
    expect(report.figures.map(({ max }) => max)).toEqual([Number.POSITIVE_INFINITY, 1])
    expect([1, 2]).toContain(report.figures[1]?.worstSeed)
  })

  test('an excused death is none', () => {
    const excused: Scenario = {
      ...silent,
      play: (stage) => {
        stage.census.excuse((subject) => subject === stage.node(0))
        silent.play(stage)
      },
    }
    expect(play(excused, 1).figures[1]?.max).toBe(0)
  })
})

describe('Stage', LONG, () => {
  test('startFull() gives 200 members one view, and links by the overlay', () => {
    const stage = new Stage({ seed: 1, nodes: 200 })
    stage.startFull(3_000)
    expect(stage.isAgreed()).toBe(true)
    expect(stage.census.falseDeaths + stage.census.suspicions).toBe(0)
    const links = stage.members.reduce((sum, { host }) => sum + host.links.size, 0)
    expect(links / 200).toBeGreaterThan(6)
    expect(links / 200).toBeLessThan(12)
  })

  test('counts what each lane carries', () => {
    const stage = new Stage({ seed: 1, nodes: 5 })
    stage.startFull()
    const { probe, user } = stage.measureTraffic(10_000)
    expect(probe.frames).toBeGreaterThan(1)
    expect(probe.bytes).toBeGreaterThan(probe.frames)
    expect(user).toEqual({ frames: 0, bytes: 0 })
  })
})
