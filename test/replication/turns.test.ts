import { expect, test } from 'vitest'
import { NO_FAULTS, World } from './world.ts'

test('a base that takes longer than a turn comes whole, though others wait', () => {
  const tunables = { snapshotTailBytes: 1, logBytesMax: 1, pullTurnMs: 100 }
  const world = new World({ seed: 5, nodes: 2, faults: { ...NO_FAULTS, delayMs: 40 }, tunables })
  const [a, b] = [world.node(0), world.node(1)]
  world.link(a, b)
  for (let i = 0; i < 20; i++) {
    const values = Array.from({ length: 4_000 }, (_, k) => `${i} ${k}`)
    world.transact(a, [{ type: 'set-add', object: 's', values }])
    world.run(200)
  }
  expect(world.isConverged() || world.converge(60_000) !== undefined).toBe(true)
  const c = world.addNode()
  world.link(a, c)
  world.link(b, c)
  // Something goes on, so that others have reason to be asked.
  for (let i = 0; i < 20; i++) {
    world.transact(b, [{ type: 'set-add', object: 's', values: [`later ${i}`] }])
    world.run(300)
  }
  expect(world.converge(20_000)).toBeDefined()
})
