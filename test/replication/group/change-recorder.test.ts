import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leafAt } from '../../../src/crdt/entry-reads.ts'
import type { Json, Operation } from '../../../src/crdt/operation.ts'
import type { ObjectChange } from '../../../src/replication/group/changes.ts'
import { replicaOf } from '../../crdt/encoded.ts'
import { Pen } from '../pen.ts'

const OBJECTS = ['o', 'p']
const PATHS = [['a'], ['a', 'b'], ['a', 'b', 'c'], ['__proto__']]
const VALUES = ['x', 'y', '']

const object = fc.constantFrom(...OBJECTS)
const path = fc.constantFrom(...PATHS)
const values = fc.array(fc.constantFrom(...VALUES), { maxLength: 3 })
const amount = fc.bigInt({ min: -3n, max: 3n })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ type: fc.constant('counter-add' as const), object, amount }),
  fc.record({ type: fc.constantFrom('set-add' as const, 'set-remove' as const), object, values }),
  fc.record({
    type: fc.constant('register-set' as const),
    object,
    value: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({
    type: fc.constant('map-set' as const),
    object,
    path,
    value: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({ type: fc.constant('map-counter-add' as const), object, path, amount }),
  fc.record({
    type: fc.constantFrom('map-set-add' as const, 'map-set-remove' as const),
    object,
    path,
    values,
  }),
  fc.record({
    type: fc.constant('map-remove' as const),
    object,
    path: fc.oneof(path, fc.constant([])),
  }),
)
const operations = fc.array(operation, { minLength: 1, maxLength: 3 })

/** Everything that a reader can see: of each object, by "type name". */
type Read = Map<string, Counter | Members | Register>
type Counter = { readonly type: 'counter'; readonly value: bigint }
/** Set elements, or leaves by JSON of the path. */
type Members = { readonly type: 'members'; readonly of: Map<string, string> }
type Register = { readonly type: 'register'; readonly siblings: readonly Json[] }

function readAll({ view, group }: Pen): Read {
  const read: Read = new Map()
  for (const name of OBJECTS) {
    read.set(`counter ${name}`, { type: 'counter', value: view.counter(name) })
    const elements = view.setValues(name).map((value) => [value, ''] as const)
    read.set(`set ${name}`, { type: 'members', of: new Map(elements) })
    read.set(`register ${name}`, { type: 'register', siblings: view.register(name).siblings })
    const leaves = new Map<string, string>()
    for (const each of PATHS) {
      const value = leafAt(group.reader, name, each)
      if (value !== undefined) leaves.set(JSON.stringify(each), JSON.stringify(value))
    }
    read.set(`map ${name}`, { type: 'members', of: leaves })
  }
  return read
}

/** Brings an older read up to date by what was told. */
function apply(read: Read, changes: readonly ObjectChange[]): void {
  for (const { object: name, objectType, diff } of changes) {
    const key = `${objectType} ${name}`
    const held = read.get(key)
    if (diff === undefined || held === undefined) throw new Error(`no difference of ${key}`)
    switch (diff.type) {
      case 'counter':
        if (held.type !== 'counter') throw new Error(`${key} is no counter`)
        expect(held.value + diff.delta).toBe(diff.value)
        read.set(key, { type: 'counter', value: diff.value })
        break
      case 'register':
        expect(diff.value).toEqual(diff.siblings[0])
        read.set(key, { type: 'register', siblings: diff.siblings })
        break
      case 'set':
        if (held.type !== 'members') throw new Error(`${key} has no members`)
        for (const value of diff.removed) expect(held.of.delete(value)).toBe(true)
        for (const value of diff.added) {
          expect(held.of.has(value)).toBe(false)
          held.of.set(value, '')
        }
        break
      case 'map':
        if (held.type !== 'members') throw new Error(`${key} has no members`)
        for (const each of diff.removed) held.of.delete(JSON.stringify(each))
        for (const each of diff.set)
          held.of.set(JSON.stringify(each.path), JSON.stringify(each.value))
    }
  }
}

describe('changes', () => {
  test('are the difference of what was read before and what is read after', () => {
    const step = fc.record({ mine: fc.boolean(), operations, isTold: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const [pen, other] = [new Pen(replicaOf('a')), new Pen(replicaOf('b'), 1005)]
        pen.group.changes.hasReaders = true
        const told = readAll(pen)
        const take = (): void => {
          apply(told, pen.changes())
          // A counter that nobody counts on is one of nothing.
          expect(told).toEqual(readAll(pen))
        }
        for (const { mine, operations: list, isTold } of steps) {
          if (mine) pen.write(...list)
          else {
            other.write(...list)
            pen.follow(other)
            if (list.length === 2) other.follow(pen)
          }
          if (isTold) take()
        }
        take()
      }),
      { numRuns: 400 },
    )
  })

  test('of more members than a reader wants are told without them', () => {
    const pen = new Pen(replicaOf('a'))
    pen.group.changes.hasReaders = true
    const many = Array.from({ length: 1_001 }, (_, i) => `${i}`)
    pen.write({ type: 'set-add', object: 's', values: many.slice(0, 1_000) })
    expect(pen.changes()[0]?.diff).toEqual({
      type: 'set',
      added: many.slice(0, 1_000),
      removed: [],
    })
    pen.write({ type: 'set-remove', object: 's', values: many })
    pen.write({ type: 'set-add', object: 's', values: many })
    expect(pen.changes()).toEqual([
      { object: 's', objectType: 'set', origin: 'local', diff: undefined },
    ])
  })

  test('from before there was a reader are told without a difference', () => {
    const pen = new Pen(replicaOf('a'))
    pen.write({ type: 'set-add', object: 's', values: ['5'] })
    expect(pen.changes()[0]?.diff).toBeUndefined()
    pen.write({ type: 'set-add', object: 's', values: ['2'] })
    pen.group.changes.hasReaders = true
    pen.write({ type: 'set-add', object: 's', values: ['1'] })
    expect(pen.changes().map(({ diff }) => diff)).toEqual([undefined])
  })
})
