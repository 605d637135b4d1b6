import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../src/crdt/operation.ts'
import { encodeFrame } from '../../../src/replication/sync/frame-codec.ts'
import { oracleState } from '../oracle.ts'
import { faults, heal, play, step } from '../schedule.ts'
import { expectShows } from '../shows.ts'
import { NO_FAULTS, type Node, World } from '../world.ts'

const add = (value: string): Operation => ({ type: 'set-add', object: 's', values: [value] })
const count = (amount: bigint): Operation => ({ type: 'counter-add', object: 'n', amount })

function three(): { world: World; a: Node; b: Node; c: Node } {
  const world = new World({ seed: 1, nodes: 3, faults: NO_FAULTS })
  world.linkAll()
  return { world, a: world.node(0), b: world.node(1), c: world.node(2) }
}

function settle(world: World): void {
  heal(world)
  expect(world.converge(60_000)).toBeDefined()
}

/** Brings a node back to rows of earlier and lets it write before it meets anybody. */
function rollBack(world: World, node: Node, rows: ReadonlyMap<string, Uint8Array>): void {
  world.crash(node)
  world.restore(node, rows)
  world.start(node)
}

function shown(node: Node): unknown {
  const view = node.core.view('main')
  return { n: view.counter('n'), s: view.setValues('s') }
}

