import type { Stamp } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { CheckedOperation, LoneIncrement } from '../../crdt/operation.ts'

export type Increment = Extract<CheckedOperation, { type: 'counter-add' }>

/** Those of one counter. */
export interface WaitingIncrements {
  readonly object: string
  readonly growOnly: boolean
  amount: number
}

/** Wants to know of each increment that waits. */
export interface EachIncrement {
  add(counter: WaitingIncrements, amount: number): void
}

/** Different counters that gather: more are events at once. */
const COUNTERS_MAX = 64

/**
 * Increments that wait to become events: while none has left the process, those of one counter are one event,
 * however many transactions they were. Whoever looks at the state, or writes anything else, has them become
 * events first.
 */
export class Increments {
  /** Who made them, and the latest stamp. */
  self: ReplicaId | undefined
  stamp: Stamp = 0
  readonly #waiting: WaitingIncrements[] = []
  #last: WaitingIncrements | undefined
  readonly #each: EachIncrement | undefined

  /** @param each is told of them one by one */
  constructor(each: EachIncrement | undefined) {
    this.#each = each
  }

  get isEmpty(): boolean {
    return this.#last === undefined
  }

  /** Takes in a transaction of nothing else; false when it has to be an event of its own. */
  add(state: LiveState, increment: LoneIncrement): boolean {
    const { object } = increment
    const growOnly = increment.growOnly === true
    const number = Number(increment.amount)
    let waiting = this.#last
    if (waiting === undefined || waiting.object !== object) {
      waiting = this.#waiting.find((one) => one.object === object)
      waiting ??= this.#begin(state, object, growOnly)
      if (waiting === undefined) return false
      this.#last = waiting
    }
    const sum = waiting.amount + number
    // What needs more than a number is done one by one.
    if (waiting.growOnly !== growOnly || sum > Number.MAX_SAFE_INTEGER) return false
    waiting.amount = sum
    this.#each?.add(waiting, number)
    return true
  }

  /** Takes all out, as one operation a counter. */
  take(): readonly Increment[] {
    const all = this.#waiting.map((waiting) => incrementOf(waiting, waiting.amount))
    this.#waiting.length = 0
    this.#last = undefined
    return all
  }

  #begin(state: LiveState, object: string, growOnly: boolean): WaitingIncrements | undefined {
    // A sum that might not fit is not put off.
    const total = state.object('counter', object)?.total ?? 0n
    const isSmall = total <= Number.MAX_SAFE_INTEGER && total >= Number.MIN_SAFE_INTEGER
    if (!isSmall || this.#waiting.length >= COUNTERS_MAX) return undefined
    const waiting = { object, growOnly, amount: 0 }
    this.#waiting.push(waiting)
    return waiting
  }
}

export function incrementOf({ object, growOnly }: WaitingIncrements, amount: number): Increment {
  return { type: 'counter-add', object, amount: BigInt(amount), growOnly }
}
