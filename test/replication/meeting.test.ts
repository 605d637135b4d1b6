import { describe, expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { decodeFrame } from '../../src/replication/sync/frame-codec.ts'
import type { SyncFrame } from '../../src/replication/sync/frames.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

/** A frame takes a millisecond. */
const RTT_MS = 2

interface Said {
  readonly from: number
  readonly type: SyncFrame['type']
  readonly bytes: number
}

/** Writes down what is said from now on. */
function listen(world: World): Said[] {
  const said: Said[] = []
  world.filter = (from, _to, bytes) => {
    const frame = decodeFrame(bytes)
    if (!frame.ok) throw new Error(frame.reason)
    said.push({ from: world.nodes.indexOf(from), type: frame.value.type, bytes: bytes.length })
    return true
  }
  return said
}

const types = (said: readonly Said[]): readonly string[] =>
  said.map(({ from, type }) => `${from} ${type}`)

const bytesOf = (said: readonly Said[]): number => said.reduce((sum, { bytes }) => sum + bytes, 0)

const add = (...values: readonly string[]): Operation => ({ type: 'set-add', object: 's', values })
const remove = (...values: readonly string[]): Operation => ({
  type: 'set-remove',
  object: 's',
  values,
})

function shortKeys(count: number): readonly string[] {
  const random = seededRandom(5)
  const digit = (): string => randomInteger(random, 36).toString(36)
  return Array.from({ length: count }, () => Array.from({ length: 6 }, digit).join(''))
}

/** Nodes that hold what the first one wrote, and are apart now. */
function twins(nodes: number = 2): { readonly world: World; readonly keys: readonly string[] } {
  const world = new World({ seed: 3, nodes, faults: NO_FAULTS })
  const keys = shortKeys(5_000)
  for (let i = 0; i < 20; i++) {
    world.transact(world.node(0), [add(...keys.slice(i * 200, (i + 1) * 200))])
  }
  world.linkAll()
  expect(world.converge(10_000)).toBeDefined()
  world.run(100)
  for (const a of world.nodes) for (const b of world.nodes) world.cut(a, b)
  world.run(100)
  return { world, keys }
}

function change(world: World, node: Node, keys: readonly string[], removed: string): void {
  for (const key of keys) world.transact(node, [add(key)])
  world.transact(node, [remove(removed)])
  world.run(10)
}

describe('two replicas that meet', () => {
  test('and are equal say so by one digest each', () => {
    const { world } = twins()
    const said = listen(world)
    world.linkAll()
    world.run(50)
    expect(types(said)).toEqual(['0 digest', '1 digest'])
    expect(bytesOf(said)).toBe(60)
  })

  test('exchange 100 adds and a removal of 6-byte keys in one round trip and 730 bytes', () => {
    const { world, keys } = twins()
    change(world, world.node(0), keys.slice(4_000, 4_100), keys[7] ?? '')
    const said = listen(world)
    world.linkAll()
    expect(world.converge(1_000)).toBeLessThanOrEqual(RTT_MS + 10)
    world.run(50)
    expect(types(said)).toEqual(['0 digest', '1 digest', '0 events', '0 end', '1 equal'])
    expect(bytesOf(said)).toBe(730)
    for (const node of world.nodes) expect(world.told(node, 'alarm')).toEqual([])
    // Equality has been told: what was written is known to be there.
    expect(world.node(0).core.status('main').unsynced).toBe(0)
  })

  test('are both sent what they lack in one round trip', () => {
    const { world, keys } = twins()
    change(world, world.node(0), keys.slice(4_000, 4_100), keys[7] ?? '')
    change(world, world.node(1), keys.slice(4_100, 4_200), keys[8] ?? '')
    const said = listen(world)
    world.linkAll()
    expect(world.converge(1_000)).toBeLessThanOrEqual(RTT_MS + 10)
    expect(types(said).filter((type) => type.endsWith('pull'))).toEqual([])
    expect(bytesOf(said)).toBeLessThanOrEqual(1_450)
  })

  test('ask one peer, not each of many', () => {
    const { world, keys } = twins(5)
    for (const a of [0, 1, 2, 3])
      for (const b of [0, 1, 2, 3]) world.link(world.node(a), world.node(b))
    change(world, world.node(0), keys.slice(4_000, 4_100), keys[7] ?? '')
    world.run(100)
    const said = listen(world)
    world.linkAll()
    expect(world.converge(1_000)).toBeDefined()
    expect(types(said).filter((type) => type.endsWith('events'))).toHaveLength(1)
  })

  test('turn to another peer soon when the first one is silent', () => {
    const { world, keys } = twins(3)
    const [dead, from, to] = [world.node(0), world.node(1), world.node(2)]
    change(world, from, keys.slice(4_000, 4_100), keys[7] ?? '')
    world.filter = (sender) => sender !== dead
    world.link(to, dead)
    world.link(to, from)
    world.run(300)
    expect(to.core.view('main').setHas('s', keys[4_000] ?? '')).toBe(true)
  })

  test('turn to another peer at once when the first one has nothing', () => {
    const { world, keys } = twins(3)
    const [equal, from, to] = [world.node(0), world.node(1), world.node(2)]
    change(world, from, keys.slice(4_000, 4_100), keys[7] ?? '')
    world.link(to, equal)
    world.link(to, from)
    world.run(20)
    expect(to.core.view('main').setHas('s', keys[4_000] ?? '')).toBe(true)
  })

  test('show what they are ahead by to whoever does not ask, until it is seen', () => {
    const { world, keys } = twins(3)
    const [dead, ahead, behind] = [world.node(0), world.node(1), world.node(2)]
    change(world, ahead, keys.slice(4_000, 4_100), keys[7] ?? '')
    let shown = 0
    world.filter = (from, _to, bytes) => {
      if (from === dead) return false
      const frame = decodeFrame(bytes)
      if (from !== ahead || !frame.ok || frame.value.type !== 'digest') return true
      // It never begins by itself.
      if (frame.value.wantsAnswer) return false
      shown += 1
      return shown > 1
    }
    // The silent one is asked, so the other one is not.
    world.link(behind, dead)
    world.link(behind, ahead)
    world.run(20_000)
    expect(behind.core.view('main').setHas('s', keys[4_000] ?? '')).toBe(true)
    expect(shown).toBeGreaterThan(1)
  })

  test('ask for nothing without room on the disk', () => {
    const { world } = twins()
    const sessions: (number | undefined)[] = []
    world.node(1).core.isFull = true
    world.filter = (_from, _to, bytes) => {
      const frame = decodeFrame(bytes)
      if (!frame.ok || frame.value.type !== 'digest') return false
      for (const { past } of frame.value.items) sessions.push(past?.session)
      return false
    }
    world.linkAll()
    world.run(2)
    expect(sessions).toEqual([expect.any(Number), 0])
    expect(sessions[0]).toBeGreaterThan(0)
  })

  test('of more than eight writers compare hashes first', () => {
    const world = new World({ seed: 4, nodes: 10, faults: NO_FAULTS })
    for (const [i, node] of world.nodes.entries()) world.transact(node, [add(`${i}`)])
    world.linkAll()
    expect(world.converge(10_000)).toBeDefined()
    const [a, b] = [world.node(0), world.node(1)]
    world.cut(a, b)
    world.run(100)
    const said = listen(world)
    world.link(a, b)
    world.run(5)
    expect(said.filter(({ type }) => type === 'digest').map(({ bytes }) => bytes)).toEqual([22, 22])
  })
})
