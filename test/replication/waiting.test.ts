import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { parseReplicaId, type ReplicaId } from '../../src/base/ids.ts'
import {
  AMOUNT_MAX,
  asOneIncrement,
  checkOperations,
  type LoneChange,
  type Operation,
} from '../../src/crdt/operation.ts'
import { type Told, WAITING_CHANGES_MAX } from '../../src/replication/group/waiting-changes.ts'
import { resultsOf } from '../../src/replication/results.ts'
import { undo } from '../../src/replication/undo/undo.ts'
import { rememberedBy, UNDO_TRANSACTIONS_MAX } from '../../src/replication/undo/undo-history.ts'
import { replicaOf } from '../crdt/encoded.ts'
import { Pen } from './pen.ts'

const OBJECTS = ['o', 'p']
/** Of one to three bytes a character, and one that makes runs end soon. */
const VALUES = ['x', 'y', 'x1', 'é', '€', '😀', '', 'long'.repeat(1_000)]

/** Writes as Replication does; changes of sets wait, or not. */
class Writer extends Pen {
  readonly told: Told[] = []
  readonly #waits: boolean
  #stamp = 2_000

  constructor(waits: boolean) {
    super(replicaOf('1'))
    this.#waits = waits
    this.group.changes.hasReaders = true
  }

  add(object: string, value: string): void {
    this.#change({ type: 'set-add', object, values: [value] })
  }

  remove(object: string, value: string): void {
    this.#change({ type: 'set-remove', object, values: [value] })
  }

