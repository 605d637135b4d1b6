import { describe, expect, test } from 'vitest'
import type { Json, Operation } from '../../src/crdt/operation.ts'
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
