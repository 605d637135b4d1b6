import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Operation } from '../../src/crdt/operation.ts'
import { oracleState } from './oracle.ts'
import { faults, heal, play, step } from './schedule.ts'
import { expectShows } from './shows.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

const SHORT = { snapshotTailBytes: 100, logBytesMax: 1 }
const add = (value: string): Operation => ({ type: 'set-add', object: 's', values: [value] })

function logKeys(node: Node): readonly string[] {
  return [...node.rows.keys()].filter((key) => key.startsWith('state!log!')).sort()
}

function keyOf(keys: readonly string[], index: number): string {
  const key = keys[index]
  if (key === undefined) throw new Error('no such row')
  return key
}

function damageAlarms(world: World, node: Node): readonly string[] {
  const reasons = world.told(node, 'alarm').map(({ reason }) => reason)
  return reasons.filter((reason) => reason.startsWith('state-damaged:'))
}

function settle(world: World): void {
  heal(world)
  expect(world.converge(60_000)).toBeDefined()
}

/** Nodes a, b and c; a has written 0 … 4 in rows of their own, and b and c have all of it. */
function written(tunables = {}): { world: World; a: Node; b: Node } {
  const world = new World({ seed: 5, nodes: 3, faults: NO_FAULTS, tunables })
  world.linkAll()
  for (let i = 0; i < 5; i++) {
    world.transact(world.node(0), [add(`${i}`), { type: 'counter-add', object: 'n', amount: 1n }])
    world.run(500)
  }
  expect(world.converge(10_000)).toBeDefined()
  return { world, a: world.node(0), b: world.node(1) }
}

