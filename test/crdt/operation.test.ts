import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  AMOUNT_MAX,
  asOneIncrement,
  checkOperations,
  isLoneChange,
  type Json,
  type Operation,
} from '../../src/crdt/operation.ts'
import { Writer } from './written.ts'

const set = (value: string): Operation => ({ type: 'set-add', object: 's', values: [value] })
const register = (value: Json): Operation => ({ type: 'register-set', object: 'r', value })
const count = (amount: bigint, growOnly?: boolean): Operation => ({
  type: 'counter-add',
  object: 'c',
  amount,
  ...(growOnly === undefined ? {} : { growOnly }),
})
const leaf = (path: readonly string[]): Operation => ({
  type: 'map-set',
  object: 'm',
  path,
  value: 1,
})

function nested(depth: number): Json {
  let value: Json = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

describe('limits', () => {
  test.each<[string, Operation, Operation]>([
    ['an element of 4 KiB', set('e'.repeat(4096)), set('e'.repeat(4097))],
    [
      'a name of 1 KiB',
      { type: 'set-add', object: 'n'.repeat(1024), values: ['x'] },
      { type: 'set-add', object: 'n'.repeat(1025), values: ['x'] },
    ],
    [
      'a value of 1 MiB as JSON',
      register('v'.repeat(2 ** 20 - 2)),
      register('v'.repeat(2 ** 20 - 1)),
    ],
    ['a path of 32', leaf(new Array(32).fill('p')), leaf(new Array(33).fill('p'))],
    ['JSON 64 deep', register(nested(64)), register(nested(65))],
    ['an amount of 2^53 − 1', count(2n ** 53n - 1n), count(2n ** 53n)],
    ['an amount of −(2^53 − 1)', count(1n - 2n ** 53n), count(-(2n ** 53n))],
  ])('%s is written, one more is refused', (_name, most, tooMuch) => {
    const writer = new Writer()
    expect(writer.refusal([most])).toBeUndefined()
    const { events } = writer.core.status('main')
    expect(writer.refusal([tooMuch])).toMatch(/^ERR_LIMIT$|^ERR_INVALID$|^RangeError$/)
    expect(writer.core.status('main').events).toBe(events)
  })

  test('4,096 operations make a transaction, 4,097 do not', () => {
    const writer = new Writer()
    expect(writer.refusal(new Array(4096).fill(count(1n)))).toBeUndefined()
    expect(writer.refusal(new Array(4097).fill(count(1n)))).toBe('ERR_LIMIT')
    expect(writer.core.view('main').counter('c')).toBe(4096n)
  })

  test.each<[string, readonly Operation[]]>([
    ['a lone surrogate in an element', [set('\ud800')]],
    ['a lone surrogate in a name', [{ type: 'set-add', object: '\udfff', values: ['x'] }]],
    ['a lone surrogate in a value', [register(['\ud800'])]],
    ['an empty name', [{ type: 'set-add', object: '', values: ['x'] }]],
    ['an empty path to set', [leaf([])]],
    ['an empty path component', [leaf(['a', ''])]],
    ['NaN', [register(Number.NaN)]],
    ['infinity', [register([Number.POSITIVE_INFINITY])]],
    ['a negative amount for a grow-only counter', [count(-1n, true)]],
  ])('%s is refused and changes nothing', (_name, operations) => {
    const writer = new Writer()
    expect(writer.refusal([set('first'), ...operations])).toBeDefined()
    expect(writer.core.status('main').events).toBe(0)
    expect(writer.core.view('main').setValues('s')).toEqual([])
  })

  test('a counter once grow-only refuses to shrink', () => {
    const writer = new Writer()
    writer.write([count(5n, true)])
    expect(writer.refusal([count(-1n)])).toBeDefined()
    expect(writer.core.view('main').counter('c')).toBe(5n)
  })

  test('minus zero is zero', () => {
    const writer = new Writer()
    writer.write([register(-0)])
    expect(Object.is(writer.core.view('main').register('r').value, 0)).toBe(true)
  })

  test('a value is read once: what a getter shows later is not stored', () => {
    const writer = new Writer()
    let reads = 0
    const changing = {
      get a(): number {
        reads += 1
        return reads === 1 ? 1 : Number.NaN
      },
    }
    const disguised: Json = Object.assign([1], { toJSON: () => 2 })
    writer.write([register([changing, disguised])])
    expect(writer.core.view('main').register('r').value).toEqual([{ a: 1 }, [1]])
  })

  test('a value that throws when it is read is refused like any other', () => {
    const writer = new Writer()
    const thrown = new Error('of the caller')
    const throwing = {
      get a(): number {
        throw thrown
      },
    }
    expect(writer.refusal([set('first'), register(throwing)])).toBe('TypeError')
    expect(writer.core.status('main').events).toBe(0)
    expect(writer.refusal([set('second')])).toBeUndefined()
  })

  test('names of the prototype are names like others', () => {
    const writer = new Writer()
    writer.write([
      leaf(['__proto__', 'polluted']),
      leaf(['constructor', 'prototype']),
      { type: 'counter-add', object: '__proto__', amount: 1n },
      register({ ['__proto__']: { polluted: true } }),
    ])
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
    const view = writer.core.view('main')
    expect(JSON.stringify(view.map('m'))).toBe(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":1}}',
    )
    expect(view.counter('__proto__')).toBe(1n)
  })
})

describe('short cuts', () => {
  const name = fc.constantFrom('c', 'd', '', 'lone \ud800', 'n'.repeat(1025))
  const element = fc.constantFrom('e', '', '\udc00', 'e'.repeat(4096), 'e'.repeat(4097))
  const amount = fc.oneof(
    fc.constantFrom(0n, 1n, -1n, AMOUNT_MAX - 1n, AMOUNT_MAX, AMOUNT_MAX + 1n),
    fc.bigInt({ min: 0n, max: 9n }),
  )
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    fc.record({
      type: fc.constantFrom('set-add' as const, 'set-remove' as const),
      object: name,
      values: fc.array(element, { maxLength: 2 }),
    }),
    fc.record({
      type: fc.constant('counter-add' as const),
      object: fc.oneof({ arbitrary: fc.constant('c'), weight: 4 }, name),
      amount,
      growOnly: fc.boolean(),
    }),
  )
  const operations = fc.array(operation, { maxLength: 3 })

  /** What a check returned, or the message it threw. */
  function outcome<T>(check: () => T): T | string {
    try {
      return check()
    } catch (error) {
      return String(error)
    }
  }

  test('isLoneChange() refuses what checkOperations() refuses, and lets pass no other', () => {
    const lone = operations.map((all) => all.slice(0, 1))
    fc.assert(
      fc.property(fc.oneof(lone, operations), (all) => {
        const isLone = outcome(() => isLoneChange(all))
        const checked = outcome(() => checkOperations(all))
        const [only] = all
        const isChange = only?.type === 'set-add' || only?.type === 'set-remove'
        const isOne = all.length === 1 && isChange && only.values.length === 1
        expect(isLone).toEqual(typeof checked === 'string' && isOne ? checked : isOne)
      }),
      { numRuns: 2_000 },
    )
  })

  test('asOneIncrement() is the sum of what checkOperations() lets pass', () => {
    fc.assert(
      fc.property(operations, (all) => {
        const one = outcome(() => asOneIncrement(all))
        const checked = outcome(() => checkOperations(all))
        if (one === undefined) return
        if (typeof checked === 'string' || typeof one === 'string') {
          expect(one).toBe(checked)
          return
        }
        const [first] = all
        const amounts = checked.map((each) => (each.type === 'counter-add' ? each.amount : 0n))
        const sum = amounts.reduce((a, b) => a + b, 0n)
        expect({ ...first, ...one }).toEqual({ ...first, amount: sum })
        expect(amounts.every((each) => each >= 0n)).toBe(true)
        expect(sum).toBeLessThanOrEqual(AMOUNT_MAX)
        expect(new Set(all.map(({ type, object }) => `${type} ${object}`)).size).toBe(1)
      }),
      { numRuns: 5_000 },
    )
  })

  test('are taken by increments of one counter and by one element', () => {
    expect(isLoneChange([set('x')])).toBe(true)
    expect(isLoneChange([{ type: 'set-remove', object: 'o', values: ['x'] }])).toBe(true)
    expect(asOneIncrement([count(1n), count(2n)])?.amount).toBe(3n)
    expect(asOneIncrement([count(1n), count(-1n)])).toBeUndefined()
    expect(asOneIncrement([count(1n), count(1n, true)])).toBeUndefined()
  })

  test('a thousand increments in one transaction are one event and a thousand answers', () => {
    const writer = new Writer()
    const all = new Array<Operation>(1_000).fill(count(2n))
    writer.core.handle({ type: 'transact', request: 1, group: 'main', operations: [set('x')] }, 0)
    writer.core.handle({ type: 'transact', request: 2, group: 'main', operations: all }, 0)
    writer.core.handle({ type: 'flush' }, 0)
    const answers = []
    for (let output = writer.core.poll(); output !== undefined; output = writer.core.poll()) {
      if (output.type === 'transacted') answers.push([output.request, output.results])
    }
    const changed = { changed: 1 }
    expect(answers).toEqual([
      [1, [changed]],
      [2, new Array(1_000).fill(changed)],
    ])
    expect(writer.core.ownEvents('main')).toBe(2)
    expect(writer.core.view('main').counter('c')).toBe(2_000n)
  })
})
