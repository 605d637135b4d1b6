import { type Random, randomInteger, seededRandom } from '../../../src/base/random.ts'
import { BY_FAMILY, FAMILIES, operationText } from './operations.ts'

/*
 * A schedule: what a few replicas go through, step by step. Every step makes sense in every situation (what
 * it names is taken modulo what there is, and what is not possible is passed over), so that any of them can be
 * left out when a failure is made small.
 */

export type Step =
  /**
   * One transaction, durable at once or not.
   * @property stamp beside the time of the step: clocks are wrong, and go back
   */
  | {
      readonly type: 'write'
      readonly at: number
      readonly operations: readonly number[]
      readonly stamp: number
      readonly isDurable: boolean
    }
  /** What is new becomes a row on its way to the disk. */
  | { readonly type: 'save'; readonly at: number }
  /** As `save`; then rows reach the disk, all but the newest `left`. */
  | { readonly type: 'commit'; readonly at: number; readonly left: number }
  /** A run that was durable anywhere, at any time, reaches somebody. */
  | { readonly type: 'deliver'; readonly at: number; readonly run: number }
  /**
   * A pull is begun, or the oldest one that was cut goes on where it was. Of the answers' frames the first
   * `frames` arrive; events are served up to `credit` bytes at a time.
   */
  | {
      readonly type: 'pull'
      readonly at: number
      readonly from: number
      readonly isNew: boolean
      readonly frames: number
      readonly credit: number
    }
  /** A snapshot is begun or goes on for some steps; when it is done, the log shrinks to a budget. */
  | {
      readonly type: 'snapshot'
      readonly at: number
      readonly steps: number
      readonly logBytes: number
    }
  /** The log shrinks to a budget. */
  | { readonly type: 'shrink'; readonly at: number; readonly logBytes: number }
  /** What is not on the disk is lost. */
  | { readonly type: 'crash'; readonly at: number }
  /** The disk is lost. */
  | { readonly type: 'lose'; readonly at: number }
  /** The disk is copied; or an old copy of it is put back. */
  | { readonly type: 'backup' | 'restore'; readonly at: number }
  /** One starts from a copy of another one's disk. */
  | { readonly type: 'clone'; readonly at: number; readonly from: number }

export interface Schedule {
  readonly replicas: number
  /** Which ids the writers get: their order decides between equal stamps. */
  readonly ids: number
  readonly steps: readonly Step[]
}

type Kind = Step['type']

/** How often what happens, by what a schedule is about. */
const PROFILES: readonly Readonly<Record<Kind, number>>[] = [
  // Runs in any order, twice or never.
  weights({ write: 8, save: 1, commit: 2, deliver: 12, pull: 1, crash: 1 }),
  // Truncated logs: bases, cut and resumed.
  weights({ write: 8, commit: 1, deliver: 7, pull: 7, snapshot: 4, shrink: 1, crash: 1 }),
  // Disks.
  weights({
    ...{ write: 9, save: 1, commit: 2, deliver: 5, pull: 5, snapshot: 4, shrink: 1 },
    ...{ crash: 3, lose: 1, backup: 2, restore: 2, clone: 1 },
  }),
  // Everything.
  weights({
    ...{ write: 9, save: 1, commit: 2, deliver: 6, pull: 5, snapshot: 4, shrink: 1 },
    ...{ crash: 1, lose: 1, backup: 1, restore: 1, clone: 1 },
  }),
]

/** The one about truncated logs. */
const TRUNCATED = 1
const STEPS_MIN = 4
const STEPS_MAX = 16
/** More frames than any answer has; more bytes than anybody wrote. */
export const FRAMES_ALL = 1000
export const CREDIT_AMPLE: number = 1 << 16
/** The newest run there is, wanted or not; see Player. */
const NEWEST = 3
/** Budgets of logs: nothing, nothing, a run or two. */
const LOG_BYTES = [0, 0, 400]
/** Numbers of replicas: three are the fewest that can hear of things in another order. */
const REPLICAS = [2, 2, 2, 3, 3, 3, 3, 4]

function weights(some: Partial<Record<Kind, number>>): Readonly<Record<Kind, number>> {
  const none = { write: 0, save: 0, commit: 0, deliver: 0, pull: 0, snapshot: 0 }
  return { ...none, shrink: 0, crash: 0, lose: 0, backup: 0, restore: 0, clone: 0, ...some }
}

/** The schedule of a seed: always the same. */
export function scheduleOf(seed: number): Schedule {
  const random = seededRandom([seed, 11])
  const subject = randomInteger(random, PROFILES.length)
  const profile = PROFILES[subject] ?? PROFILES[0]
  const replicas = REPLICAS[randomInteger(random, REPLICAS.length)] ?? 3
  const operations = someOperations(random)
  const hasHub = randomInteger(random, 2) === 0
  const count = STEPS_MIN + randomInteger(random, STEPS_MAX - STEPS_MIN + 1)
  const kinds = Object.entries(profile ?? {}) as [Kind, number][]
  const total = kinds.reduce((sum, [, weight]) => sum + weight, 0)
  const setting = { replicas, operations, hasHub, heard: undefined }
  const steps: Step[] = subject === TRUNCATED ? truncatedStart(random, setting) : []
  const end = steps.length + count
  while (steps.length < end) {
    let at = randomInteger(random, total)
    const kind = kinds.find(([, weight]) => {
      at -= weight
      return at < 0
    })
    const before = steps.at(-1)
    const heard = before?.type === 'deliver' || before?.type === 'pull' ? before.at : undefined
    const step = stepOf(kind?.[0] ?? 'write', random, { ...setting, heard })
    steps.push(step)
    const isAnswer = step.type === 'write' && step.isDurable && step.at === heard
    if (isAnswer && randomInteger(random, 2) === 0) {
      const at = (step.at + 1 + randomInteger(random, replicas - 1)) % replicas
      steps.push({ type: 'deliver', at, run: NEWEST })
    }
  }
  return { replicas, ids: randomInteger(random, 1 << 16), steps }
}