describe('a damaged row', () => {
  test.each([
    ['the first', 0],
    ['one in the middle', 2],
    ['the last', -1],
  ])('%s of the log is not missed by anybody', (_name, index) => {
    const { world, a } = written()
    const former = a.core.replica
    world.crash(a)
    const keys = logKeys(a)
    const key = keyOf(keys, index < 0 ? keys.length + index : index)
    world.start(a, [key])
    expect(damageAlarms(world, a)).toHaveLength(1)
    expect(a.core.replica).not.toBe(former)
    world.transact(a, [add('after')])
    settle(world)
    expect(a.core.view('main').setValues('s')).toEqual(['0', '1', '2', '3', '4', 'after'])
    expect(a.core.view('main').counter('n')).toBe(5n)
    const renewed = a.core.replica
    for (let i = 0; i < 3; i++) {
      world.crash(a)
      world.start(a)
      settle(world)
    }
    expect(damageAlarms(world, a)).toHaveLength(1)
    expect(a.core.replica).toBe(renewed)
    expect(world.nodes.flatMap((node) => world.told(node, 'dropped'))).toEqual([])
  })

  it('costs nothing that only this store had, if it came later', () => {
    const { world, a, b } = written()
    const keys = logKeys(a)
    for (const other of world.nodes) world.cut(a, other)
    world.transact(a, [add('only here')])
    world.run(100)
    world.crash(a)
    world.start(a, [keyOf(keys, 1)])
    expect(a.core.view('main').setValues('s')).toEqual(['0'])
    world.transact(a, [add('meanwhile')])
    world.run(100)
    world.crash(a)
    world.start(a)
    settle(world)
    const values = ['0', '1', '2', '3', '4', 'meanwhile', 'only here']
    expect(a.core.view('main').setValues('s')).toEqual(values)
    expect(b.core.view('main').setValues('s')).toEqual(values)
  })

  test.each([0, 1, 2, 3, 4])('%s before a reissue does not bring totals twice', (index) => {
    const { world, a } = written()
    const count = (amount: bigint): Operation => ({ type: 'counter-add', object: 'n', amount })
    const backup = new Map(a.rows)
    world.transact(a, [count(10n)])
    settle(world)
    world.crash(a)
    world.restore(a, backup)
    world.start(a)
    world.transact(a, [count(100n)])
    world.transact(a, [count(1_000n)])
    world.run(100)
    settle(world)
    expect(world.told(a, 'alarm')[0]?.reason).toContain('identity-reused: group main: 2 events')
    world.crash(a)
    world.start(a, [keyOf(logKeys(a), index)])
    heal(world)
    for (let ms = 0; ms < 1_000; ms++) {
      expect(a.core.view('main').counter('n')).toBeLessThanOrEqual(1_115n)
      world.run(1)
    }
    settle(world)
    for (const node of world.nodes) expect(node.core.view('main').counter('n')).toBe(1_115n)
  })

  test.each(['manifest', 'chunk', 'replica'])('of a snapshot or identity: %s', (type) => {
    const { world, a } = written(SHORT)
    world.crash(a)
    const key = [...a.rows.keys()].find((name) => {
      if (type === 'replica') return name === 'state!replica'
      return name.startsWith('state!base!') && name.split('!').length === (type === 'chunk' ? 5 : 3)
    })
    world.start(a, [key ?? 'none'])
    if (type !== 'replica') expect(a.core.view('main').setValues('s')).toEqual([])
    world.transact(a, [add('after')])
    settle(world)
    for (let i = 0; i < 2; i++) {
      world.crash(a)
      world.start(a)
      expect(a.core.view('main').setValues('s')).toEqual(['0', '1', '2', '3', '4', 'after'])
    }
    settle(world)
    expect(damageAlarms(world, a)).toHaveLength(type === 'replica' ? 0 : 1)
  })

  it('of any kind, in any schedule, leads to what the others hold and what was kept', () => {
    let damages = 0
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 2, max: 4 }),
        faults,
        fc.array(step, { maxLength: 40, size: 'max' }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (seed, nodes, faultsOn, steps, picks, isShort) => {
          const loss = Math.min(0.1, faultsOn.loss)
          const tunables = isShort ? SHORT : {}
          const world = new World({ seed, nodes, faults: { ...faultsOn, loss }, tunables })
          world.linkAll()
          play(world, steps)
          const victim = world.node(seed % nodes)
          world.run(200)
          if (victim.isUp) world.crash(victim)
          const keys = [...victim.rows.keys()].filter((key) => key.startsWith('state!'))
          fc.pre(keys.length > 0)
          const damaged = [...new Set(picks.map((pick) => keyOf(keys, pick % keys.length)))]
          world.start(victim, damaged)
          damages += damageAlarms(world, victim).length
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          const before = damageAlarms(world, victim).length
          for (const node of world.nodes) world.crash(node)
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          expect(damageAlarms(world, victim)).toHaveLength(before)
          const vector = victim.core.vector('main')
          const events = [...(world.events.get('main')?.values() ?? [])]
          const held = events.filter(({ replica, n }) => {
            return [...vector].some(([id, have]) => id === replica && n <= have)
          })
          const expected = oracleState(held)
          for (const node of world.nodes) expectShows(node.core.view('main'), expected)
        },
      ),
      { numRuns: 200, endOnFailure: true },
    )
    expect(damages).toBeGreaterThan(50)
  })

  it('of a backup that was put back and written on ends with equal members', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 2, max: 4 }),
        faults,
        fc.array(step, { maxLength: 25, size: 'max' }),
        fc.array(step, { maxLength: 25, size: 'max' }),
        fc.array(step, { maxLength: 12, size: 'max' }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (seed, nodes, faultsOn, first, second, alone, picks, isShort) => {
          const loss = Math.min(0.1, faultsOn.loss)
          const tunables = isShort ? SHORT : {}
          const world = new World({ seed, nodes, faults: { ...faultsOn, loss }, tunables })
          const victim = world.node(seed % nodes)
          world.linkAll()
          play(world, first)
          const backup = new Map(victim.rows)
          play(world, second)
          settle(world)
          world.crash(victim)
          world.restore(victim, backup)
          const keys = [...backup.keys()].filter((key) => key.startsWith('state!'))
          fc.pre(keys.length > 0)
          const damaged = [...new Set(picks.map((pick) => keyOf(keys, pick % keys.length)))]
          world.start(victim, seed % 3 === 0 ? [] : damaged)
          for (const item of alone) {
            if (item.type === 'write') world.transact(victim, item.operations)
            else if (item.type === 'run') world.run(item.ms)
          }
          world.run(100)
          world.crash(victim)
          for (let i = 0; i < 2; i++) {
            heal(world)
            // Repairs of states that differ come every ten seconds, one peer after the other.
            expect(world.converge(600_000)).toBeDefined()
            for (const node of world.nodes) world.crash(node)
          }
        },
      ),
      { numRuns: 200, endOnFailure: true },
    )
  })
})
