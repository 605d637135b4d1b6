import { present, unreachable } from '../../../src/base/assert.ts'
import { hex } from '../../../src/base/bytes.ts'
import { parseReplicaId, type ReplicaId } from '../../../src/base/ids.ts'
import { randomBytes, seededRandom } from '../../../src/base/random.ts'
import { decodeRunHead } from '../../../src/crdt/run-head.ts'
import { RunReader } from '../../../src/crdt/run-reader.ts'
import type { MergeLimits } from '../../../src/replication/base/adopting.ts'
import { oracleState } from '../oracle.ts'
import { recomputed, running } from '../recompute.ts'
import type { Counts } from './counts.ts'
import { Fault, Model } from './model.ts'
import { Pull } from './pull.ts'
import { Replica, type World } from './replica.ts'
import { CREDIT_AMPLE, FRAMES_ALL, type Schedule, type Step } from './schedule.ts'
import { isSame, markOf } from './store.ts'
import { checkValues } from './values.ts'
import { checkWritten } from './written.ts'

/** Ids are made once: the first writer of a schedule gets any of them, further ones those behind it. */
const IDS = 256
/** Of a step, in stamps. */
const STEP_STAMPS = 10
const FIRST_STAMP = 1000
const LATE_STAMP = 100_000
const RECENT_RUNS = 4
/** Dots of a writer in a schedule; far more than any writes. */
const DOTS = 1024
/** Merges are cut after fewer steps. */
const MERGE_STEPS = 5

interface Published {
  readonly replica: ReplicaId
  readonly end: number
  readonly bytes: Uint8Array
}

/** Plays schedules, one after the other; what can be used again is. */
export class Player implements World {
  readonly counts: Counts
  readonly model: Model = new Model()
  readonly runs: RunReader = new RunReader()
  limits: MergeLimits = { mergeInPlaceMax: 0, mergeStepEntries: 1 }
  readonly #ids: readonly ReplicaId[]
  #nextId = 0
  #replicas: Replica[] = []
  /** Pulls that were cut, by who wants the events. */
  readonly #cut = new Map<Replica, Pull>()
  /** Runs that are or were durable somewhere. */
  #published: Published[] = []
  readonly #known = new Set<number>()
  /** Pulls of this schedule. */
  #pulls = 0
  /** Operations to be written in the middle of a merge. */
  #lateWrite: readonly number[] | undefined

