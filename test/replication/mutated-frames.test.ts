import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { parseReplicaId, type ReplicaId } from '../../src/base/ids.ts'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { replicaLanes } from '../../src/crdt/lanes.ts'
import { replicaRow } from '../../src/replication/store/rows.ts'
import { encodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { heal } from './schedule.ts'
import { type Faults, NO_FAULTS, type Node, World } from './world.ts'

const FAULTS: Faults = { loss: 0.02, duplication: 0.05, delayMs: 20, diskMs: 2 }

function write(world: World, node: Node, n: number): void {
  const values = Array.from({ length: 1 + (n % 40) }, (_, i) => `${node.id} ${n} ${i}`)
  world.transact(node, [{ type: 'set-add', object: 's', values }])
  if (n % 3 === 0) {
    const [one = ''] = node.core.view('main').setValues('s')
    world.transact(node, [{ type: 'set-remove', object: 's', values: [one] }])
  }
  world.transact(node, [{ type: 'counter-add', object: 'n', amount: 1n }])
}

describe('frames of which a byte is another, or the end is missing', () => {
  test.each([
    ['while logs reach back', {}],
    ['while bases are needed', { snapshotTailBytes: 200, logBytesMax: 1 }],
  ])('end nobody and leave all equal in the end, %s', (_what, tunables) => {
    let drops = 0
    for (let seed = 1; seed <= 12; seed++) {
      const random = seededRandom([seed, 23])
      const world = new World({ seed, nodes: 3, faults: FAULTS, tunables })
      const liar = world.node(2)
      let isOver = false
      world.filter = (from, to, bytes) => {
        if (isOver || from !== liar || randomInteger(random, 3) > 0) return true
        const mutated = bytes.slice(
          0,
          randomInteger(random, 2) === 0 ? bytes.length : bytes.length >> 1,
        )
        const at = randomInteger(random, Math.max(1, Math.min(60, mutated.length)))
        mutated[at] = randomInteger(random, 256)
        world.input(to, { type: 'frame', peer: from.id, bytes: mutated })
        return false
      }
      for (let n = 0; n < 25; n++) {
        for (const node of world.nodes) {
          if (randomInteger(random, 2) === 0) write(world, node, n)
          for (const other of world.nodes) {
            if (randomInteger(random, 4) === 0) world.cut(node, other)
            else world.link(node, other)
          }
        }
        world.run(200)
      }
      isOver = true
      heal(world)
      expect(world.converge(1_500_000), `seed ${seed}`).toBeDefined()
      for (const node of world.nodes) drops += world.told(node, 'dropped').length
    }
    expect(drops).toBeGreaterThan(100)
  })
})

/** Two ids whose hashes have the same low half. */
function lookAlikes(): readonly [ReplicaId, ReplicaId] {
  const byHash = new Map<number, ReplicaId>()
  for (let i = 0; ; i++) {
    const id = present(parseReplicaId(i.toString(16).padStart(32, '0')), 'replica id')
    const { low } = replicaLanes(id)
    const other = byHash.get(low)
    if (other !== undefined) return [other, id]
    byHash.set(low, id)
  }
}

test('writers that look alike by four bytes are told apart, and what they write is known to be there', () => {
  const world = new World({ seed: 7, nodes: 0, faults: NO_FAULTS })
  for (const id of lookAlikes()) {
    const { key, value } = replicaRow(id)
    world.addNode(new Map([[key, present(value, 'row of an id')]]))
  }
  const third = world.addNode()
  world.linkAll()
  for (let n = 0; n < 20; n++) {
    for (const node of world.nodes) write(world, node, n)
    world.run(100)
  }
  expect(world.converge(10_000)).toBeDefined()
  world.run(1_000)
  for (const node of world.nodes) {
    const { events, unsynced } = node.core.status('main')
    expect({ events, unsynced }).toEqual({ events: third.core.status('main').events, unsynced: 0 })
    expect(node.core.replicatedBy('main', node.core.ownEvents('main'))).toBe(2)
    expect(world.told(node, 'alarm')).toEqual([])
    // Nothing was taken for the other one's.
    expect(world.told(node, 'dropped')).toEqual([])
  }
  // An ack that may be of either's events counts for neither.
  const [a, b] = [world.node(0), world.node(1)]
  for (const other of [b, third]) world.cut(a, other)
  write(world, a, 1)
  world.run(50)
  const { unsynced } = a.core.status('main')
  expect(unsynced).toBeGreaterThan(0)
  world.filter = () => false
  world.link(a, b)
  const vector = [{ hash: replicaLanes(a.core.replica).low, n: a.core.ownEvents('main'), check: 0 }]
  const bytes = encodeFrame({ type: 'ack', group: 'main', vector })
  world.input(a, { type: 'frame', peer: b.id, bytes })
  expect(a.core.status('main').unsynced).toBe(unsynced)
  expect(a.core.replicatedBy('main', a.core.ownEvents('main'))).toBe(0)
})
