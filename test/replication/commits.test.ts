import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { Replication } from '../../src/replication/replication.ts'
import { manifestKey } from '../../src/replication/store/rows.ts'
import { decodeManifest } from '../../src/replication/store/snapshot.ts'
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

test('snapshots keep up while writes never pause: a start replays few events of many', () => {
  const core = new Replication({ random: seededRandom(1), snapshotTailEvents: 8 })
  core.start(0)
  while (core.poll() !== undefined);
  let manifests = 0
  const rows = new Map<string, Uint8Array>()
  for (let i = 0; i < 100; i++) {
    const operations = [{ type: 'set-add', object: 's', values: [`${i % 10} ${i}`] }] as const
    core.handle({ type: 'transact', request: i, group: 'main', operations }, i)
    if (i >= 10) {
      const gone = [{ type: 'set-remove', object: 's', values: [`${i % 10} ${i - 10}`] }] as const
      core.handle({ type: 'transact', request: i, group: 'main', operations: gone }, i)
    }
    core.handle({ type: 'flush' }, i)
    let batches = 0
    for (let output = core.poll(); output !== undefined; output = core.poll()) {
      if (output.type !== 'persist') continue
      batches += 1
      for (const { key, value } of output.writes) {
        if (key === manifestKey('main')) manifests += 1
        if (value === undefined) rows.delete(key)
        else rows.set(key, value)
      }
    }
    // What is written and a part of a snapshot go to the disk at once.
    expect(batches).toBe(1)
  }
  expect(manifests).toBeGreaterThan(10)
  const manifest = decodeManifest(rows.get(manifestKey('main')) ?? new Uint8Array(0))
  if (!manifest.ok) throw new Error(manifest.reason)
  expect(manifest.value.sequence).toBeGreaterThan(90)
  const again = new Replication({ random: seededRandom(2) })
  for (const key of [...rows.keys()].sort()) {
    again.load({ key, value: rows.get(key) ?? new Uint8Array(0) })
  }
  again.start(100)
  expect(again.status('main').digest).toEqual(core.status('main').digest)
})
