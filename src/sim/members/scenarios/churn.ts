import { simulatedAddress } from '../../address-book.ts'
import type { SimulatedNode } from '../../cluster.ts'
import { swimEventMs } from '../../parity/swim-cluster.ts'
import { type Bound, MINUTE_MS, NO_FALSE_DEATHS, type Scenario, SECOND_MS } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const AGREED = 'all views equal'
const AGREED_MS_MAX = 2 * MINUTE_MS
const AGREED_BOUND: Bound = { figure: AGREED, unit: 'ms', max: 5 * SECOND_MS }
/** A port that no host has from the beginning. */
const OTHER_PORT = 60_000
const DAY_MS = 86_400_000

function recordAgreement(stage: Stage): void {
  stage.record(
    AGREED,
    stage.until(() => stage.isAgreed(), AGREED_MS_MAX),
  )
}

/** None at all in every second run, else what TCP still makes good within seconds. */
function pickLoss({ random }: Stage): number {
  return random.next() < 0.5 ? 0 : random.next() / 10
}

function move(stage: Stage, node: SimulatedNode): void {
  stage.census.forget(node)
  stage.cluster.network.readdress(node.host, simulatedAddress(OTHER_PORT))
}

function restart(stage: Stage, node: SimulatedNode): void {
  stage.cluster.restart(node, [stage.pick(node).host.address])
}

