import { assert } from '../base/assert.ts'
import type { Millis } from '../base/core.ts'
import { Heap } from '../base/heap.ts'

/** One pending moment of one part of the core: setting it again moves it. */
export class Alarm {
  /** When it rings; undefined: never. */
  at: Millis | undefined
  readonly ring: (now: Millis) => void

  constructor(ring: (now: Millis) => void) {
    this.ring = ring
  }

  /** It will not ring; its place in the queue goes stale. */
  clear(): void {
    this.at = undefined
  }
}

interface Entry {
  readonly at: Millis
  readonly order: number
  readonly alarm: Alarm
}

/** All alarms of the core in the order in which they ring; ties ring in the order of setting. */
export class Timers {
  readonly #heap = new Heap<Entry>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order))
  #order = 0

  set(alarm: Alarm, at: Millis): void {
    assert(!Number.isNaN(at), 'an alarm rings at a moment')
    if (alarm.at === at) return
    alarm.at = at
    this.#order += 1
    this.#heap.push({ at, order: this.#order, alarm })
  }

  /** When the next alarm rings; forgets stale entries on the way. */
  next(): Millis | undefined {
    for (;;) {
      const top = this.#heap.peek()
      if (top === undefined) return undefined
      if (top.alarm.at === top.at) return top.at
      this.#heap.pop()
    }
  }

  /** Rings what is due. Alarms set while ringing wait for the next call, so that it always returns. */
  fire(now: Millis): void {
    const last = this.#order
    for (;;) {
      const at = this.next()
      const top = this.#heap.peek()
      if (at === undefined || at > now || top === undefined || top.order > last) return
      this.#heap.pop()
      top.alarm.clear()
      top.alarm.ring(now)
    }
  }
}