  constructor(counts: Counts) {
    this.counts = counts
    const random = seededRandom(5)
    this.#ids = Array.from({ length: IDS }, () =>
      present(parseReplicaId(hex(randomBytes(random, 16))), 'replica id'),
    )
  }

  /** @throws {Fault} when something happens that must not, and whatever the code under test throws */
  play(schedule: Schedule): void {
    const { ids, steps } = schedule
    this.counts.schedules += 1
    this.model.reset()
    this.#published = []
    this.#known.clear()
    this.#cut.clear()
    this.#pulls = 0
    this.#lateWrite = steps.find((step) => step.type === 'write')?.operations
    this.#nextId = schedule.ids
    this.limits = limitsOf(schedule)
    this.#replicas = Array.from({ length: schedule.replicas }, () => new Replica(this))
    let late: Replica | undefined
    let now = FIRST_STAMP
    for (const [i, step] of steps.entries()) {
      now += STEP_STAMPS
      if ((ids & 1) === 0 && i === steps.length >>> 1) late = this.#late(ids)
      this.#step(step, now)
    }
    this.#heal()
    this.#compare(schedule)
    if (late !== undefined) this.#join(late, this.#at(ids >>> 3))
  }

  mint(): ReplicaId {
    this.#nextId += 1
    return present(this.#ids[this.#nextId % IDS], 'replica id')
  }

  publish(bytes: Uint8Array): void {
    const head = decodeRunHead(bytes)
    if (!head.ok) throw new Fault(`an unreadable run is told: ${head.reason}`)
    const { replica, n0, count } = head.value
    const key = (this.model.indexOf(replica) * DOTS + n0) * DOTS + count
    if (this.#known.has(key)) return
    this.#known.add(key)
    this.#published.push({ replica, end: n0 + count - 1, bytes })
  }

  #at(index: number): Replica {
    return present(this.#replicas[index % this.#replicas.length], 'replica')
  }

  #step(step: Step, now: number): void {
    const replica = this.#at(step.at)
    switch (step.type) {
      case 'write': {
        const isWritten = replica.write(step.operations, now + step.stamp)
        if (isWritten) checkWritten(replica.view, step.operations.at(-1))
        if (step.isDurable) replica.commit()
        break
      }
      case 'save':
        replica.save()
        break
      case 'commit':
        replica.commit(step.left)
        break
      case 'deliver':
        this.#deliver(step.run, replica)
        break
      case 'pull':
        this.#pull(step)
        break
      case 'snapshot':
        replica.snapshot(step.steps, step.logBytes)
        break
      case 'shrink':
        replica.shrink(step.logBytes)
        break
      case 'crash':
        this.#unlink(replica)
        replica.crash()
        break
      case 'lose':
        this.#unlink(replica)
        replica.lose()
        break
      case 'backup':
        replica.backup()
        break
      case 'restore':
        this.#unlink(replica)
        replica.restore()
        break
      case 'clone':
        if (replica === this.#at(step.from)) return
        this.#unlink(replica)
        replica.clone(this.#at(step.from))
        break
      default:
        unreachable(step)
    }
    replica.check()
  }

  /** One of the newest runs or any; half of the time one that is news there, if there is any. */
  #deliver(number: number, to: Replica): void {
    const { length } = this.#published
    if (length === 0) return
    const isAny = (number & 1) === 0
    const isNews = (number & 2) === 0
    const choice = number >>> 2
    let index = isAny ? choice % length : length - 1 - (choice % Math.min(RECENT_RUNS, length))
    for (let tries = 0; isNews && tries < length && this.#isKnown(index, to); tries++) {
      index = (index + 1) % length
    }
    to.receive(present(this.#published[index], 'run').bytes)
  }

  #isKnown(index: number, { group }: Replica): boolean {
    const { replica, end } = present(this.#published[index], 'run')
    return group.state.haveOf(replica) >= end
  }

  #pull(step: Extract<Step, { type: 'pull' }>): void {
    const [cut] = this.#cut.values()
    const pull =
      (step.isNew ? undefined : cut) ?? new Pull(this.#at(step.at), this.#at(step.from), this)
    const { to, from } = pull
    if (to === from) return
    this.#pulls += 1
    const isCut = !pull.run(step.frames, step.credit, this.#pulls % MERGE_STEPS)
    if (isCut) this.#cut.set(to, pull)
    else this.#cut.delete(to)
    to.check()
    from.check()
  }

  /** A whole pull. Between the steps of a merge runs arrive, and once in a schedule something is written. */
  #pullAll(to: Replica, from: Replica): void {
    const pull = new Pull(to, from, this)
    for (let i = 0; !pull.run(FRAMES_ALL, CREDIT_AMPLE, 1); i++) {
      this.#pulls += 1
      this.#deliver(this.#pulls * 4, to)
      if (this.#lateWrite !== undefined && i > 0) {
        to.write(this.#lateWrite, LATE_STAMP)
        to.commit()
        this.#lateWrite = undefined
      }
      to.check()
    }
  }

  /** Links break: what was on its way is lost. */
  #unlink(replica: Replica): void {
    for (const [to, pull] of this.#cut) {
      if (to === replica || pull.from === replica) this.#cut.delete(to)
    }
  }

  /** Everybody pulls from everybody until nothing changes. */
  #heal(): void {
    for (const replica of this.#replicas) replica.commit()
    for (let round = 0; round <= this.#replicas.length; round++) {
      let isQuiet = true
      for (const to of this.#replicas) {
        for (const from of this.#replicas) {
          if (to === from || isSame(markOf(to.group.state), markOf(from.group.state))) continue
          isQuiet = false
          this.#pullAll(to, from)
        }
      }
      if (isQuiet) return
    }
    throw new Fault('replicas do not converge')
  }

  /** All replicas show what the events that anybody holds say; one of them sometimes after a start too. */
  #compare(schedule: Schedule): void {
    const first = this.#at(0)
    const held = this.model.writers.map(({ id }) => first.group.state.haveOf(id))
    const expected = oracleState(this.model.surviving(held))
    for (const [name, sum] of this.model.sums(held) ?? []) {
      if ((expected.counters[name] ?? '0') !== String(sum)) {
        throw new Fault(`counter ${name} is ${expected.counters[name]}, ${sum} was added`)
      }
    }
    for (const replica of this.#replicas) {
      replica.commit()
      replica.check()
      checkValues(replica.view, expected)
    }
    const { state } = first.group
    const kept = running(state)
    if (recomputed(state).some((part, i) => part !== kept[i])) {
      throw new Fault('a fingerprint is not that of the entries')
    }
    if ((schedule.ids & 3) === 0) {
      first.crash()
      first.check()
      checkValues(first.view, expected)
    }
  }

  /** Somebody who will be away until the end: new, or with the state of another one now. */
  #late(ids: number): Replica {
    const late = new Replica(this)
    if ((ids & 6) > 0) late.clone(this.#at(ids >>> 5))
    return late
  }

  /** Whoever comes back needs but one of the others, whom it may bring what only it has kept, and the like. */
  #join(late: Replica, from: Replica): void {
    for (const [to, other] of [
      [late, from],
      [from, late],
      [late, from],
    ] as const) {
      if (isSame(markOf(to.group.state), markOf(other.group.state))) return
      this.#pullAll(to, other)
      to.check()
    }
    if (isSame(markOf(late.group.state), markOf(from.group.state))) return
    throw new Fault('one replica alone cannot bring another one up to date')
  }
}

/** Half of the schedules merge in place what is not much for them. */
function limitsOf({ ids }: Schedule): MergeLimits {
  return { mergeInPlaceMax: (ids & 8) === 0 ? 0 : 4, mergeStepEntries: 1 + ((ids >>> 4) & 3) }
}
