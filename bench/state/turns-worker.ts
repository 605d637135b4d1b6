// Lets one thing happen that could hold up a node, and tells its longest turns.
// Started by turns.ts: node bench/state/turns-worker.ts SCENARIO ELEMENTS

import { PerformanceObserver } from 'node:perf_hooks'
import type { Operation } from '../../src/crdt/operation.ts'
import { keys, sequentialKey } from './keys.ts'
import { meet, TimedCore, type Turn } from './timed-core.ts'

const BATCH = 1_000
/** Between two batches: longer than pushes gather. */
const PERIOD_MS = 5
const SET = 's'
const WARM_UPS = 4
/** Logs that are forgotten as soon as a snapshot covers them. */
const SHORT = { logBytesMax: 1 }

type Outcome = Readonly<Record<string, readonly Turn[]>>

const [scenario = '', size = '0'] = process.argv.slice(2)
let elements = Number(size)

const SCENARIOS: Readonly<Record<string, () => Outcome>> = {
  fresh: () => {
    const a = filled(1, SHORT, 0, elements)
    const b = new TimedCore(2)
    joined(a, b, elements)
    return { joins: b.turns, serves: a.turns }
  },
  missed: () => {
    const a = filled(1, SHORT, 0, elements)
    const b = new TimedCore(2)
    meet(a, b)
    write(b, elements, 2 * elements)
    meet(a, b)
    write(a, 2 * elements, 3 * elements)
    a.rest()
    joined(a, b, 3 * elements)
    return { returns: b.turns, serves: a.turns }
  },
  died: () => {
    const a = filled(1, SHORT, 0, elements)
    const b = new TimedCore(2)
    meet(a, b)
    for (let i = 0; i < elements; i += 2 * BATCH) {
      const values = keys(BATCH, (index) => sequentialKey(i + 2 * index))
      a.transact([{ type: 'set-remove', object: SET, values }])
      a.pass(PERIOD_MS)
    }
    a.rest()
    joined(a, b, elements / 2)
    return { returns: b.turns, serves: a.turns }
  },
  events: () => {
    const a = new TimedCore(1)
    const b = new TimedCore(2)
    meet(a, b)
    for (let i = 0; i < elements; i++) {
      a.transact([{ type: 'set-add', object: SET, values: [sequentialKey(i)] }])
      a.transact([{ type: 'counter-add', object: 'c', amount: 1n }])
      if (i % BATCH === 0) a.pass(PERIOD_MS)
    }
    a.rest()
    joined(a, b, elements)
    return { pulls: b.turns, serves: a.turns }
  },
  writes: () => {
    const a = filled(1, SHORT, 0, elements)
    return { 'writes, snapshots, log forgotten': a.turns }
  },
  large: () => {
    const a = filled(1, {}, 0, elements)
    a.forget()
    const operation: Operation = {
      type: 'set-add',
      object: SET,
      values: keys(16_384, (index) => sequentialKey(elements + index)),
    }
    a.transact([operation])
    a.rest()
    const wrote = a.turns
    a.forget()
    a.undo()
    a.rest()
    const b = new TimedCore(2)
    joined(a, b, elements)
    return { writes: wrote, undoes: a.turns, takes: b.turns }
  },
  reads: () => {
    const a = filled(1, {}, 0, elements)
    a.forget()
    a.turn('values', () => void a.view.setValues(SET))
    const values = a.turns
    a.forget()
    a.turn('digest', () => void a.digest())
    return { values, digest: a.turns }
  },
}

function write(core: TimedCore, from: number, to: number): void {
  for (let i = from; i < to; i += BATCH) {
    const values = keys(Math.min(BATCH, to - i), (index) => sequentialKey(i + index))
    core.transact([{ type: 'set-add', object: SET, values }])
    core.pass(PERIOD_MS)
  }
  core.rest()
}

function filled(
  number: number,
  options: typeof SHORT | object,
  from: number,
  to: number,
): TimedCore {
  const core = new TimedCore(number, options)
  write(core, from, to)
  return core
}

function joined(a: TimedCore, b: TimedCore, expected: number): void {
  a.forget()
  b.forget()
  meet(a, b, (step) => {
    // Somebody writes on.
    if (step % 8 === 0 && b.view.setSize(SET) !== expected)
      b.transact([{ type: 'counter-add', object: 'own', amount: 1n }])
  })
  for (const { view } of [a, b]) {
    if (view.setSize(SET) !== expected)
      throw new Error(`${view.setSize(SET)} elements, not ${expected}`)
  }
}

const run = SCENARIOS[scenario]
if (run === undefined) throw new Error(`no scenario ${scenario}`)
const pauses: { readonly startMs: number; readonly endMs: number }[] = []
const observer = new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    pauses.push({ startMs: startTime, endMs: startTime + duration })
  }
})
observer.observe({ entryTypes: ['gc'] })
// Code that is not compiled yet is not what is measured; once is not enough for what happens once in it.
const full = elements
elements = Math.ceil(full / 10)
for (let i = 0; i < WARM_UPS; i++) run()
elements = full
const outcome = run()
// The engine tells of its collections a moment later; the turns themselves are over.
await new Promise((resolve) => setTimeout(resolve, 100))
const longest = Object.entries(outcome).map(([name, turns]) => {
  let ms = 0
  let collected = 0
  let on = ''
  for (const turn of turns) {
    let pausedMs = 0
    for (const pause of pauses) {
      const overlap = Math.min(pause.endMs, turn.endMs) - Math.max(pause.startMs, turn.startMs)
      pausedMs += Math.max(0, overlap)
    }
    // Pauses are told by the clock, turns by the thread.
    const own = turn.ms - Math.min(turn.ms, pausedMs)
    if (own > ms) [ms, on] = [own, turn.on]
    collected = Math.max(collected, turn.ms)
  }
  return { name, ms, collected, on }
})
if (process.send === undefined) console.table(longest)
else process.send({ type: 'measured', longest })
process.disconnect?.()
