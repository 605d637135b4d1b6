import { expect, test } from 'vitest'
import type { Operation } from '../../src/crdt/operation.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

const EXCHANGE_BYTES_MAX = 48
const TRUNCATED = { snapshotTailBytes: 200, logBytesMax: 1 }

const set = (type: 'set-add' | 'set-remove', from: number, to: number): Operation => ({
  type,
  object: 's',
  values: Array.from({ length: to - from }, (_, i) => `element ${from + i}`),
})

type History = readonly [string, (world: World, a: Node, b: Node) => void]

/** What two nodes went through before nothing happens any more. */
const HISTORIES: readonly History[] = [
  ['nothing', () => {}],
  ['one element', (world, a) => world.transact(a, [set('set-add', 0, 1)])],
  [
    'thousands of elements, half of them removed by the other',
    (world, a, b) => {
      for (let i = 0; i < 4; i++) world.transact(a, [set('set-add', i * 1_000, i * 1_000 + 1_000)])
      world.run(1_000)
      for (let i = 0; i < 4; i++) world.transact(b, [set('set-remove', i * 1_000, i * 1_000 + 500)])
    },
  ],
  [
    'a hundred writers that are gone',
    (world, a, b) => {
      for (let i = 0; i < 100; i++) {
        world.transact(a, [set('set-add', i, i + 1)])
        world.run(50)
        world.crash(a)
        a.rows.clear()
        world.start(a)
        world.link(a, b)
        world.run(50)
      }
    },
  ],
  [
    'a hundred groups, some of them with long names',
    (world, a) => {
      for (let i = 0; i < 100; i++) {
        world.transact(a, [set('set-add', 0, 1)], `${i} ${'long '.repeat(i % 30)}`)
      }
    },
  ],
  ...[2, 3, 4].map(
    (groups): History => [
      `${groups} groups`,
      (world, a) => {
        for (let i = 0; i < groups; i++) world.transact(a, [set('set-add', 0, 1)], `group ${i}`)
      },
    ],
  ),
  ...[16, 17, 18].map(
    (length): History => [
      `one group with a name of ${length} bytes`,
      (world, a) => world.transact(a, [set('set-add', 0, 1)], 'g'.repeat(length)),
    ],
  ),
  [
    'one group with the longest name',
    (world, a) => world.transact(a, [set('set-add', 0, 1)], 'g'.repeat(1_024)),
  ],
]

test.each(
  HISTORIES.flatMap(([name, play]) => [false, true].map((isShort) => ({ name, play, isShort }))),
)('an idle exchange after $name takes 48 bytes (truncated logs: $isShort)', ({ play, isShort }) => {
  const tunables = isShort ? TRUNCATED : {}
  const world = new World({ seed: 3, nodes: 2, faults: NO_FAULTS, tunables })
  const [a, b] = [world.node(0), world.node(1)]
  world.link(a, b)
  play(world, a, b)
  expect(world.converge(60_000)).toBeDefined()
  world.run(120_000)
  const [frames, bytes] = [a.frames + b.frames, a.sentBytes + b.sentBytes]
  world.run(3_600_000)
  const exchanges = (a.frames + b.frames - frames) / 2
  expect(exchanges).toBeGreaterThan(100)
  expect((a.sentBytes + b.sentBytes - bytes) / exchanges).toBeLessThanOrEqual(EXCHANGE_BYTES_MAX)
  for (const node of world.nodes) expect(world.told(node, 'alarm')).toEqual([])
})
