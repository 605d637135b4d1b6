import type { LiveState } from '../crdt/live-state.ts'
import type { CheckedOperation } from '../crdt/operation.ts'

type Increment = Extract<CheckedOperation, { type: 'counter-add' }>

interface Pending {
  readonly object: string
  readonly growOnly: boolean
  amount: number
}

/** Different counters that gather: more are events at once. */
const COUNTERS_MAX = 64
const MAX_AMOUNT = BigInt(Number.MAX_SAFE_INTEGER)

/**
 * Increments that wait to become events: while none has left the process, those of one counter are one event,
 * however many transactions they were. Whoever looks at the state, or writes anything else, has them become
 * events first.
 */
export class Increments {
  readonly #pending: Pending[] = []
  #last: Pending | undefined

  get isEmpty(): boolean {
    return this.#last === undefined
  }

  /** Takes an increment in; false when it has to be an event of its own. */
  add(state: LiveState, { object, amount, growOnly }: Increment): boolean {
    // What may fail, and what needs more than a number, is done one by one.
    if (amount < 0n || amount > MAX_AMOUNT) return false
    let pending = this.#last
    if (pending?.object !== object) {
      pending = this.#pending.find((one) => one.object === object)
      pending ??= this.#begin(state, object, growOnly)
      if (pending === undefined) return false
      this.#last = pending
    }
    const sum = pending.amount + Number(amount)
    if (pending.growOnly !== growOnly || sum > Number.MAX_SAFE_INTEGER) return false
    pending.amount = sum
    return true
  }

  /** Takes them out, as one operation a counter. */
  take(): readonly Increment[] {
    const all = this.#pending.map(({ object, amount, growOnly }) => {
      return { type: 'counter-add', object, amount: BigInt(amount), growOnly } as const
    })
    this.#pending.length = 0
    this.#last = undefined
    return all
  }

  #begin(state: LiveState, object: string, growOnly: boolean): Pending | undefined {
    // A sum that might not fit is not put off.
    const total = state.object('counter', object)?.total ?? 0n
    const isSmall = total <= Number.MAX_SAFE_INTEGER && total >= Number.MIN_SAFE_INTEGER
    if (!isSmall || this.#pending.length >= COUNTERS_MAX) return undefined
    const pending = { object, growOnly, amount: 0 }
    this.#pending.push(pending)
    return pending
  }
}
