import { EventDraft } from '../../crdt/event-draft.ts'
import { KIND_COUNTER } from '../../crdt/kinds.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { GroupLog } from './group-log.ts'

/** A counter's total as one of its entries told it. */
export interface Total {
  readonly object: string
  readonly payload: Uint8Array
}

/** More are forgotten, oldest first: they matter to a store that was rolled back alone. */
const TOTALS_MAX = 16_384

/** What is told of totals before they are replaced. */
export interface Totals {
  /** Before an event is applied: keeps what it replaces. @param n0 dots from here on are on their way to the log */
  keep(state: LiveState, writer: number, event: EventDraft, n0: number): void
  find(writer: number, dot: number): Total | undefined
}

/** Keeps none. */
export const NO_TOTALS: Totals = { keep() {}, find: () => undefined }

/**
 * Totals of counters that an event has replaced and that the log no longer holds. A store that finds itself
 * rolled back gives the former identity its last total back, see reissue.ts, and has it from nowhere else.
 */
export class ReplacedTotals implements Totals {
  readonly #log: GroupLog
  readonly #totals = new Map<string, Total>()
  readonly #draft = new EventDraft()

  constructor(log: GroupLog) {
    this.#log = log
  }

  /** See Totals. */
  keep(state: LiveState, writer: number, event: EventDraft, n0: number): void {
    if (event.kind !== KIND_COUNTER) return
    for (let k = 0; k < event.killCount; k++) {
      const dot = event.killDots[k] ?? 0
      if (event.killWriters[k] !== writer || dot >= n0 || this.#isLogged(writer, dot)) continue
      state.walk(writer, dot, dot, (slot) => {
        state.draftOf(slot, this.#draft)
        if (this.#draft.kind !== KIND_COUNTER) return false
        const { object, payloadBytes, payloadStart, payloadEnd } = this.#draft
        const payload = payloadBytes.slice(payloadStart, payloadEnd)
        this.#totals.set(`${writer} ${dot}`, { object: state.objectName(object), payload })
        return false
      })
    }
    if (this.#totals.size <= TOTALS_MAX) return
    for (const key of this.#totals.keys()) {
      this.#totals.delete(key)
      break
    }
  }

  find(writer: number, dot: number): Total | undefined {
    return this.#totals.get(`${writer} ${dot}`)
  }

  #isLogged(writer: number, dot: number): boolean {
    const run = this.#log.runAt(writer, this.#log.indexAbove(writer, dot - 1))
    return run !== undefined && run.n0 <= dot
  }
}
