import { swimKillMs } from '../../parity/swim-cluster.ts'
import { type Bound, MINUTE_MS, NO_FALSE_DEATHS, type Scenario, SECOND_MS } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const KNOWN = 'known by all'
/** A crashed process: its kernel says so. */
const CRASH_BOUND: Bound = { figure: KNOWN, unit: 'ms', p99: SECOND_MS }
/** A silent host, in clusters of any size. */
const SILENT_BOUND: Bound = {
  figure: KNOWN,
  unit: 'ms',
  p50: 2 * SECOND_MS,
  p99: 3 * SECOND_MS,
}

/** With fewer than five observers a silent host gets up to a second more to refute: better slow than wrong. */
const SILENT_FEW_BOUND: Bound = { figure: KNOWN, unit: 'ms', p99: 3 * SECOND_MS }

function end(stage: Stage, how: 'crash' | 'powerOff', victim = stage.pick()): void {
  // Not in step with anybody's timers.
  stage.run(stage.random.next() * SECOND_MS)
  stage.cluster[how](victim)
  stage.record(
    KNOWN,
    stage.until(() => stage.census.areAllAware(victim, ['failed']), 2 * MINUTE_MS),
  )
  stage.recordDeaths()
}

function silentIn(nodes: number, name: string): Scenario {
  return {
    name,
    about: `a host falls silent, one of ${nodes}`,
    nodes,
    areNodesFixed: true,
    play: (stage) => {
      stage.startFull()
      end(stage, 'powerOff')
    },
    bounds: [SILENT_FEW_BOUND, NO_FALSE_DEATHS],
  }
}

/** Members that end: by a crash, by silence, with a goodbye. */
export const DEATHS: readonly Scenario[] = [
  {
    name: 'kill',
    about: 'a process is killed, its host lives',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      end(stage, 'crash')
    },
    bounds: [CRASH_BOUND, NO_FALSE_DEATHS],
    compare: (seed, nodes) => swimKillMs({ seed, nodes }),
  },
  {
    name: 'silent',
    about: 'a host falls silent, without a word to anybody',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      end(stage, 'powerOff')
    },
    bounds: [SILENT_BOUND, NO_FALSE_DEATHS],
    compare: (seed, nodes) => swimKillMs({ seed, nodes }),
  },
  {
    name: 'silent-fresh',
    about:
      'a host falls silent a second or two after it came back, of which all heard at one moment',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      const victim = stage.pick()
      stage.cluster.crash(victim)
      stage.run(5 * SECOND_MS)
      stage.cluster.restart(victim, [stage.pick(victim).host.address])
      stage.until(() => stage.isAgreed(), MINUTE_MS)
      // Its links are up by then: whoever has none is found by dials that time out.
      stage.run(SECOND_MS)
      end(stage, 'powerOff', victim)
    },
    bounds: [SILENT_BOUND, NO_FALSE_DEATHS],
  },
  silentIn(2, 'two'),
  silentIn(3, 'three'),
  silentIn(4, 'four'),
  {
    name: 'one',
    about: 'a node alone: nothing to find, nothing to send',
    nodes: 1,
    areNodesFixed: true,
    play: (stage) => {
      stage.startFull()
      const { events } = stage.world
      stage.run(MINUTE_MS)
      stage.record('steps a second', (stage.world.events - events) / 60)
      stage.recordDeaths()
    },
    bounds: [{ figure: 'steps a second', unit: 'count', max: 10 }, NO_FALSE_DEATHS],
  },
  {
    name: 'rack',
    about: 'a host falls silent together with everybody who is linked with it',
    nodes: 32,
    nodesMin: 24,
    play: (stage) => {
      stage.startFull()
      const victim = stage.pick()
      const peers = [...victim.host.links.keys()]
      const rack = stage.members.filter((node) => node === victim || peers.includes(node.peer))
      for (const node of rack) stage.cluster.powerOff(node)
      const isKnown = (): boolean => stage.census.areAllAware(victim, ['failed'])
      stage.record(KNOWN, stage.until(isKnown, 2 * MINUTE_MS))
      stage.recordDeaths()
    },
    bounds: [{ figure: KNOWN, unit: 'ms', p99: 15 * SECOND_MS }, NO_FALSE_DEATHS],
  },
  {
    name: 'leave',
    about: 'a member says goodbye and ends',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      const leaver = stage.pick()
      let isDone = false
      leaver.process?.post('input', () => {
        leaver.subject?.request({ type: 'leave' }, () => {
          isDone = true
        })
      })
      const leftMs = stage.until(() => isDone, 10 * SECOND_MS)
      stage.cluster.crash(leaver)
      const heardMs = stage.until(() => stage.census.areAllAware(leaver, ['left']), MINUTE_MS)
      const isKnown = leftMs !== undefined && heardMs !== undefined
      stage.record(KNOWN, isKnown ? leftMs + heardMs : undefined)
      stage.run(20 * SECOND_MS)
      const failed = stage.cluster.running.filter(
        (node) => stage.census.state(node, leaver.peer) !== 'left',
      )
      stage.record('shown otherwise', failed.length)
      stage.recordDeaths()
    },
    bounds: [
      { figure: KNOWN, unit: 'ms', p99: 500 },
      { figure: 'shown otherwise', unit: 'count', max: 0 },
      NO_FALSE_DEATHS,
    ],
  },
  {
    name: 'leave-cut-short',
    about: 'a member says goodbye and is killed before anybody has confirmed it',
    nodes: 16,
    nodesMin: 2,
    play: (stage) => {
      stage.startFull()
      const leaver = stage.pick()
      leaver.process?.post('input', () => leaver.subject?.request({ type: 'leave' }, () => {}))
      stage.cluster.crash(leaver)
      const isGone = (): boolean => stage.census.areAllAware(leaver, ['left', 'failed'])
      stage.record(KNOWN, stage.until(isGone, MINUTE_MS))
      stage.recordDeaths()
    },
    bounds: [CRASH_BOUND, NO_FALSE_DEATHS],
  },
]
