import { Liar, type Lie } from '../liar.ts'
import { MINUTE_MS, NO_FALSE_DEATHS, type Scenario, SECOND_MS } from '../scenario.ts'

const LIE_PERIOD_MS = 200

/** Members that lie about one other for a minute. */
function lying(options: {
  readonly name: string
  readonly about: string
  readonly nodes: number
  readonly liars: number
  readonly lies: readonly Lie[]
}): Scenario {
  const { name, about, nodes, liars, lies } = options
  return {
    name,
    about,
    nodes,
    nodesMin: liars + 2,
    play: (stage) => {
      stage.startFull()
      const [victim, ...others] = stage.shuffled()
      if (victim === undefined) return
      const told = others.slice(0, liars).map((node) => new Liar(stage, node))
      const endAt = stage.world.now + MINUTE_MS
      while (stage.world.now < endAt) {
        for (const liar of told) for (const lie of lies) liar.tell(lie, victim)
        stage.run(LIE_PERIOD_MS)
      }
      stage.record(
        'agreed',
        stage.until(() => stage.isAgreed(), MINUTE_MS),
      )
      stage.record('suspicions', stage.census.suspicions)
      stage.recordDeaths()
    },
    bounds: [{ figure: 'agreed', unit: 'ms', max: 5 * SECOND_MS }, NO_FALSE_DEATHS],
  }
}

/** Members that are in the network and against it. */
export const HOSTILITY: readonly Scenario[] = [
  lying({
    name: 'liar-forges',
    about: 'one member forges records, goodbyes and accusations of others',
    nodes: 16,
    liars: 1,
    lies: ['forged-alive', 'forged-left', 'forged-accusation'],
  }),
  lying({
    name: 'liar-accuses',
    about: 'one member accuses another five times a second, for a minute',
    nodes: 16,
    liars: 1,
    lies: ['suspect', 'failed'],
  }),
  lying({
    name: 'two-liars',
    about: 'two of seven accuse a third of being dead, for a minute',
    nodes: 7,
    liars: 2,
    lies: ['suspect', 'refused', 'failed'],
  }),
]
