import { type Counts, noCounts } from './counts.ts'
import { Player } from './play.ts'
import { type Schedule, scheduleOf, scheduleText } from './schedule.ts'
import { shrunk } from './shrink.ts'

/** A schedule that showed a defect. */
export interface Failure {
  readonly seed: number
  readonly reason: string
}

export interface Outcome {
  readonly failure: Failure | undefined
  readonly counts: Counts
}

/** Plays the schedules of seeds from … from + count − 1, up to the first that fails. */
export function playSeeds(from: number, count: number): Outcome {
  const player = new Player(noCounts())
  for (let seed = from; seed < from + count; seed++) {
    const reason = faultOf(player, scheduleOf(seed))
    if (reason !== undefined) return { failure: { seed, reason }, counts: player.counts }
  }
  return { failure: undefined, counts: player.counts }
}

/** What a reader needs of a failure: the seed, and the smallest schedule that fails in the same way. */
export function failureText({ seed, reason }: Failure): string {
  const player = new Player(noCounts())
  const kind = kindOf(reason)
  const fails = (schedule: Schedule): boolean => {
    const fault = faultOf(player, schedule)
    return fault !== undefined && kindOf(fault) === kind
  }
  const small = shrunk(scheduleOf(seed), fails)
  const play = `npm run soak:state -- --from ${seed} --count 1`
  return `seed ${seed}: ${reason}\n${play}\n${scheduleText(small)}\n${faultOf(player, small)}`
}

function faultOf(player: Player, schedule: Schedule): string | undefined {
  try {
    player.play(schedule)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A reason without ids and numbers, which change as a schedule gets smaller. */
function kindOf(reason: string): string {
  return reason.replaceAll(/[0-9a-f]{32}|\d+/g, '')
}
