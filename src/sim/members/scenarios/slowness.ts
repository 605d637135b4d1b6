import { randomInteger } from '../../../base/random.ts'
import type { SimulatedNode } from '../../cluster.ts'
import { MINUTE_MS, NO_FALSE_DEATHS, type Scenario, SECOND_MS } from '../scenario.ts'
import type { Stage } from '../stage.ts'

/** Share of the members that stall, and for how long each time. */
const STALLING_SHARE = 0.1
const STALL_MS_MIN = 500
const STALL_MS_MAX = 8_000
/** A stall of a second is no death. */
const SHORT_STALL_MS = 1_000
/** Views of the stalled settle so long after it. */
const STALL_WAKE_MS = 5_000

function lossy(name: string, loss: number, deaths: Scenario['bounds'][number]): Scenario {
  return {
    name,
    about: `every link loses ${loss * 100} % of its packets, which TCP sends again`,
    nodes: 100,
    play: (stage) => {
      stage.startFull()
      stage.cluster.network.conditions.loss = loss
      stage.run(MINUTE_MS)
      stage.record('flaps', stage.census.flaps)
      stage.record('suspicions', stage.census.suspicions)
      stage.recordDeaths()
    },
    bounds: [deaths],
  }
}

/** Members stall at random; only those who stall long may be called failed. */
function stalls(stage: Stage): void {
  stage.startFull()
  const count = Math.max(1, Math.round(stage.members.length * STALLING_SHARE))
  const stalling = stage.shuffled().slice(0, count)
  const longUntil = new Map<SimulatedNode, number>()
  stage.census.excuse((subject) => (longUntil.get(subject) ?? 0) > stage.world.now)
  const endAt = stage.world.now + MINUTE_MS
  const next = (node: SimulatedNode): void => {
    const pauseMs = 10 * SECOND_MS * stage.random.next()
    stage.world.schedule(pauseMs, () => {
      if (stage.world.now > endAt) return
      const forMs = STALL_MS_MIN + randomInteger(stage.random, STALL_MS_MAX - STALL_MS_MIN)
      if (forMs > SHORT_STALL_MS) longUntil.set(node, stage.world.now + forMs + STALL_WAKE_MS)
      node.process?.stall(forMs)
      stage.world.schedule(forMs, () => next(node))
    })
  }
  for (const node of stalling) next(node)
  stage.run(MINUTE_MS + STALL_MS_MAX)
  stage.record(
    'all alive again',
    stage.until(() => stage.isAgreed(), 2 * MINUTE_MS),
  )
  stage.recordDeaths()
}

/** A process that does not run for a while; with its host asleep nothing reaches it either. */
function pause(stage: Stage, forMs: number, isHostAsleep: boolean): void {
  stage.startFull()
  const paused = stage.pick()
  const before = stage.census.accusationsBy(paused)
  stage.census.excuse((subject) => subject === paused)
  paused.process?.stall(forMs)
  if (isHostAsleep) {
    const others = stage.members.filter((node) => node !== paused)
    stage.cluster.network.partition([[paused.host], others.map(({ host }) => host)])
  }
  stage.run(forMs)
  stage.cluster.network.heal()
  const isAlive = (): boolean => stage.census.areAllAware(paused, ['alive'])
  stage.record('alive again', isAlive() ? 0 : stage.until(isAlive, 2 * MINUTE_MS))
  stage.run(10 * SECOND_MS)
  stage.record('accusations by the paused', stage.census.accusationsBy(paused) - before)
  stage.recordDeaths()
}

/** Members and networks that are slow, lossy or asleep, and nobody of them dead. */
export const SLOWNESS: readonly Scenario[] = [
  {
    name: 'stalls',
    about: 'a tenth of the members stall again and again, 0.5 … 8 s',
    nodes: 100,
    play: stalls,
    bounds: [NO_FALSE_DEATHS],
  },
  lossy('loss-10', 0.1, NO_FALSE_DEATHS),
  lossy('loss-30', 0.3, { figure: 'false deaths', unit: 'count', perThousandNodeHours: 1 }),
  {
    name: 'deaf',
    about: 'one member loses 80 % of what comes in',
    nodes: 16,
    nodesMin: 4,
    play: (stage) => {
      stage.startFull()
      const deaf = stage.pick()
      stage.census.excuse((subject, observer) => subject === deaf || observer === deaf)
      stage.cluster.network.setInboundLoss(deaf.host, 0.8)
      stage.run(2 * MINUTE_MS)
      const harmed = stage.members.filter(
        (node) =>
          node !== deaf &&
          stage.members.some(
            (other) => other !== deaf && stage.census.state(other, node.peer) !== 'alive',
          ),
      )
      stage.record('flaps', stage.census.flaps / (stage.members.length - 1))
      stage.record('others not alive', harmed.length)
      stage.recordDeaths()
    },
    bounds: [
      { figure: 'flaps', unit: 'count', max: 1 },
      { figure: 'others not alive', unit: 'count', max: 0 },
      NO_FALSE_DEATHS,
    ],
  },
  {
    name: 'pause',
    about: 'a process is stopped for 20 s and goes on',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => pause(stage, 20 * SECOND_MS, false),
    bounds: [
      { figure: 'alive again', unit: 'ms', p99: 300 },
      { figure: 'accusations by the paused', unit: 'count', max: 0 },
      NO_FALSE_DEATHS,
    ],
  },
  {
    name: 'suspend',
    about: 'a host sleeps for 10 minutes',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => pause(stage, 10 * MINUTE_MS, true),
    bounds: [
      { figure: 'alive again', unit: 'ms', p99: 5 * SECOND_MS },
      { figure: 'accusations by the paused', unit: 'count', max: 0 },
      NO_FALSE_DEATHS,
    ],
  },
  {
    name: 'own-stall',
    about: 'the event loop of a member stands for 5 s',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => pause(stage, 5 * SECOND_MS, false),
    bounds: [
      { figure: 'alive again', unit: 'ms', p99: 300 },
      { figure: 'accusations by the paused', unit: 'count', max: 0 },
      NO_FALSE_DEATHS,
    ],
  },
  {
    name: 'refutation-cut',
    about: 'a member stalls for a second, then cannot reach one who accuses it',
    nodes: 16,
    nodesMin: 4,
    play: (stage) => {
      stage.startFull()
      const accused = stage.pick()
      const [peer] = accused.host.links.keys()
      const accuser = peer === undefined ? undefined : stage.cluster.nodeOf(peer)
      // Long enough to be accused; a second and a half is as long as a death takes at least.
      accused.process?.stall(SECOND_MS * (0.7 + 0.5 * stage.random.next()))
      if (accuser !== undefined) stage.cluster.network.partition([[accused.host], [accuser.host]])
      stage.run(MINUTE_MS)
      stage.cluster.network.heal()
      stage.record(
        'agreed',
        stage.until(() => stage.isAgreed(), MINUTE_MS),
      )
      stage.recordDeaths()
    },
    bounds: [{ figure: 'agreed', unit: 'ms', p99: 5 * SECOND_MS }, NO_FALSE_DEATHS],
  },
]
