import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { present } from '../../../src/base/assert.ts'
import { parseReplicaId, type ReplicaId } from '../../../src/base/ids.ts'
import { checkOperations, type Json, type Operation } from '../../../src/crdt/operation.ts'
import { type UndoResult, undo } from '../../../src/replication/undo/undo.ts'
import {
  rememberedBy,
  UNDO_BYTES_MAX,
  UNDO_TRANSACTIONS_MAX,
  type Writing,
} from '../../../src/replication/undo/undo-history.ts'
import { Pen } from '../pen.ts'

const SELF = id('a')
const OTHER = id('b')

function id(digit: string): ReplicaId {
  return present(parseReplicaId(digit.repeat(32)), 'replica id')
}

/** A pen whose transactions can be undone, as Replication does it. */
class UndoPen extends Pen {
  readonly history = rememberedBy(this.group)
  #stamp = 2_000

  override write(...operations: readonly Operation[]): readonly number[] {
    return this.history.write(checkOperations(operations), this.#writing())
  }

  undo(number?: number): UndoResult {
    return undo(this.group, number, this.#writing())
  }

  #writing(): Writing {
    this.#stamp += 1
    return { self: this.self, stamp: this.#stamp }
  }
}

function pens(): readonly [UndoPen, UndoPen] {
  return [new UndoPen(SELF, 1_000), new UndoPen(OTHER, 1_500)]
}

/** Each takes in what the other has. */
function meet(a: UndoPen, b: UndoPen): void {
  a.follow(b)
  b.follow(a)
  expect(a.group.digest()).toEqual(b.group.digest())
}

const NAMES = ['x', 'y']
const PATHS = [['p'], ['p', 'q'], ['p', 'q', 'r'], ['p', 's'], ['t']]
const VALUES = ['1', '2', '3']

/** Everything that can be read. A counter of nought is as good as none. */
function valuesOf({ view }: Pen): Json {
  return NAMES.map((name) => ({
    counter: String(view.counter(name)),
    set: view.setValues(name),
    register: view.register(name).value ?? 'none',
    map: view.map(name),
  }))
}

const text = fc.constantFrom(...NAMES)
const values = fc.uniqueArray(fc.constantFrom(...VALUES), { minLength: 1 })
const path = fc.constantFrom<readonly string[]>(...PATHS)
const amount = fc.bigInt({ min: -5n, max: 5n })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ type: fc.constant('counter-add' as const), object: text, amount }),
  fc.record({
    type: fc.constantFrom('set-add' as const, 'set-remove' as const),
    object: text,
    values,
  }),
  fc.record({ type: fc.constant('register-set' as const), object: text, value: fc.nat(9) }),
  fc.record({ type: fc.constant('map-set' as const), object: text, path, value: fc.nat(9) }),
  fc.record({ type: fc.constant('map-counter-add' as const), object: text, path, amount }),
  fc.record({
    type: fc.constantFrom('map-set-add' as const, 'map-set-remove' as const),
    object: text,
    path,
    values,
  }),
  fc.record({ type: fc.constant('map-remove' as const), object: text, path }),
)
const transaction = fc.array(operation, { minLength: 1, maxLength: 4 })
/** What came before: own writes, those of another, and whether both have met after it. */
const past = fc.array(
  fc.record({ isOwn: fc.boolean(), operations: transaction, isClosed: fc.boolean() }),
  { maxLength: 6 },
)
const canUndo = ({ history }: UndoPen): boolean => history.written.some(({ isUndone }) => !isUndone)

