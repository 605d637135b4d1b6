import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import type { ReplicaId } from '../../../src/base/ids.ts'
import { randomInteger, seededRandom } from '../../../src/base/random.ts'
import { LiveState } from '../../../src/crdt/live-state.ts'
import type { Operation } from '../../../src/crdt/operation.ts'
import { decodeRunHead } from '../../../src/crdt/run-head.ts'
import { RunReader } from '../../../src/crdt/run-reader.ts'
import { Adopting, type MergeLimits } from '../../../src/replication/base/adopting.ts'
import { REPLICATION_DEFAULTS } from '../../../src/replication/options.ts'
import { decodeFrame } from '../../../src/replication/sync/frame-codec.ts'
import { serve } from '../../../src/replication/sync/serve.ts'
import { replicaOf } from '../../crdt/encoded.ts'
import { Pen } from '../pen.ts'

const [A, B, C, D] = [replicaOf('a'), replicaOf('b'), replicaOf('c'), replicaOf('d')]
const WHOLE = { covered: [], cursor: { writer: 0, n: 1 }, blocks: [] }
const CREDIT = 1 << 20

/**
 * A base on its way from one to the other, whatever the log holds: each item is a step.
 * @returns what is left to apply
 */
function* transfer(
  to: Pen,
  from: Pen,
  limits: MergeLimits = REPLICATION_DEFAULTS,
): Generator<void, Adopting, void> {
  const runs = new RunReader()
  const vector = to.group.vector()
  let adopting: Adopting | undefined
  for (let round = 0; round < 64; round++) {
    const base = adopting?.request() ?? WHOLE
    const pull = { type: 'pull', group: 'main', session: 1, credit: CREDIT, vector } as const
    const answer = serve(from.group, { ...pull, partials: [], base }, { credit: CREDIT }, runs)
    for (const bytes of answer.frames) {
      const frame = decodeFrame(bytes)
      if (!frame.ok) throw new Error(frame.reason)
      if (frame.value.type === 'base') {
        const { head, items } = frame.value
        if (head !== undefined)
          adopting = new Adopting({ group: to.group, head, vector, runs, limits })
        adopting?.beginPart()
        for (const item of items) {
          expect(adopting?.add(item)).toBe(true)
          yield
        }
      } else if (frame.value.type === 'events') {
        for (const run of frame.value.runs) if (run instanceof Uint8Array) adopting?.addTail(run)
      } else if (frame.value.type === 'end') {
        const isWhole = !frame.value.hasMore && frame.value.cursor === undefined
        if (adopting?.isComplete === true && isWhole) return adopting
      }
    }
  }
  throw new Error('a base does not end')
}

function arrive(
  to: Pen,
  from: Pen,
  onItem: () => void = () => {},
  limits: MergeLimits = REPLICATION_DEFAULTS,
): Adopting {
  const steps = transfer(to, from, limits)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    onItem()
  }
}

/** Every run that anybody has written, and the state that some of them make. */
class Archive {
  readonly runs: Uint8Array[] = []

  keep(pen: Pen): void {
    this.runs.push(...pen.take())
  }

  /** The digest of all events up to a pen's vector. */
  digestOf({ group }: Pen): string {
    const reference = new Pen(D)
    for (const run of this.runs) {
      const head = decodeRunHead(run)
      if (!head.ok) throw new Error(head.reason)
      const { replica, n0, count } = head.value
      if (n0 + count - 1 <= group.state.haveOf(replica)) reference.receive(run)
    }
    expect(vectorOf(reference)).toEqual(vectorOf({ group }))
    return hex(reference.group.digest())
  }
}

function vectorOf({ group }: Pick<Pen, 'group'>): Record<ReplicaId, number> {
  return Object.fromEntries(group.vector().map(({ replica, n }) => [replica, n]))
}

/** Adds and removes among few elements; counts; and sets values. */
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    type: fc.constantFrom('set-add' as const, 'set-remove' as const, 'set-remove' as const),
    object: fc.constant('s'),
    values: fc.array(fc.nat({ max: 120 }).map(String), { minLength: 1, maxLength: 20 }),
  }),
  fc.record({
    type: fc.constant('counter-add' as const),
    object: fc.constant('c'),
    amount: fc.constant(1n),
  }),
  fc.record({
    type: fc.constant('register-set' as const),
    object: fc.constant('r'),
    value: fc.nat({ max: 3 }),
  }),
)
const transaction = fc.array(operation, { minLength: 1, maxLength: 3 })
const writers = fc.array(fc.tuple(fc.nat({ max: 2 }), transaction), { maxLength: 20 })
/** Between two items: somebody writes, and what is new of somebody else reaches the reader. */
const meanwhile = fc.array(
  fc.record({
    writer: fc.nat({ max: 2 }),
    operations: transaction,
    heard: fc.option(fc.nat({ max: 2 })),
  }),
  { maxLength: 12 },
)

