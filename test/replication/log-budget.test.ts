import { expect, test } from 'vitest'
import { RUN_OVERHEAD_BYTES } from '../../src/replication/group/group-log.ts'
import { REPLICATION_DEFAULTS } from '../../src/replication/options.ts'
import { decodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

const HOUR = 3_600_000

function write(world: World, node: Node, bytes: number): void {
  const value = `${world.now} `.padEnd(bytes, 'x')
  world.transact(node, [{ type: 'register-set', object: 'r', value }])
  world.run(20)
}

function logRows({ rows }: Node): readonly Uint8Array[] {
  return [...rows].filter(([key]) => key.includes('!log!')).map(([, value]) => value)
}

test('a log keeps 64 MiB or a day, unless it is told otherwise', () => {
  expect(REPLICATION_DEFAULTS.logBytesMax).toBe(64 * 1_048_576)
  expect(REPLICATION_DEFAULTS.logAgeMs).toBe(24 * HOUR)
})

test('rows of a day ago are forgotten once a snapshot covers them', () => {
  const tunables = { snapshotTailBytes: 2_000 }
  const world = new World({ seed: 1, nodes: 1, faults: NO_FAULTS, tunables })
  const [a] = [world.node(0)]
  for (let i = 0; i < 50; i++) write(world, a, 100)
  world.run(23 * HOUR)
  write(world, a, 100)
  expect(logRows(a)).toHaveLength(51)
  world.run(2 * HOUR)
  write(world, a, 100)
  const left = logRows(a).length
  // Those that no snapshot covers stay, whatever their age.
  expect(left).toBeLessThan(30)
  expect(left).toBeGreaterThan(1)
  world.crash(a)
  world.start(a)
  expect(a.core.status('main').events).toBe(52)
})

test('rows beyond the budget are forgotten, the oldest first', () => {
  const tunables = { snapshotTailBytes: 2_000, logBytesMax: 20_000 }
  const world = new World({ seed: 1, nodes: 1, faults: NO_FAULTS, tunables })
  const [a] = [world.node(0)]
  for (let i = 0; i < 200; i++) {
    write(world, a, 1_000)
    const bytes = logRows(a).reduce((sum, row) => sum + row.length, 0)
    // The budget, and what no snapshot covers yet.
    expect(bytes).toBeLessThan(20_000 + 2_000 + 2 * 1_100)
  }
  // As many as the budget has room for, each with what it costs in memory.
  expect(logRows(a).length).toBeGreaterThanOrEqual(
    Math.floor(20_000 / (1_100 + RUN_OVERHEAD_BYTES)),
  )
})

test('what a puller has not asked for is not sent: a window at a time, and on from there after a cut', () => {
  const windowBytes = 1 << 18
  const world = new World({ seed: 1, nodes: 2, faults: NO_FAULTS, tunables: { windowBytes } })
  const [a, b] = [world.node(0), world.node(1)]
  const elements = 200
  for (let i = 0; i < elements; i++) {
    const values = [`${i}`.padEnd(4_000, 'x'), `${i}`.padEnd(4_001, 'y')]
    world.transact(a, [{ type: 'set-add', object: 's', values }])
  }
  const total = elements * 8_000
  let [sent, most, all, pulls] = [0, 0, 0, 0]
  world.filter = (from, _to, bytes) => {
    const frame = decodeFrame(bytes)
    if (!frame.ok) return true
    if (from === b && frame.value.type === 'pull') {
      pulls += 1
      sent = 0
    }
    if (from === a && frame.value.type === 'events') {
      sent += bytes.length
      all += bytes.length
      most = Math.max(most, sent)
    }
    return true
  }
  for (let cuts = 0; !world.isConverged(); cuts++) {
    expect(cuts).toBeLessThan(20)
    // The digest of a new link asks, too.
    sent = 0
    world.link(a, b)
    world.run(5)
    world.cut(a, b)
    world.run(5)
  }
  expect(most).toBeLessThanOrEqual(1.25 * windowBytes)
  expect(pulls).toBeGreaterThan(total / windowBytes / 2)
  // A cut costs a window at most, never the beginning.
  expect(all).toBeLessThan(3 * total)
  expect(b.core.view('main').setSize('s')).toBe(2 * elements)
})
