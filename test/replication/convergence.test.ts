import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { oracleState } from './oracle.ts'
import { expectShows } from './shows.ts'
import { type Faults, type Node, World } from './world.ts'

const OBJECTS = ['a', 'b']
const VALUES = ['x', 'y', 'z', '']
const PATHS = [['p'], ['p', 'q'], ['p', 'q', 'r'], ['s'], ['__proto__', 'q']]

type Step =
  | { readonly type: 'write'; readonly node: number; readonly operations: readonly Operation[] }
  | { readonly type: 'run'; readonly ms: number }
  | { readonly type: 'cut' | 'link'; readonly a: number; readonly b: number }
  | { readonly type: 'crash' | 'restart'; readonly node: number }

const object = fc.constantFrom(...OBJECTS)
const operation: fc.Arbitrary<Operation> = fc.oneof(
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
    type: fc.constant('map-remove' as const),
    object,
    path: fc.constantFrom(...PATHS, []),
  }),
)
const node = fc.nat({ max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
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

function play(world: World, steps: readonly Step[]): void {
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

function heal(world: World): void {
  for (const item of world.nodes) if (!item.isUp) world.start(item)
  world.linkAll()
}

function expectAgreement(world: World): void {
  const expected = oracleState(world.events.get('main')?.values() ?? [])
  for (const item of world.nodes) {
    expectShows(item.core.view('main'), expected)
    expect(world.told(item, 'alarm')).toEqual([])
  }
}

const faults: fc.Arbitrary<Faults> = fc.record({
  loss: fc.constantFrom(0, 0.1, 0.4),
  duplication: fc.constantFrom(0, 0.2),
  delayMs: fc.constantFrom(1, 20, 200),
  diskMs: fc.constantFrom(0, 10, 100),
})

describe('replicas', () => {
  it('agree with the oracle after any writes, partitions, crashes, loss and duplication', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 2, max: 5 }),
        faults,
        fc.array(step, { maxLength: 60, size: 'max' }),
        (seed, nodes, faultsOn, steps) => {
          const world = new World({ seed, nodes, faults: faultsOn })
          if (seed % 4 !== 0) world.linkAll()
          play(world, steps)
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          expectAgreement(world)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('over a ring instead of a full mesh agree too', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(step, { maxLength: 40, size: 'max' }), (seed, steps) => {
        const world = new World({ seed, nodes: 5 })
        play(
          world,
          steps.filter(({ type }) => type === 'write' || type === 'run'),
        )
        for (let i = 0; i < 5; i++) world.link(world.node(i), world.node((i + 1) % 5))
        expect(world.converge(5_000)).toBeDefined()
        expectAgreement(world)
      }),
      { numRuns: 60 },
    )
  })

  it('with a few hundred writes each agree within two seconds of a heal', () => {
    const world = new World({
      seed: 5,
      nodes: 5,
      faults: { loss: 0, duplication: 0, delayMs: 20, diskMs: 5 },
    })
    const random = seededRandom(5)
    for (let i = 0; i < 1_500; i++) {
      const writer = world.node(i % 5)
      world.transact(writer, [
        { type: 'set-add', object: 'tags', values: [`${randomInteger(random, 500)}`] },
        { type: 'counter-add', object: 'hits', amount: 1n },
      ])
      if (i % 3 === 0) {
        world.transact(writer, [
          { type: 'set-remove', object: 'tags', values: [`${randomInteger(random, 500)}`] },
        ])
      }
    }
    world.linkAll()
    expect(world.converge(2_000)).toBeDefined()
    expectAgreement(world)
    expect(world.node(0).core.view('main').counter('hits')).toBe(1_500n)
  })
})