/** States that logs no longer tell of: of one replica, of one with many writers, of all. */
function truncatedStart(random: Random, setting: Setting): Step[] {
  const write = (at: number): Step => {
    const step = stepOf('write', random, setting)
    return step.type === 'write' ? { ...step, at, isDurable: true } : step
  }
  const pull = (at: number, from: number): Step => ({
    ...{ type: 'pull', at, from, isNew: true },
    ...{ frames: FRAMES_ALL, credit: CREDIT_AMPLE },
  })
  const snapshot = (at: number, steps: number): Step => ({
    ...{ type: 'snapshot', at, steps, logBytes: 0 },
  })
  const shared = [write(0), write(1), pull(0, 1)]
  switch (randomInteger(random, 4)) {
    case 0:
      return [...shared, write(0), snapshot(0, 3)]
    case 1: {
      // More writers than replicas make more parts.
      const renewed: Step[] = [{ type: 'clone', at: 1, from: 0 }, write(1), pull(0, 1)]
      return [...shared, ...renewed, ...renewed, snapshot(0, 1)]
    }
    default: {
      const all = Array.from({ length: setting.replicas }, (_, i) => i)
      return [...shared, ...all.slice(1).map((i) => pull(i, 0)), ...all.map((i) => snapshot(i, 3))]
    }
  }
}

/** Operations of one or two families: few enough that they have to do with each other. */
function someOperations(random: Random): readonly number[] {
  const families = 1 + randomInteger(random, 2)
  const operations: number[] = []
  for (let i = 0; i < families; i++) {
    const family = FAMILIES[randomInteger(random, FAMILIES.length)] ?? 'set'
    const all = BY_FAMILY[family]
    const isOne = randomInteger(random, 4) > 0
    operations.push(...(isOne ? all.slice(0, all.length / 2) : all))
  }
  return operations
}

interface Setting {
  readonly replicas: number
  readonly operations: readonly number[]
  /** The first replica writes most, and is asked most. */
  readonly hasHub: boolean
  /** Who has just heard of something: who answers at once removes what others do not know yet. */
  readonly heard: number | undefined
}

function stepOf(type: Kind, random: Random, setting: Setting): Step {
  const { replicas, operations, hasHub, heard } = setting
  const isHub = hasHub && randomInteger(random, 3) > 0
  const isAnswer = type === 'write' && heard !== undefined && randomInteger(random, 2) === 0
  const other = 1 + randomInteger(random, replicas - 1)
  const any = randomInteger(random, replicas)
  const isAtHub = isHub && (type === 'write' || type === 'snapshot')
  const at = isAnswer ? heard : isAtHub ? 0 : any
  switch (type) {
    case 'write': {
      const count = 1 + Math.max(0, randomInteger(random, 6) - 2)
      const chosen: number[] = []
      for (let i = 0; i < count; i++) {
        chosen.push(operations[randomInteger(random, operations.length)] ?? 0)
      }
      const isWrong = randomInteger(random, 4) === 0
      const stamp = isWrong ? randomInteger(random, 60) - 30 : 0
      return { type, at, operations: chosen, stamp, isDurable: randomInteger(random, 3) > 0 }
    }
    case 'commit':
      return { type, at, left: randomInteger(random, 4) === 0 ? 1 : 0 }
    case 'deliver':
      return { type, at, run: randomInteger(random, 1 << 12) }
    case 'pull': {
      const from = isHub && at > 0 ? 0 : (at + other) % replicas
      const isCut = randomInteger(random, 3) > 0
      const frames = isCut ? 1 + randomInteger(random, 3) : FRAMES_ALL
      const isNew = randomInteger(random, 3) === 0
      const credit = randomInteger(random, 3) === 0 ? 1 : CREDIT_AMPLE
      return { type, at, from, isNew, frames, credit }
    }
    case 'snapshot': {
      const steps = randomInteger(random, 2) === 0 ? 1 : 3
      return { type, at, steps, logBytes: LOG_BYTES[randomInteger(random, 3)] ?? 0 }
    }
    case 'shrink':
      return { type, at, logBytes: LOG_BYTES[randomInteger(random, 3)] ?? 0 }
    case 'clone':
      return { type, at, from: (at + other) % replicas }
    default:
      return { type, at }
  }
}

/** A schedule for a reader, and as a value. */
export function scheduleText(schedule: Schedule): string {
  const lines = schedule.steps.map((step, i) => {
    const { type, ...rest } = step
    const parts = Object.entries(rest).map(([name, value]) =>
      name === 'operations'
        ? (value as readonly number[]).map(operationText).join(' + ')
        : `${name}=${value}`,
    )
    return `  ${String(i).padStart(2)} ${type} ${parts.join(' ')}`
  })
  return [`${schedule.replicas} replicas`, ...lines, JSON.stringify(schedule)].join('\n')
}
