import fc from 'fast-check'
import { expect } from 'vitest'
import type { Operation } from '../../src/crdt/operation.ts'
import { oracleState } from './oracle.ts'
import { expectShows } from './shows.ts'
import type { Faults, Node, World } from './world.ts'

const OBJECTS = ['a', 'b']
const VALUES = ['x', 'y', 'z', '']
const PATHS = [['p'], ['p', 'q'], ['p', 'q', 'r'], ['s'], ['__proto__', 'q']]

export type Step =
  | { readonly type: 'write'; readonly node: number; readonly operations: readonly Operation[] }
  | { readonly type: 'run'; readonly ms: number }
  | { readonly type: 'cut' | 'link'; readonly a: number; readonly b: number }
  | { readonly type: 'crash' | 'restart'; readonly node: number }

const object = fc.constantFrom(...OBJECTS)
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    type: fc.constant('counter-add' as const),
    object,
    amount: fc.bigInt({ min: -5n, max: 9n }),
  }),
  fc.record({
    type: fc.constantFrom('set-add' as const, 'set-remove' as const),
    object,
    values: fc.array(fc.constantFrom(...VALUES), { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('register-set' as const),
    object,
    value: fc.jsonValue() as fc.Arbitrary<string>,
  }),
  fc.record({
    type: fc.constant('map-set' as const),
    object,
    path: fc.constantFrom(...PATHS),
    value: fc.integer(),
  }),
  fc.record({
    type: fc.constant('map-counter-add' as const),
    object,
    path: fc.constantFrom(...PATHS),
    amount: fc.bigInt({ min: -3n, max: 3n }),
  }),
  fc.record({
    type: fc.constantFrom('map-set-add' as const, 'map-set-remove' as const),
    object,
    path: fc.constantFrom(...PATHS),
    values: fc.array(fc.constantFrom(...VALUES), { maxLength: 2 }),
  }),
  fc.record({
    type: fc.constant('map-remove' as const),
    object,
    path: fc.constantFrom(...PATHS, []),
  }),
)
const node = fc.nat({ max: 4 })
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      node,
      operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('run' as const), ms: fc.nat({ max: 300 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('cut' as const, 'link' as const),
      a: node,
      b: node,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('crash' as const, 'restart' as const), node }),
  },
)

export function play(world: World, steps: readonly Step[]): void {
  const at = (index: number): Node => world.node(index % world.nodes.length)
  for (const item of steps) {
    switch (item.type) {
      case 'write':
        if (at(item.node).isUp) world.transact(at(item.node), item.operations)
        break
      case 'run':
        world.run(item.ms)
        break
      case 'cut':
        world.cut(at(item.a), at(item.b))
        break
      case 'link':
        if (at(item.a).isUp && at(item.b).isUp) world.link(at(item.a), at(item.b))
        break
      case 'crash':
        if (at(item.node).isUp) world.crash(at(item.node))
        break
      case 'restart':
        if (!at(item.node).isUp) world.start(at(item.node))
    }
  }
}

export function heal(world: World): void {
  for (const item of world.nodes) if (!item.isUp) world.start(item)
  world.linkAll()
}

export function expectAgreement(world: World): void {
  const expected = oracleState(world.events.get('main')?.values() ?? [])
  for (const item of world.nodes) {
    expectShows(item.core.view('main'), expected)
    expect(world.told(item, 'alarm')).toEqual([])
  }
}

export const faults: fc.Arbitrary<Faults> = fc.record({
  loss: fc.constantFrom(0, 0.1, 0.4),
  duplication: fc.constantFrom(0, 0.2),
  delayMs: fc.constantFrom(1, 20, 200),
  diskMs: fc.constantFrom(0, 10, 100),
})
