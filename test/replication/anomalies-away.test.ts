import { expect, test } from 'vitest'
import type { Operation } from '../../src/crdt/operation.ts'
import { type Node, World } from './world.ts'

/*
 * Anomalies of the field in which somebody was away: for longer than any log reaches back, or with a disk that
 * was lost. Others lose deletes, totals or whole writes there.
 */

const DAY = 86_400_000
const add = (...values: string[]): Operation => ({ type: 'set-add', object: 's', values })
const remove = (...values: string[]): Operation => ({ type: 'set-remove', object: 's', values })
const visits = (amount: bigint): Operation => ({
  ...{ type: 'map-counter-add', object: 'm', path: ['ada', 'visits'] },
  amount,
})
const forget: Operation = { type: 'map-remove', object: 'm', path: ['ada'] }
/** Logs end as soon as a snapshot covers them. */
const TRUNCATED = { snapshotTailBytes: 200, logBytesMax: 1 }

function three(tunables = {}): { world: World; a: Node; b: Node; c: Node } {
  const world = new World({ seed: 1, nodes: 3, tunables })
  return { world, a: world.node(0), b: world.node(1), c: world.node(2) }
}

function settle(world: World, except?: Node): void {
  for (const x of world.nodes) {
    for (const y of world.nodes) if (x !== except && y !== except) world.link(x, y)
  }
  if (except === undefined) expect(world.converge(60_000)).toBeDefined()
  else world.run(5_000)
  for (const node of world.nodes) expect(world.told(node, 'alarm')).toEqual([])
}

function cutOff(world: World, node: Node): void {
  for (const other of world.nodes) world.cut(node, other)
}

/** Enough that the log of before is gone. */
function writeMuch(world: World, node: Node): void {
  for (let i = 0; i < 100; i++) {
    world.transact(node, [{ type: 'register-set', object: 'r', value: `value ${i}` }])
    world.run(20)
  }
}

function values(node: Node): readonly string[] {
  return node.core.view('main').setValues('s')
}

test('a member that was away for days brings no removed element back (Cassandra, gc_grace)', () => {
  const { world, a, b, c } = three(TRUNCATED)
  world.transact(a, [add('dead', 'alive')])
  settle(world)
  cutOff(world, c)
  world.transact(c, [add('of c')])
  world.transact(a, [remove('dead')])
  writeMuch(world, a)
  world.run(2 * DAY)
  writeMuch(world, b)
  settle(world)
  for (const node of world.nodes) expect(values(node)).toEqual(['alive', 'of c'])
})

test('nor does one that a new member hears first, while those who removed are away (Ditto)', () => {
  const { world, a, b, c } = three(TRUNCATED)
  world.transact(a, [add('dead', 'alive')])
  settle(world)
  cutOff(world, c)
  world.transact(a, [remove('dead')])
  writeMuch(world, a)
  cutOff(world, a)
  cutOff(world, b)
  const late = world.addNode()
  world.link(late, c)
  world.run(5_000)
  expect(values(late)).toEqual(['alive', 'dead'])
  // They touch the element without adding it: it is no news that they hold it.
  world.transact(late, [add('of the new one')])
  world.crash(c)
  world.start(c)
  settle(world)
  for (const node of world.nodes) expect(values(node)).toEqual(['alive', 'of the new one'])
})

test('a log that one member has compacted and another has not makes no two states (cr-sqlite)', () => {
  const world = new World({ seed: 1, nodes: 1, tunables: TRUNCATED })
  const [a] = [world.node(0)]
  const whole = new World({ seed: 2, nodes: 1 })
  for (const node of [a, whole.node(0)]) {
    const within = node === a ? world : whole
    within.transact(node, [add('x', 'y', 'z'), visits(3n)])
    within.transact(node, [remove('y'), visits(-1n)])
    writeMuch(within, node)
  }
  // One that keeps its log joins those that have none.
  const b = world.addNode(new Map(whole.node(0).rows))
  const c = world.addNode()
  world.transact(a, [remove('z')])
  settle(world)
  world.transact(c, [remove('x')])
  settle(world)
  for (const node of [a, b, c]) {
    expect(values(node)).toEqual(['z'])
    expect(node.core.view('main').mapAt('m', ['ada', 'visits'])).toBe(4)
  }
})

test('a counter inside a map that is removed while it counts elsewhere is no total of before (embedded counter)', () => {
  const { world, a, b } = three()
  world.transact(a, [visits(100n)])
  settle(world)
  cutOff(world, b)
  world.transact(a, [forget])
  world.transact(b, [visits(1n)])
  settle(world)
  // What was seen is gone, what was added meanwhile counts: neither 0 nor 101.
  for (const node of world.nodes) {
    expect(node.core.view('main').mapAt('m', ['ada', 'visits'])).toBe(1)
  }
  world.transact(a, [forget])
  settle(world)
  world.transact(b, [visits(2n)])
  settle(world)
  for (const node of world.nodes) {
    expect(node.core.view('main').mapAt('m', ['ada', 'visits'])).toBe(2)
  }
})

test('writes after a lost disk are not taken for those that others have seen already (Riak kv679)', () => {
  const { world, a, b, c } = three()
  for (let i = 0; i < 5; i++) world.transact(a, [add(`before ${i}`), visits(1n)])
  settle(world)
  world.crash(a)
  a.rows.clear()
  world.start(a)
  // As many as before, while nobody is there: under the old numbers they would be duplicates.
  for (let i = 0; i < 5; i++) world.transact(a, [add(`after ${i}`), visits(10n)])
  world.transact(b, [remove('before 0')])
  settle(world)
  for (const node of [a, b, c]) {
    expect(values(node)).toHaveLength(9)
    expect(node.core.view('main').mapAt('m', ['ada', 'visits'])).toBe(55)
  }
})

test('a gap whose writer is gone is closed by whoever has it, and nobody waits for what is lost (corrosion)', () => {
  const { world, a, b, c } = three()
  world.link(a, b)
  world.transact(a, [add('first')])
  world.run(500)
  // C gets what follows, and not what came before.
  world.filter = (from, to, bytes) =>
    !(from === a && to === c && Buffer.from(bytes).includes('first'))
  world.cut(a, b)
  world.link(a, c)
  world.transact(a, [add('second')])
  world.run(5_000)
  expect(c.core.vector('main').get(a.core.replica) ?? 0).toBe(0)
  world.filter = (from) => from !== a
  world.transact(a, [add('nobody has it')])
  world.run(1)
  world.crash(a)
  world.filter = () => true
  settle(world, a)
  expect(values(c)).toEqual(values(b))
  expect(values(c)).toContain('first')
  // What C writes now, and B, spreads as if nothing were missing.
  world.transact(c, [add('of c')])
  world.transact(b, [remove('first')])
  settle(world, a)
  expect(values(b)).toEqual(values(c))
  expect(values(b)).toContain('of c')
  world.start(a)
  settle(world)
  for (const node of world.nodes) {
    expect(values(node)).toEqual(['nobody has it', 'of c', 'second'])
  }
})
