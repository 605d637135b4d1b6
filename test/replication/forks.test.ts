import { describe, expect, it, test } from 'vitest'
import type { Operation } from '../../src/crdt/operation.ts'
import { playForks } from './forks/play.ts'
import { heal } from './schedule.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

const SCHEDULES = 400

const add = (value: string): Operation => ({ type: 'set-add', object: 's', values: [value] })
const count = (amount: bigint): Operation => ({ type: 'counter-add', object: 'n', amount })

function shown(node: Node): unknown {
  const view = node.core.view('main')
  return { n: view.counter('n'), s: view.setValues('s') }
}

/** Members b and c each believe one of two stores that write as one, and never meet the other. */
function believers(tunables = {}): { world: World; a: Node; b: Node; c: Node; clone: Node } {
  const world = new World({ seed: 1, nodes: 3, faults: NO_FAULTS, tunables })
  const [a, b, c] = [world.node(0), world.node(1), world.node(2)]
  world.linkAll()
  world.transact(a, [add('shared'), count(1n)])
  expect(world.converge(60_000)).toBeDefined()
  for (const one of world.nodes) for (const other of world.nodes) world.cut(one, other)
  const clone = world.addNode(new Map(a.rows))
  world.link(a, b)
  world.link(clone, c)
  world.transact(a, [add('original'), count(10n)])
  world.run(500)
  world.transact(clone, [add('clone'), count(100n)])
  world.transact(clone, [add('shared'), count(1_000n)])
  world.run(500)
  return { world, a, b, c, clone }
}

function alarms(world: World, node: Node): readonly string[] {
  return world.told(node, 'alarm').map(({ reason }) => reason)
}

describe('two histories of one writer', () => {
  it('are both kept by those who believed them, without the writer', () => {
    const { world, a, b, c, clone } = believers()
    world.crash(a)
    world.crash(clone)
    world.link(b, c)
    expect(world.converge(60_000)).toBeDefined()
    for (const node of [b, c]) {
      expect(shown(node)).toEqual({ n: 1_111n, s: ['clone', 'original', 'shared'] })
    }
    expect(alarms(world, b)).toEqual([])
    expect(alarms(world, c)).toEqual([
      expect.stringMatching(/^replica-forked: group main: 4 events of \S+ are others elsewhere/),
    ])
    for (const node of [b, c]) world.crash(node)
    for (const node of [b, c]) world.start(node)
    expect(world.isConverged()).toBe(true)
    expect(shown(c)).toEqual({ n: 1_111n, s: ['clone', 'original', 'shared'] })
  })

  it('are both kept when their writers come back one after the other, and write on', () => {
    const { world, a, b, c, clone } = believers()
    world.crash(a)
    world.crash(clone)
    world.link(b, c)
    world.run(5_000)
    world.start(clone)
    world.transact(clone, [add('later'), count(10_000n)])
    world.linkAll()
    world.run(5_000)
    world.start(a)
    world.transact(a, [add('last'), count(100_000n)])
    heal(world)
    expect(world.converge(60_000)).toBeDefined()
    world.transact(a, [count(1_000_000n)])
    world.transact(clone, [count(2_000_000n)])
    expect(world.converge(60_000)).toBeDefined()
    for (const node of [a, b, c, clone]) {
      const s = ['clone', 'last', 'later', 'original', 'shared']
      expect(shown(node)).toEqual({ n: 3_111_111n, s })
    }
    expect(a.core.replica).not.toBe(clone.core.replica)
  })

  it('leave what a member had removed of one of them removed', () => {
    const { world, b, c } = believers()
    world.transact(c, [{ type: 'set-remove', object: 's', values: ['clone'] }])
    heal(world)
    expect(world.converge(60_000)).toBeDefined()
    expect(shown(b)).toEqual({ n: 1_111n, s: ['original', 'shared'] })
  })
})

it('that are equally long are told by one alarm of their writer, and by no other', () => {
  const world = new World({ seed: 1, nodes: 3, faults: NO_FAULTS })
  world.linkAll()
  const a = world.node(0)
  world.transact(a, [add('one')])
  expect(world.converge(60_000)).toBeDefined()
  const backup = new Map(a.rows)
  world.transact(a, [add('two')])
  expect(world.converge(60_000)).toBeDefined()
  world.crash(a)
  world.restore(a, backup)
  world.start(a)
  world.transact(a, [add('three')])
  world.run(100)
  heal(world)
  expect(world.converge(60_000)).toBeDefined()
  world.run(30_000)
  for (const node of world.nodes) {
    expect(node.core.view('main').setValues('s')).toEqual(['one', 'three', 'two'])
  }
  expect(world.nodes.flatMap((node) => alarms(world, node))).toEqual([
    expect.stringMatching(/^identity-reused: group main: 1 events of/),
  ])
})

test.each([
  ['with every write of either history', { isShort: false, kills: false }],
  ['also where members remove and replace', { isShort: false, kills: true }],
  ['also where logs do not reach back', { isShort: true, kills: true }],
])(
  `${SCHEDULES} random schedules end with equal members, %s`,
  {
    timeout: 300_000,
  },
  (_what, options) => {
    const { failure, resolved } = playForks(1, SCHEDULES, options)
    expect(failure ?? '').toBe('')
    expect(resolved).toBeGreaterThan(SCHEDULES / 4)
  },
)