describe('a base on its way in', () => {
  test('meets whatever is written and heard meanwhile: the state is live(E) at every step', () => {
    let dead = 0
    let steps = 0
    fc.assert(
      fc.property(writers, writers, meanwhile, fc.boolean(), (shared, apart, between, isAside) => {
        const archive = new Archive()
        const pens = [new Pen(A), new Pen(B), new Pen(C)] as const
        const [reader, sender] = pens
        const write = (writer: number, operations: readonly Operation[]): void => {
          const pen = pens[writer] ?? reader
          pen.write(...operations)
          archive.keep(pen)
        }
        // Holes of all kinds: more than a few stretches.
        for (let i = 0; i < 100; i++) {
          write(1, [{ type: 'set-add', object: 's', values: [`${i}`] }])
        }
        for (const [writer, operations] of shared) write(writer, operations)
        for (const pen of pens) for (const other of pens) pen.follow(other)
        for (const [writer, operations] of apart) write(writer, operations)
        sender.follow(pens[2])
        const left = [...between]
        const check = (): void => expect(hex(reader.group.digest())).toBe(archive.digestOf(reader))
        const goOn = (): void => {
          const next = left.shift()
          if (next === undefined) return
          write(next.writer, next.operations)
          const heard = next.heard === null ? undefined : pens[next.heard]
          if (heard !== undefined) reader.follow(heard)
          archive.keep(reader)
          check()
        }
        const limits = isAside ? { mergeInPlaceMax: 0, mergeStepEntries: 20 } : REPLICATION_DEFAULTS
        const adopting = arrive(reader, sender, goOn, limits)
        left.push(...between)
        while (adopting.step()) {
          steps += 1
          goOn()
        }
        const before = reader.group.state.entries
        adopting.apply()
        if (reader.group.state.entries < before) dead += 1
        check()
        reader.receive(...adopting.tail)
        check()
        for (const pen of pens) reader.follow(pen)
        check()
        sender.follow(reader)
        sender.follow(pens[2])
        expect(hex(sender.group.digest())).toBe(hex(reader.group.digest()))
      }),
      { numRuns: 150 },
    )
    expect(dead).toBeGreaterThan(5)
    expect(steps).toBeGreaterThan(100)
  })

  test('is taken in by what differs: the last step looks at nothing else', () => {
    const [reader, sender] = [new Pen(A), new Pen(B)]
    const dots = 150_000
    for (let i = 0; i < dots; i += 1_000) {
      const values = Array.from({ length: 1_000 }, (_, j) => `e${i + j}`)
      sender.write({ type: 'set-add', object: 's', values })
    }
    reader.follow(sender)
    const random = seededRandom(11)
    const some = (count: number): readonly string[] =>
      Array.from({ length: count }, () => `e${randomInteger(random, dots)}`)
    sender.write({ type: 'set-remove', object: 's', values: some(100) })
    sender.write({ type: 'set-add', object: 's', values: ['x', 'y'] })
    reader.write({ type: 'set-remove', object: 's', values: some(100) })
    reader.group.close()
    const work = watched(reader)
    let most = 0
    const adopting = arrive(reader, sender, () => {
      most = Math.max(most, work.visited)
      work.visited = 0
    })
    // One map's dots, as they are compared with what is here.
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(1 << 16)
    adopting.apply()
    expect(work.visited).toBe(0)
    expect(work.kills).toBeGreaterThan(90)
    expect(work.kills).toBeLessThanOrEqual(100)
    sender.follow(reader)
    expect(hex(reader.group.digest())).toBe(hex(sender.group.digest()))
  })

  test('is put in place although more was written meanwhile than a newcomer may bring', () => {
    const [reader, sender] = [new Pen(A), new Pen(B)]
    const values = Array.from({ length: 10_000 }, (_, i) => `e${i}`)
    sender.write({ type: 'set-add', object: 's', values })
    const adopting = arrive(reader, sender)
    reader.write({ type: 'set-add', object: 's', values: values.slice(0, 5_000) })
    const { state } = reader.group
    adopting.apply()
    expect(reader.group.state).not.toBe(state)
    expect(reader.view.setSize('s')).toBe(10_000)
    sender.follow(reader)
    expect(hex(reader.group.digest())).toBe(hex(sender.group.digest()))
  })
})

