import { expect, test } from 'vitest'
import { NO_FAULTS, World } from './world.ts'

test('no snapshot is written while the disk has no room, and it goes on afterwards', () => {
  const tunables = { snapshotTailBytes: 1 }
  const world = new World({ seed: 1, nodes: 1, faults: { ...NO_FAULTS, diskMs: 5 }, tunables })
  const node = world.node(0)
  const bases = (): readonly string[] =>
    [...node.rows.keys()].filter((key) => key.includes('!base!'))
  world.transact(node, [{ type: 'set-add', object: 's', values: ['a'] }])
  node.core.isFull = true
  world.run(1_000)
  expect(node.core.hasUnsaved).toBe(false)
  expect(bases()).toEqual([])
  node.core.isFull = false
  expect(node.core.hasUnsaved).toBe(true)
  world.input(node, { type: 'tick' })
  world.run(1_000)
  expect(bases()).not.toEqual([])
})