describe('identity', () => {
  it('keeps what a restored backup wrote before it met the others', () => {
    const { world, a } = three()
    world.transact(a, [add('one'), count(1n)])
    settle(world)
    const backup = new Map(a.rows)
    world.transact(a, [add('two'), count(10n)])
    world.transact(a, [add('two more')])
    settle(world)
    const former = a.core.replica
    rollBack(world, a, backup)
    world.transact(a, [add('three'), count(100n)])
    world.transact(a, [{ type: 'set-remove', object: 's', values: ['one'] }, count(1_000n)])
    world.run(100)
    settle(world)
    for (const node of world.nodes) {
      expect(shown(node)).toEqual({ n: 1_111n, s: ['three', 'two', 'two more'] })
    }
    expect(a.core.replica).not.toBe(former)
    expect(world.told(a, 'alarm')).toEqual([
      { type: 'alarm', reason: expect.stringMatching(/^identity-reused: group main: 4 events of/) },
    ])
  })

  it('keeps it over restarts, before and after it met the others', () => {
    const { world, a } = three()
    world.transact(a, [add('one'), count(1n)])
    settle(world)
    const backup = new Map(a.rows)
    world.transact(a, [add('two'), count(10n)])
    settle(world)
    rollBack(world, a, backup)
    world.transact(a, [add('three'), count(100n)])
    world.run(100)
    world.crash(a)
    world.start(a)
    world.transact(a, [add('four'), count(1_000n)])
    world.run(100)
    settle(world)
    const before = a.core.replica
    for (const node of world.nodes) world.crash(node)
    settle(world)
    expect(a.core.replica).toBe(before)
    world.transact(a, [count(10_000n)])
    settle(world)
    for (const node of world.nodes) {
      expect(shown(node)).toEqual({ n: 11_111n, s: ['four', 'one', 'three', 'two'] })
    }
  })

  it.each([false, true])(
    'gives totals back that its log no longer holds, restarted: %s',
    (isRestarted) => {
      const tunables = { snapshotTailBytes: 400, logBytesMax: 1 }
      const world = new World({ seed: 1, nodes: 3, faults: NO_FAULTS, tunables })
      world.linkAll()
      const a = world.node(0)
      world.transact(a, [count(10n)])
      settle(world)
      for (let i = 0; i < 20; i++) {
        world.transact(a, [add(`${i}`)])
        world.run(100)
      }
      settle(world)
      const backup = new Map(a.rows)
      world.transact(a, [count(100n)])
      settle(world)
      rollBack(world, a, backup)
      world.transact(a, [count(1_000n)])
      world.run(100)
      if (isRestarted) {
        world.crash(a)
        world.start(a)
      }
      settle(world)
      for (const node of world.nodes) expect(node.core.view('main').counter('n')).toBe(1_110n)
    },
  )

  it('answers questions about its past within the rate of what it serves', () => {
    const world = new World({ seed: 1, nodes: 2, tunables: { serveBytesPerSecond: 1 } })
    const [a, b] = [world.node(0), world.node(1)]
    world.transact(a, [add('one')])
    world.link(a, b)
    const question = { type: 'trace', group: 'main', replica: a.core.replica, dots: [1] } as const
    const bytes = encodeFrame(question)
    for (let i = 0; i < 3; i++) world.input(a, { type: 'frame', peer: b.id, bytes })
    const dropped = world.told(a, 'dropped').map(({ reason }) => reason)
    expect(dropped).toEqual(['sync-rate', 'sync-rate'])
  })

  it('tells a clone from the node it was cloned from, whoever wrote first', () => {
    for (const writesFirst of ['original', 'clone', 'both'] as const) {
      const { world, a } = three()
      world.transact(a, [add('shared'), count(1n)])
      settle(world)
      const clone = world.addNode(new Map(a.rows))
      expect(clone.core.replica).toBe(a.core.replica)
      if (writesFirst !== 'clone') world.transact(a, [add('original'), count(10n)])
      if (writesFirst !== 'original') world.transact(clone, [add('clone'), count(100n)])
      world.run(500)
      settle(world)
      world.transact(a, [count(1_000n)])
      world.transact(clone, [count(10_000n)])
      settle(world)
      expect(clone.core.replica).not.toBe(a.core.replica)
      const sum =
        11_001n + (writesFirst === 'clone' ? 0n : 10n) + (writesFirst === 'original' ? 0n : 100n)
      for (const node of world.nodes) expect(node.core.view('main').counter('n')).toBe(sum)
    }
  })

  it('is kept when a peer was only behind, and when a peer claims without proof', () => {
    const { world, a, b } = three()
    world.transact(a, [add('one')])
    settle(world)
    const former = a.core.replica
    world.cut(a, b)
    world.filter = () => false
    world.transact(a, [add('two')])
    world.run(3_000)
    world.filter = () => true
    settle(world)
    expect(a.core.replica).toBe(former)
    expect(world.nodes.flatMap((node) => world.told(node, 'alarm'))).toEqual([])
  })

  it('survives any schedule of restored backups and lost disks', () => {
    let renewals = 0
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 2, max: 4 }),
        faults,
        fc.array(step, { maxLength: 25, size: 'max' }),
        fc.array(step, { maxLength: 25, size: 'max' }),
        fc.array(step, { maxLength: 12, size: 'max' }),
        fc.boolean(),
        (seed, nodes, faultsOn, first, second, alone, isShort) => {
          const tunables = isShort ? { snapshotTailBytes: 200 } : {}
          const loss = Math.min(0.1, faultsOn.loss)
          const world = new World({ seed, nodes, faults: { ...faultsOn, loss }, tunables })
          const victim = world.node(seed % nodes)
          world.linkAll()
          play(world, first)
          const backup = new Map(victim.rows)
          play(world, second)
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          rollBack(world, victim, backup)
          for (const item of alone) {
            if (item.type === 'write') world.transact(victim, item.operations)
            else if (item.type === 'run') world.run(item.ms)
          }
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          const expected = oracleState(world.events.get('main')?.values() ?? [])
          for (const node of world.nodes) expectShows(node.core.view('main'), expected)
          renewals += world.told(victim, 'alarm').length
          for (const node of world.nodes) world.crash(node)
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          for (const node of world.nodes) expectShows(node.core.view('main'), expected)
        },
      ),
      { numRuns: 200, endOnFailure: true },
    )
    expect(renewals).toBeGreaterThan(40)
  })
})
