import { expect, test } from 'vitest'
import { decodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

const write = (world: World, node: Node, group: string): number =>
  world.transact(node, [{ type: 'set-add', object: 's', values: ['x'] }], group)

/** Whether the second node is known to the first to be like it in some groups. */
const alike = ([a, b]: readonly Node[], ...groups: readonly string[]): readonly boolean[] => {
  if (a === undefined || b === undefined) throw new Error('two nodes are needed')
  return groups.map((group) => a.core.isAlike(b.id, group))
}

test('a linked peer is known to be alike or not in each group', () => {
  const world = new World({ seed: 3, nodes: 2, faults: NO_FAULTS })
  const [a, b] = [world.node(0), world.node(1)]
  write(world, a, 'one')
  write(world, a, 'two')
  expect(alike([a, b], 'one', 'two', 'main')).toEqual([false, false, false])
  world.link(a, b)
  expect(alike([a, b], 'main')).toEqual([false])
  world.filter = (_from, _to, bytes) => {
    const frame = decodeFrame(bytes)
    return !(frame.ok && frame.value.type === 'events' && frame.value.group === 'two')
  }
  world.run(5_000)
  // Nobody has anything of the third group.
  expect(alike([a, b], 'one', 'two', 'main')).toEqual([true, false, true])
  expect(alike([b, a], 'one', 'two', 'main')).toEqual([true, false, true])
  world.filter = () => true
  world.run(30_000)
  expect(alike([a, b], 'one', 'two', 'main')).toEqual([true, true, true])
  world.cut(a, b)
  expect(alike([a, b], 'one')).toEqual([false])
})

test('of many groups, which are compared by one hash, each is known', () => {
  const world = new World({ seed: 4, nodes: 2, faults: NO_FAULTS })
  const [a, b] = [world.node(0), world.node(1)]
  const groups = ['one', 'two', 'three', 'four', 'five', 'six']
  world.link(a, b)
  for (const group of groups) write(world, a, group)
  world.run(30_000)
  expect(alike([a, b], ...groups, 'main')).toEqual([...groups.map(() => true), true])
  world.filter = () => false
  write(world, a, 'five')
  write(world, b, 'none')
  world.run(1_000)
  expect(alike([a, b], 'four', 'five')).toEqual([true, false])
  expect(alike([b, a], 'five', 'none')).toEqual([true, false])
})