describe('a large base', () => {
  /** Both know 20,000 elements; then each writes 20,000, and the sender removes half of the first. */
  function apart(): readonly [Pen, Pen] {
    const [reader, sender] = [new Pen(A), new Pen(B)]
    const write = (pen: Pen, type: 'set-add' | 'set-remove', of: string, step: number): void => {
      for (let i = 0; i < 20_000; i += 1_000) {
        const values = Array.from({ length: 1_000 / step }, (_, j) => `${of}${i + j * step}`)
        pen.write({ type, object: 's', values })
      }
    }
    write(sender, 'set-add', 'both', 1)
    reader.follow(sender)
    write(sender, 'set-add', 'there', 1)
    write(sender, 'set-remove', 'both', 2)
    write(reader, 'set-add', 'here', 1)
    return [reader, sender]
  }

  test('is merged in steps of a few thousand entries, whatever is written meanwhile', () => {
    const [reader, sender] = apart()
    const adopting = arrive(reader, sender)
    const { state } = reader.group
    let steps = 0
    let most = 0
    const late = Array.from({ length: 3_000 }, (_, i) => `late${i}`)
    counting((work) => {
      let isMore = true
      while (isMore) {
        const before = work()
        isMore = adopting.step()
        most = Math.max(most, work() - before)
        steps += 1
        expect(reader.view.setSize('s')).toBe(40_000 + (steps > 3 ? late.length : 0))
        if (steps === 3) reader.write({ type: 'set-add', object: 's', values: late })
      }
      const before = work()
      adopting.apply()
      expect(work() - before).toBeLessThanOrEqual(1_024)
    })
    expect(reader.group.state).not.toBe(state)
    expect(steps).toBeGreaterThan(20)
    expect(most).toBeGreaterThan(1_000)
    // An item may come on top of what a step is for.
    expect(most).toBeLessThanOrEqual(2_048 + 4_096)
    expect(reader.view.setSize('s')).toBe(10_000 + 20_000 + 20_000 + 3_000)
    sender.follow(reader)
    expect(hex(sender.group.digest())).toBe(hex(reader.group.digest()))
  })

  test('that is merged leaves a log to serve from what was here before', () => {
    const [reader, sender] = apart()
    arrive(reader, sender).apply()
    const { group } = reader
    expect(group.log.reaches(group.state.intern(A), 0)).toBe(true)
    expect(group.log.reaches(group.state.intern(B), 20_000)).toBe(false)
  })

  test('that is merged tells readers of what it changed, and of nothing else', () => {
    const [reader, sender] = apart()
    reader.write({ type: 'set-add', object: 'other', values: ['x'] })
    reader.group.changes.hasReaders = true
    reader.group.changes.take()
    arrive(reader, sender).apply()
    expect(reader.group.changes.take()).toEqual([
      { object: 's', objectType: 'set', origin: 'remote', diff: undefined },
    ])
  })
})

/** Counts entries and events that come, and kills, in all states together. */
function counting(run: (work: () => number) => void): void {
  let work = 0
  const { insert, apply, kill } = LiveState.prototype
  LiveState.prototype.insert = function (...entry) {
    work += 1
    insert.apply(this, entry)
  }
  LiveState.prototype.apply = function (...event) {
    work += 1
    apply.apply(this, event)
  }
  LiveState.prototype.kill = function (...dot) {
    work += 1
    kill.apply(this, dot)
  }
  try {
    run(() => work)
  } finally {
    Object.assign(LiveState.prototype, { insert, apply, kill })
  }
}

/** Counts the dots that are looked at, and the kills. */
function watched({ group: { state } }: Pen): { visited: number; kills: number } {
  const work = { visited: 0, kills: 0 }
  const { walk, liveBits, kill } = state
  state.walk = (index, from, to, visit) =>
    walk.call(state, index, from, to, (slot, n) => {
      work.visited += 1
      return visit(slot, n)
    })
  state.liveBits = (index, from, to) => {
    work.visited += to - from + 1
    return liveBits.call(state, index, from, to)
  }
  state.kill = (index, n) => {
    work.kills += 1
    kill.call(state, index, n)
  }
  return work
}