  count(...amounts: readonly Operation[]): void {
    this.#stamp += 1
    const increment = this.#waits ? asOneIncrement(amounts) : undefined
    const changed = amounts.map(() => 1)
    const author = { self: this.self, stamp: this.#stamp }
    const waits =
      increment !== undefined && this.group.countLater(this.self, increment, this.#stamp)
    const done = waits ? changed : this.group.history.write(checkOperations(amounts), author)
    this.told.push({ results: resultsOf(done) })
  }

  transact(operation: Operation): void {
    this.#stamp += 1
    this.told.push({ results: resultsOf(this.#write(operation)) })
  }

  undo(): void {
    this.#stamp += 1
    this.group.settle()
    const author = { self: this.self, stamp: this.#stamp }
    if (rememberedBy(this.group).written.some(({ isUndone }) => !isUndone))
      undo(this.group, undefined, author)
  }

  /** All that anybody can see. */
  seen() {
    const changes = this.changes()
    const runs = this.take()
    return {
      runs,
      changes,
      digest: this.group.digest(),
      told: this.told.map(({ results }) => results),
      undoable: this.view.undoable(),
      written: rememberedBy(this.group).written,
      values: OBJECTS.map((name) => this.view.setValues(name)),
    }
  }

  #change(change: LoneChange): void {
    this.#stamp += 1
    const told: Told = { results: [] }
    this.told.push(told)
    if (this.#waits && this.group.changeLater(this.self, change, this.#stamp, told)) return
    told.results = resultsOf(this.#write(change))
  }

  #write(operation: Operation): readonly number[] {
    const author = { self: this.self, stamp: this.#stamp }
    return this.group.history.write(checkOperations([operation]), author)
  }
}

/** What does not tell how many events increments have become. */
function shown(writer: Writer): unknown {
  const { changes, told, undoable, values } = writer.seen()
  return { changes, told, undoable, values, counters: OBJECTS.map((o) => writer.view.counter(o)) }
}

const object = fc.constantFrom(...OBJECTS)
const value = fc.constantFrom(...VALUES)
const values = fc.uniqueArray(value)
const add = fc.record({ type: fc.constant('add' as const), object, value })
const remove = fc.record({ type: fc.constant('remove' as const), object, value })
const step = fc.oneof(
  { arbitrary: add, weight: 6 },
  { arbitrary: remove, weight: 4 },
  fc.record({ type: fc.constantFrom('set-add' as const, 'set-remove' as const), object, values }),
  fc.record({
    type: fc.constant('counter-add' as const),
    object,
    amount: fc.bigInt({ min: -2n, max: 2n }),
  }),
  fc.record({ type: fc.constant('theirs' as const), object, values }),
  fc.record({ type: fc.constant('look' as const) }),
  fc.record({ type: fc.constant('close' as const) }),
  fc.record({ type: fc.constant('undo' as const) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function numbered(number: number): ReplicaId {
  return present(parseReplicaId(String(number).padStart(32, '0')), 'replica id')
}

/** So long that what waits fills more than one run. */
function numberedText(number: number): string {
  return String(number).padEnd(100, '.')
}

function play(writer: Writer, steps: readonly Step[]): readonly unknown[] {
  const other = new Pen(replicaOf('2'), 1_500)
  const seen: unknown[] = []
  for (const one of steps) {
    if (one.type === 'add') writer.add(one.object, one.value)
    else if (one.type === 'remove') writer.remove(one.object, one.value)
    else if (one.type === 'undo') writer.undo()
    else if (one.type === 'close') writer.group.close()
    else if (one.type === 'look') seen.push(writer.seen())
    else if (one.type === 'theirs') {
      other.write({ type: 'set-add', object: one.object, values: one.values })
      writer.receive(...other.take())
    } else writer.transact(one)
  }
  return [...seen, writer.seen()]
}

describe('changes of a set that wait', () => {
  test('are in the end what they are at once: runs, changes, answers, undo', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        expect(play(new Writer(true), steps)).toEqual(play(new Writer(false), steps))
      }),
      { numRuns: 1_000 },
    )
  })

  test('are many, some of them there before', () => {
    const adds = (writer: Writer): void => {
      writer.transact({ type: 'set-add', object: 'o', values: [0, 10, 1_100].map(numberedText) })
      for (let i = 0; i < 2 * WAITING_CHANGES_MAX + 2 * UNDO_TRANSACTIONS_MAX; i++) {
        writer.add('o', numberedText(i % 1_150))
        if (i === 500) writer.group.settle()
      }
    }
    const [late, early] = [new Writer(true), new Writer(false)]
    adds(late)
    adds(early)
    expect(late.seen()).toEqual(early.seen())
    late.undo()
    early.undo()
    expect(late.seen()).toEqual(early.seen())
  })

  test('are many removals, of elements there and not, of few runs and many', () => {
    const [late, early] = [new Writer(true), new Writer(false)]
    for (const writer of [late, early]) {
      const values = Array.from({ length: 3_000 }, (_, i) => numberedText(i))
      writer.transact({ type: 'set-add', object: 'o', values })
      for (let i = 0; i < 2_500; i++) writer.remove('o', numberedText((i * 7) % 3_100))
      for (let i = 0; i < 700; i++) {
        writer.add('o', numberedText(4_000 + (i % 350)))
        if (i % 3 > 0) writer.remove('o', numberedText(4_000 + ((i * 5) % 400)))
      }
      for (let i = 0; i < 3_000; i++) writer.remove('o', numberedText(i))
    }
    expect(late.seen()).toEqual(early.seen())
    late.undo()
    early.undo()
    expect(late.seen()).toEqual(early.seen())
  })

  test('leave an object that is empty as if it had never been', () => {
    const [late, early] = [new Writer(true), new Writer(false)]
    for (const writer of [late, early]) {
      writer.transact({ type: 'counter-add', object: 'c', amount: 1n })
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 1_500; i++) writer.add('o', numberedText(i))
        for (let i = 0; i < 1_500; i++) writer.remove('o', numberedText(i))
        writer.remove('p', 'x')
      }
    }
    expect(late.group.state.objectCount).toBe(early.group.state.objectCount)
    expect(late.seen()).toEqual(early.seen())
    expect(late.group.state.object('set', 'o')).toBeUndefined()
  })

  test('are nobody’s events before anybody looks, and all of them events then', () => {
    const writer = new Writer(true)
    writer.transact({ type: 'set-add', object: 'o', values: ['first'] })
    for (let i = 0; i < 10; i++) writer.add('o', String(i))
    expect(writer.group.state.events).toBe(1)
    expect(writer.group.hasUnsaved).toBe(true)
    expect(writer.view.setSize('o')).toBe(11)
    expect(writer.group.state.events).toBe(11)
  })

  test('end where a set has so many entries of one element that they need a closer look', () => {
    const writer = new Writer(true)
    writer.transact({ type: 'counter-add', object: 'c', amount: 1n })
    for (let i = 2; i < 1_100; i++) {
      const other = new Pen(numbered(i))
      other.write({ type: 'set-add', object: 'o', values: ['same'] })
      writer.receive(...other.take())
    }
    writer.add('o', 'new')
    expect(writer.told.at(-1)).toEqual({ results: [{ changed: 1 }] })
    writer.add('o', 'same')
    expect(writer.told.at(-1)).toEqual({ results: [{ changed: 0 }] })
    writer.add('o', 'newer')
    expect(writer.told.at(-1)).toEqual({ results: [] })
  })
})

describe('increments that wait', () => {
  const amount = fc.bigInt({ min: -1n, max: 3n })
  const large = fc.bigInt({ min: AMOUNT_MAX - 4n, max: AMOUNT_MAX })
  const count = fc.record({
    type: fc.constant('counter-add' as const),
    object,
    amount: fc.oneof({ arbitrary: amount, weight: 9 }, large),
    growOnly: fc.boolean(),
  })
  const steps = fc.array(
    fc.oneof(
      {
        arbitrary: fc.record({ counts: fc.array(count, { minLength: 1, maxLength: 3 }) }),
        weight: 6,
      },
      fc.record({ add: value }),
      fc.constantFrom('look' as const, 'undo' as const),
    ),
    { maxLength: 40 },
  )

  test('are in the end what they are one by one: values, changes, answers, undo', () => {
    const play = (writer: Writer, all: typeof steps extends fc.Arbitrary<infer T> ? T : never) => {
      const seen: unknown[] = []
      for (const one of all) {
        if (one === 'look') seen.push(shown(writer))
        else if (one === 'undo') writer.undo()
        else if ('add' in one) writer.add('o', one.add)
        else seen.push(refusalOf(() => writer.count(...one.counts)))
      }
      return [...seen, shown(writer)]
    }
    fc.assert(
      fc.property(steps, (all) => {
        expect(play(new Writer(true), all)).toEqual(play(new Writer(false), all))
      }),
      { numRuns: 1_000 },
    )
  })

  test('are many, of many counters', () => {
    const [late, early] = [new Writer(true), new Writer(false)]
    for (const writer of [late, early]) {
      writer.transact({ type: 'counter-add', object: 'o', amount: 1n })
      for (let i = 0; i < 3 * UNDO_TRANSACTIONS_MAX; i++) {
        writer.count({
          type: 'counter-add',
          object: `o${i % (i < 250 ? 60 : 70)}`,
          amount: BigInt(i),
        })
      }
    }
    expect(shown(late)).toEqual(shown(early))
    late.undo()
    early.undo()
    expect(shown(late)).toEqual(shown(early))
  })

  test('of one counter are one event', () => {
    const writer = new Writer(true)
    writer.transact({ type: 'set-add', object: 'o', values: ['x'] })
    for (let i = 0; i < 500; i++) {
      writer.count({ type: 'counter-add', object: 'o', amount: 1n })
      writer.count(
        { type: 'counter-add', object: 'p', amount: 1n },
        { type: 'counter-add', object: 'p', amount: 2n },
      )
    }
    expect(writer.view.counter('p')).toBe(1_500n)
    expect(writer.group.state.events).toBe(3)
  })
})

function refusalOf(write: () => void): string | undefined {
  try {
    write()
    return undefined
  } catch (error) {
    return String(error)
  }
}
