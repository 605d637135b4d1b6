import type { SimulatedNode } from '../../cluster.ts'
import type { Host } from '../../host.ts'
import { type Bound, MINUTE_MS, NO_FALSE_DEATHS, type Scenario, SECOND_MS } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const HEALED = 'healed'
const HEAL_BOUND: Bound = { figure: HEALED, unit: 'ms', max: 5 * SECOND_MS }
/** At most, one way, with a heal. */
const SLOW_HEAL_MS = 300
const HEAL_MS_MAX = 2 * MINUTE_MS

function hostsOf(nodes: readonly SimulatedNode[]): readonly Host[] {
  return nodes.map(({ host }) => host)
}

/** A fifth of the members, and the others. */
function fifth(stage: Stage): readonly [readonly SimulatedNode[], readonly SimulatedNode[]] {
  const members = stage.shuffled()
  const count = Math.ceil(members.length / 5)
  return [members.slice(0, count), members.slice(count)]
}

function halves(stage: Stage): readonly [readonly SimulatedNode[], readonly SimulatedNode[]] {
  const members = stage.shuffled()
  const half = Math.ceil(members.length / 2)
  return [members.slice(0, half), members.slice(half)]
}

function heal(stage: Stage): void {
  stage.cluster.network.heal()
  stage.record(
    HEALED,
    stage.until(() => stage.isAgreed(), HEAL_MS_MAX),
  )
}

/** Two halves that cannot reach each other for a while; nobody within a half is called failed by it. */
function halvesFor(name: string, forMs: number, label: string): Scenario {
  return {
    name,
    about: `two halves, healed after ${label}`,
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      const [left, right] = halves(stage)
      stage.census.excuse((subject, observer) => left.includes(subject) !== left.includes(observer))
      stage.cluster.network.partition([hostsOf(left), hostsOf(right)])
      stage.run(forMs)
      heal(stage)
      stage.recordDeaths()
    },
    bounds: [HEAL_BOUND, NO_FALSE_DEATHS],
  }
}

/** Cuts every path but those that `isOpen` keeps, for a minute. */
function shaped(stage: Stage, isOpen: (a: number, b: number, count: number) => boolean): void {
  stage.startFull()
  const order = stage.shuffled()
  stage.census.excuse(() => true)
  for (const [i, a] of order.entries()) {
    for (const [j, b] of order.entries()) {
      if (i !== j && !isOpen(i, j, order.length)) stage.cluster.network.cut(a.host, b.host)
    }
  }
  stage.run(MINUTE_MS)
  const meanFlaps = stage.census.flaps / (order.length * (order.length - 1))
  heal(stage)
  stage.record('flaps a pair', meanFlaps)
}

/** Networks that fall apart, in plain and in odd ways, and heal. */
export const PARTITIONS: readonly Scenario[] = [
  halvesFor('halves-3s', 3 * SECOND_MS, '3 s'),
  halvesFor('halves-60s', MINUTE_MS, '60 s'),
  halvesFor('halves-10min', 10 * MINUTE_MS, '10 min'),
  {
    name: 'fifth',
    about:
      'a fifth of the members is cut off for 12 s, most of it from all its links; the heal is slow',
    nodes: 16,
    nodesMin: 5,
    play: (stage) => {
      stage.startFull()
      const [few, many] = fifth(stage)
      stage.census.excuse((subject, observer) => few.includes(subject) !== few.includes(observer))
      stage.cluster.network.partition([hostsOf(few), hostsOf(many)])
      stage.run(12 * SECOND_MS)
      // Hosts that all dial each other at once are slow for a while.
      stage.cluster.network.conditions.latencyMs += SLOW_HEAL_MS * stage.random.next()
      heal(stage)
      stage.run(10 * SECOND_MS)
      stage.recordDeaths()
    },
    bounds: [
      { figure: HEALED, unit: 'ms', p50: 5 * SECOND_MS, max: 8 * SECOND_MS },
      NO_FALSE_DEATHS,
    ],
  },
  {
    name: 'short-cut',
    about:
      'a fifth of the members is cut off for 2 to 5 s, and all is slow after it: nobody fails who was on one side',
    nodes: 32,
    nodesMin: 10,
    play: (stage) => {
      stage.startFull()
      const [few, many] = fifth(stage)
      stage.census.excuse((subject, observer) => few.includes(subject) !== few.includes(observer))
      stage.cluster.network.partition([hostsOf(few), hostsOf(many)])
      stage.run(SECOND_MS * (2 + 3 * stage.random.next()))
      stage.cluster.network.conditions.latencyMs += SLOW_HEAL_MS
      stage.cluster.network.conditions.jitterMs += SLOW_HEAL_MS
      heal(stage)
      stage.run(10 * SECOND_MS)
      stage.recordDeaths()
    },
    bounds: [{ figure: HEALED, unit: 'ms', max: 8 * SECOND_MS }, NO_FALSE_DEATHS],
  },
  {
    name: 'one-way',
    about: 'frames of one member to one other are lost, the way back is open',
    nodes: 16,
    nodesMin: 4,
    play: (stage) => {
      stage.startFull()
      const from = stage.pick()
      const [peer] = from.host.links.keys()
      const to = peer === undefined ? undefined : stage.cluster.nodeOf(peer)
      if (to !== undefined) stage.cluster.network.cut(from.host, to.host)
      stage.run(MINUTE_MS)
      heal(stage)
      stage.record('flaps', stage.census.flaps)
      stage.recordDeaths()
    },
    bounds: [HEAL_BOUND, NO_FALSE_DEATHS],
  },
  {
    name: 'ring',
    about: 'each member reaches only its two neighbours on a ring, for a minute',
    nodes: 16,
    nodesMin: 4,
    play: (stage) => shaped(stage, (a, b, n) => (a + 1) % n === b || (b + 1) % n === a),
    bounds: [HEAL_BOUND],
  },
  {
    name: 'bridge',
    about: 'two halves and one member that reaches both, for a minute',
    nodes: 16,
    nodesMin: 4,
    play: (stage) => shaped(stage, (a, b, n) => a === 0 || b === 0 || a < n / 2 === b < n / 2),
    bounds: [HEAL_BOUND],
  },
  {
    name: 'join-in-partition',
    about: 'a node joins during a partition, with the seed of one half and one that is gone',
    nodes: 16,
    nodesMin: 4,
    stage: () => ({ spare: 1 }),
    play: (stage) => {
      stage.startFull()
      const [left, right] = halves(stage)
      const joiner = stage.node(stage.members.length)
      stage.census.excuse((subject, observer) => left.includes(subject) !== left.includes(observer))
      stage.cluster.network.partition([hostsOf(left), hostsOf([...right, joiner])])
      stage.run(10 * SECOND_MS)
      const seed = right[0]?.host.address ?? ''
      stage.cluster.start(joiner, ['10.0.0.1:4001', left[0]?.host.address ?? '', seed])
      stage.run(20 * SECOND_MS)
      heal(stage)
      stage.recordDeaths()
    },
    bounds: [HEAL_BOUND, NO_FALSE_DEATHS],
  },
]