describe('undo', () => {
  test('restores the value of every object touched, and undoing that brings it again', () => {
    fc.assert(
      fc.property(past, transaction, (steps, operations) => {
        const [own, other] = pens()
        for (const step of steps) {
          ;(step.isOwn ? own : other).write(...step.operations)
          meet(own, other)
          if (step.isClosed) own.group.close()
        }
        const before = valuesOf(own)
        const count = own.history.written.length
        own.write(...operations)
        const after = valuesOf(own)
        if (own.history.written[count]?.isUndone === false) {
          const first = own.undo()
          expect(first.kept).toEqual([])
          expect(valuesOf(own)).toEqual(before)
          if (first.undoneBy !== undefined) {
            own.undo()
            expect(valuesOf(own)).toEqual(after)
            own.undo()
            expect(valuesOf(own)).toEqual(before)
          }
        }
        meet(own, other)
        expect(valuesOf(other)).toEqual(valuesOf(own))
      }),
      { numRuns: 2_000 },
    )
  })

  test('takes back transaction after transaction by their numbers, latest first', () => {
    fc.assert(
      fc.property(fc.array(transaction, { minLength: 1, maxLength: 6 }), (transactions) => {
        const [own] = pens()
        const states: Json[] = []
        for (const operations of transactions) {
          const count = own.history.written.length
          const before = valuesOf(own)
          own.write(...operations)
          // What changed nothing has a number too, but cannot be undone.
          if (own.history.written.length > count) states.push(before)
        }
        for (let number = states.length; number > 0; number--) {
          const written = own.history.written.find((one) => one.number === number)
          if (written?.isUndone === false) own.undo(number)
          expect(valuesOf(own)).toEqual(states[number - 1])
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('converges and never takes away what another wrote, whatever happened meanwhile', () => {
    fc.assert(
      fc.property(past, transaction, transaction, (steps, mine, theirs) => {
        const [own, other] = pens()
        for (const step of steps) (step.isOwn ? own : other).write(...step.operations)
        meet(own, other)
        own.write(...mine)
        const added = other.view.setValues('x')
        other.write(...theirs)
        const fresh = other.view.setValues('x').filter((value) => !added.includes(value))
        meet(own, other)
        if (canUndo(own)) own.undo()
        meet(own, other)
        expect(valuesOf(other)).toEqual(valuesOf(own))
        expect(own.view.setValues('x')).toEqual(expect.arrayContaining(fresh))
      }),
      { numRuns: 1_000 },
    )
  })
})

test('an element that another added too stays, and is told', () => {
  const [own, other] = pens()
  own.write({ type: 'set-add', object: 'x', values: ['1', '2'] })
  other.write({ type: 'set-add', object: 'x', values: ['2'] })
  meet(own, other)
  const plan = own.undo()
  expect(plan.undone).toEqual([{ name: 'x', type: 'set', changed: 1 }])
  expect(plan.kept).toEqual([{ name: 'x', type: 'set', value: '2', reason: 'changed-since' }])
  expect(own.view.setValues('x')).toEqual(['2'])
})

test('a value that another has written over stays, and is told', () => {
  const [own, other] = pens()
  own.write({ type: 'register-set', object: 'x', value: 'old' })
  own.write(
    { type: 'register-set', object: 'x', value: 'mine' },
    { type: 'map-set', object: 'x', path: ['p'], value: 'mine' },
  )
  meet(own, other)
  other.write(
    { type: 'register-set', object: 'x', value: 'theirs' },
    { type: 'map-set', object: 'x', path: ['p', 'q'], value: 'theirs' },
  )
  meet(own, other)
  const plan = own.undo()
  expect(plan.undoneBy).toBeUndefined()
  expect(plan.kept).toEqual([
    { name: 'x', type: 'register', reason: 'changed-since' },
    { name: 'x', type: 'map', path: ['p'], reason: 'changed-since' },
  ])
  expect(own.view.register('x').value).toBe('theirs')
})

test('a value that another has removed does not give back what it had replaced', () => {
  const [own, other] = pens()
  own.write({ type: 'map-set', object: 'x', path: ['p'], value: 'old' })
  own.write({ type: 'map-set', object: 'x', path: ['p', 'q'], value: 'mine' })
  meet(own, other)
  other.write({ type: 'map-remove', object: 'x', path: ['p'] })
  meet(own, other)
  const plan = own.undo()
  expect(plan.undone).toEqual([])
  expect(plan.kept).toEqual([{ name: 'x', type: 'map', path: ['p', 'q'], reason: 'changed-since' }])
  expect(own.view.map('x')).toEqual({})
})

test('of two values written at once the other one is left', () => {
  const [own, other] = pens()
  own.write({ type: 'register-set', object: 'x', value: 'old' })
  meet(own, other)
  other.write({ type: 'register-set', object: 'x', value: 'theirs' })
  own.write({ type: 'register-set', object: 'x', value: 'mine' })
  meet(own, other)
  own.undo()
  expect(own.view.register('x')).toEqual({ value: 'theirs', siblings: ['theirs'] })
})

test('counters are compensated by what was added, whatever others added', () => {
  const [own, other] = pens()
  own.write(
    { type: 'counter-add', object: 'x', amount: 3n },
    { type: 'map-counter-add', object: 'x', path: ['p'], amount: 5n },
  )
  meet(own, other)
  other.write(
    { type: 'counter-add', object: 'x', amount: 10n },
    { type: 'map-counter-add', object: 'x', path: ['p'], amount: 20n },
  )
  meet(own, other)
  own.undo()
  expect(own.view.counter('x')).toBe(10n)
  expect(own.view.mapAt('x', ['p'])).toBe(20)
})

test('a counter in a map that another removed is not brought below nought', () => {
  const [own, other] = pens()
  own.write({ type: 'map-counter-add', object: 'x', path: ['p'], amount: 5n })
  meet(own, other)
  other.write({ type: 'map-remove', object: 'x', path: ['p'] })
  meet(own, other)
  const plan = own.undo()
  expect(plan.kept).toEqual([{ name: 'x', type: 'map', path: ['p'], reason: 'changed-since' }])
  expect(own.view.mapAt('x', ['p'])).toBeUndefined()
})

test('a counter that only grows is left alone, and told', () => {
  const [own] = pens()
  own.write({ type: 'counter-add', object: 'x', amount: 3n, growOnly: true })
  expect(own.undo()).toMatchObject({
    undone: [],
    kept: [{ name: 'x', type: 'counter', reason: 'grow-only' }],
  })
  expect(own.view.counter('x')).toBe(3n)
})

test('sums beyond 2^53 are taken back exactly', () => {
  const [own] = pens()
  const amount = BigInt(Number.MAX_SAFE_INTEGER)
  own.write(
    { type: 'counter-add', object: 'x', amount },
    { type: 'counter-add', object: 'x', amount },
    { type: 'counter-add', object: 'x', amount: 3n },
  )
  own.undo()
  expect(own.view.counter('x')).toBe(0n)
})

test('what changed nothing is not remembered; what was undone is not undone twice', () => {
  const [own] = pens()
  expect(() => own.undo()).toThrowError(expect.objectContaining({ code: 'ERR_NOT_FOUND' }))
  own.write({ type: 'counter-add', object: 'x', amount: 3n })
  own.write({ type: 'set-remove', object: 'x', values: ['1'] })
  own.undo()
  expect(own.view.counter('x')).toBe(0n)
  expect(() => own.undo(1)).toThrowError(expect.objectContaining({ code: 'ERR_INVALID' }))
  expect(() => own.undo(9)).toThrowError(expect.objectContaining({ code: 'ERR_NOT_FOUND' }))
  own.undo(2)
  expect(own.view.counter('x')).toBe(3n)
})

test('a hundred transactions and a megabyte are remembered', () => {
  const [own] = pens()
  for (let i = 0; i <= UNDO_TRANSACTIONS_MAX; i++) {
    own.write({ type: 'counter-add', object: 'x', amount: 1n })
  }
  expect(own.history.written).toHaveLength(UNDO_TRANSACTIONS_MAX)
  expect(() => own.undo(1)).toThrowError(expect.objectContaining({ code: 'ERR_NOT_FOUND' }))
  own.undo(2)
  const value = 'v'.repeat(UNDO_BYTES_MAX / 8)
  for (let i = 0; i < 6; i++) own.write({ type: 'register-set', object: 'x', value })
  expect(own.history.written.length).toBeLessThan(5)
  own.write({ type: 'register-set', object: 'y', value: value.repeat(5) })
  expect(() => own.undo()).toThrowError(expect.objectContaining({ code: 'ERR_LIMIT' }))
  own.write({ type: 'register-set', object: 'y', value: 'small' })
  // What it replaced is too large as well.
  expect(() => own.undo()).toThrowError(expect.objectContaining({ code: 'ERR_LIMIT' }))
  own.write({ type: 'register-set', object: 'y', value: 'smaller' })
  own.undo()
  expect(own.view.register('y').value).toBe('small')
})