/** Members that come, come again, move, and what a quiet cluster costs. */
export const CHURN: readonly Scenario[] = [
  {
    name: 'join-storm',
    about: 'all start at once and know the address of the first',
    nodes: 100,
    play: (stage) => {
      stage.record(AGREED, stage.startByJoin())
      stage.recordDeaths()
    },
    bounds: [{ figure: AGREED, unit: 'ms', max: 10 * SECOND_MS }, NO_FALSE_DEATHS],
  },
  {
    name: 'rolling-restart',
    about: 'one after the other is killed and started again a second later',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      for (const node of stage.shuffled()) {
        stage.cluster.crash(node)
        stage.run(SECOND_MS)
        restart(stage, node)
        stage.run(2 * SECOND_MS)
      }
      recordAgreement(stage)
      stage.recordDeaths()
    },
    bounds: [AGREED_BOUND, NO_FALSE_DEATHS],
  },
  {
    name: 'mass-restart',
    about: 'all are killed at once and start again without seeds, from their peer books',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startByJoin()
      stage.run(10 * SECOND_MS)
      for (const node of stage.members) stage.cluster.crash(node)
      stage.run(SECOND_MS)
      for (const node of stage.members) stage.cluster.restart(node, [])
      recordAgreement(stage)
      stage.recordDeaths()
    },
    bounds: [AGREED_BOUND, NO_FALSE_DEATHS],
  },
  {
    name: 'address-change',
    about: 'a host moves to another address',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      const node = stage.pick()
      move(stage, node)
      const isHeard = (): boolean => stage.census.haveAllHeard(node)
      stage.record('new address known', stage.until(isHeard, MINUTE_MS))
      recordAgreement(stage)
      stage.run(20 * SECOND_MS)
      stage.recordDeaths()
    },
    bounds: [
      { figure: 'new address known', unit: 'ms', p99: 5 * SECOND_MS },
      AGREED_BOUND,
      NO_FALSE_DEATHS,
    ],
  },
  {
    name: 'news',
    about: 'a member changes its record; all hear of it by flood',
    nodes: 100,
    play: (stage) => {
      stage.startFull()
      const node = stage.pick()
      stage.run(SECOND_MS * stage.random.next())
      stage.census.forget(node)
      const addresses = [node.host.address, simulatedAddress(OTHER_PORT)]
      node.process?.post('input', () => node.host.listener?.addresses(addresses))
      const isHeard = (): boolean => stage.census.haveAllHeard(node)
      stage.record('known by all', stage.until(isHeard, MINUTE_MS))
      stage.recordDeaths()
    },
    bounds: [{ figure: 'known by all', unit: 'ms', p99: 250 }, NO_FALSE_DEATHS],
    compare: (seed, nodes) => swimEventMs({ seed, nodes }),
  },
  {
    name: 'news-lossy',
    about: 'the same while every link loses 25 %',
    nodes: 100,
    play: (stage) => {
      stage.startFull()
      stage.cluster.network.conditions.loss = 0.25
      const node = stage.pick()
      stage.run(SECOND_MS * stage.random.next())
      stage.census.forget(node)
      const addresses = [node.host.address, simulatedAddress(OTHER_PORT)]
      node.process?.post('input', () => node.host.listener?.addresses(addresses))
      const isHeard = (): boolean => stage.census.haveAllHeard(node)
      stage.record('known by all', stage.until(isHeard, MINUTE_MS))
    },
    bounds: [{ figure: 'known by all', unit: 'ms', p99: 500 }],
    compare: (seed, nodes) => swimEventMs({ seed, nodes, loss: 0.25 }),
  },
  {
    name: 'clones',
    about: 'a second process starts with the identity of a member: the younger one ends itself',
    nodes: 8,
    nodesMin: 3,
    stage: (nodes) => ({
      spare: 1,
      keyOf: (index) => (index === nodes ? 0 : index),
      // Two processes tell two stories of one member: nobody's view can only move forward.
      areViewsChecked: false,
    }),
    play: (stage) => {
      stage.startFull()
      const clone = stage.node(stage.members.length)
      stage.census.excuse((subject) => subject.peer === clone.peer)
      // Who is younger is a matter of the two clocks; and frames get lost.
      const isCloneYounger = stage.random.next() < 0.5
      if (!isCloneYounger) clone.clock.jump(-DAY_MS)
      stage.cluster.network.conditions.loss = pickLoss(stage)
      const { gaveWay } = stage.census
      stage.cluster.start(clone, [stage.node(1).host.address])
      stage.record(
        'younger one ends',
        stage.until(() => gaveWay.length > 0, MINUTE_MS),
      )
      stage.cluster.network.conditions.loss = 0
      recordAgreement(stage)
      stage.run(30 * SECOND_MS)
      stage.record(
        'alive at all afterwards',
        stage.until(() => stage.isAgreed(), MINUTE_MS),
      )
      const younger = isCloneYounger ? clone : stage.node(0)
      stage.record('other ends', gaveWay.length - 1 + (gaveWay[0]?.node === younger ? 0 : 1))
      stage.recordDeaths()
    },
    bounds: [
      { figure: 'younger one ends', unit: 'ms', max: 10 * SECOND_MS },
      { figure: 'other ends', unit: 'count', max: 0 },
      AGREED_BOUND,
      { figure: 'alive at all afterwards', unit: 'ms', max: SECOND_MS },
      NO_FALSE_DEATHS,
    ],
  },
  {
    name: 'epoch-lost',
    about: 'a member comes back without its store, its clock a day behind',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      const node = stage.pick()
      stage.cluster.crash(node)
      stage.run(5 * SECOND_MS)
      stage.cluster.replaceDisk(node, [])
      node.clock.jump(-DAY_MS)
      restart(stage, node)
      recordAgreement(stage)
      stage.recordDeaths()
    },
    bounds: [AGREED_BOUND, NO_FALSE_DEATHS],
  },
  {
    name: 'idle',
    about: 'nothing happens for a minute: what that costs a node',
    nodes: 100,
    play: (stage) => {
      stage.startFull()
      const rates = stage.measureTraffic(MINUTE_MS)
      const lanes = Object.values(rates)
      stage.record(
        'bytes sent',
        lanes.reduce((sum, { bytes }) => sum + bytes, 0),
      )
      stage.record(
        'frames sent',
        lanes.reduce((sum, { frames }) => sum + frames, 0),
      )
      stage.recordDeaths()
    },
    bounds: [
      { figure: 'bytes sent', unit: 'B/s', max: 1_024 },
      { figure: 'frames sent', unit: 'frames/s', max: 8 },
      NO_FALSE_DEATHS,
    ],
  },
]
