import { describe, expect, it } from 'vitest'
import { decodeItems } from '../../src/replication/base/base.ts'
import { parseRow } from '../../src/replication/store/rows.ts'
import { encodeItems } from '../../src/replication/store/snapshot.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

/** Every entry of the state is in a snapshot at once, and no event stays in the log. */
const SHORT = { snapshotTailBytes: 1, logBytesMax: 1 }

function shown(node: Node): readonly string[] {
  return node.core.view('main').setValues('s')
}

/** Takes all live entries out of a node's snapshot, as a bug or a broken machine might. */
function emptySnapshot(node: Node): number {
  let emptied = 0
  for (const [key, value] of node.rows) {
    const row = parseRow({ key, value })
    if (row.type !== 'chunk') continue
    const items = decodeItems(row.value)
    if (!items.ok) throw new Error(items.reason)
    const dead = items.value.map((item) => ({ ...item, bytes: new Uint8Array(0) }))
    node.rows.set(key, encodeItems(dead))
    emptied += items.value.filter(({ bytes }) => bytes.length > 0).length
  }
  return emptied
}

describe('self-check', () => {
  it('notices equal vectors with different states, says so, and makes them equal', () => {
    const world = new World({ seed: 3, nodes: 3, faults: NO_FAULTS, tunables: SHORT })
    world.linkAll()
    for (const value of ['a', 'b', 'c']) {
      world.transact(world.node(0), [{ type: 'set-add', object: 's', values: [value] }])
      world.run(500)
    }
    expect(world.converge(10_000)).toBeDefined()
    const broken = world.node(2)
    world.crash(broken)
    expect(emptySnapshot(broken)).toBeGreaterThan(0)
    world.start(broken)
    expect(shown(broken)).not.toEqual(['a', 'b', 'c'])
    const vectors = world.nodes.map(({ core }) => [...core.vector('main')])
    world.linkAll()
    expect(world.converge(60_000)).toBeDefined()
    expect(world.nodes.map(({ core }) => [...core.vector('main')])).toEqual(vectors)
    for (const node of world.nodes) {
      expect(shown(node)).toEqual(shown(broken))
      const reasons = world.told(node, 'alarm').map(({ reason }) => reason)
      expect(reasons).toContain('state-differs: group main: equal vectors, other fingerprint')
    }
    world.transact(world.node(1), [{ type: 'set-add', object: 's', values: ['d'] }])
    expect(world.converge(10_000)).toBeDefined()
    for (const node of world.nodes) world.crash(node)
    for (const node of world.nodes) world.start(node)
    expect(world.isConverged()).toBe(true)
    expect(shown(broken)).toContain('d')
  })
})
