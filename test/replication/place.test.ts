import { describe, expect, it, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { Replication } from '../../src/replication/replication.ts'
import { parseRow, placeRow } from '../../src/replication/store/rows.ts'
import { heal } from './schedule.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

const add = (value: string): Operation => ({ type: 'set-add', object: 's', values: [value] })
const count = (amount: bigint): Operation => ({ type: 'counter-add', object: 'n', amount })

/** Three nodes with a place each; the first has written in two groups. */
function three(): { world: World; a: Node } {
  const world = new World({ seed: 3, nodes: 0, faults: NO_FAULTS })
  for (const place of ['one', 'two', 'three']) world.addNode(new Map(), place)
  world.linkAll()
  const a = world.node(0)
  world.transact(a, [add('shared'), count(1n)])
  world.transact(a, [add('shared')], 'other')
  settle(world)
  return { world, a }
}

function settle(world: World): void {
  heal(world)
  expect(world.converge(60_000)).toBeDefined()
}

function reasons(world: World, node: Node): readonly string[] {
  return world.told(node, 'alarm').map(({ reason }) => reason)
}

function writers(node: Node, group = 'main'): readonly string[] {
  return [...node.core.vector(group).keys()]
}

const RENEWED =
  /^identity-renewed: the data directory was copied, moved or cut off unsynced: it is written as [0-9a-f]{32} /

describe('a store that lies elsewhere than at its last start', () => {
  it('writes under another id from the first write on, before it meets anybody', () => {
    const { world, a } = three()
    const former = a.core.replica
    const clone = world.addNode(new Map(a.rows), 'elsewhere')
    expect(clone.core.replica).not.toBe(former)
    expect(reasons(world, clone)).toEqual([expect.stringMatching(RENEWED)])
    expect(reasons(world, clone)[0]).toContain(clone.core.replica)
    expect(clone.core.view('main').setValues('s')).toEqual(['shared'])
    for (const [node, text, amount] of [
      [a, 'original', 10n],
      [clone, 'clone', 100n],
    ] as const) {
      world.transact(node, [add(text), count(amount)])
      world.transact(node, [add(text)], 'other')
    }
    world.run(100)
    settle(world)
    for (const node of world.nodes) {
      expect(node.core.view('main').counter('n')).toBe(111n)
      for (const group of ['main', 'other']) {
        expect(node.core.view(group).setValues('s')).toEqual(['clone', 'original', 'shared'])
        expect(writers(node, group).toSorted()).toEqual([former, clone.core.replica].sort())
      }
    }
    // Nobody had to find out, and nothing is said twice.
    expect(world.nodes.flatMap((node) => reasons(world, node))).toHaveLength(1)
  })

  it('keeps the new id where it stays, and the original keeps the old one', () => {
    const { world, a } = three()
    const former = a.core.replica
    const clone = world.addNode(new Map(a.rows), 'elsewhere')
    world.run(100)
    const renewed = clone.core.replica
    for (const node of [a, clone]) {
      world.crash(node)
      world.start(node)
    }
    expect([a.core.replica, clone.core.replica]).toEqual([former, renewed])
    expect(reasons(world, clone)).toHaveLength(1)
    expect(reasons(world, a)).toEqual([])
  })

  it('gives groups with an id of their own another one too', () => {
    const { world, a } = three()
    const backup = new Map(a.rows)
    world.transact(a, [add('later'), count(10n)])
    settle(world)
    world.crash(a)
    world.restore(a, backup)
    world.start(a)
    world.transact(a, [add('offline'), count(100n)])
    world.run(100)
    settle(world)
    const own = a.core.replica
    expect([...a.rows.keys()].filter((key) => key.startsWith('state!writer!'))).toHaveLength(1)

    const clone = world.addNode(new Map(a.rows), 'elsewhere')
    expect(clone.core.replica).not.toBe(own)
    world.transact(a, [count(1_000n)])
    world.transact(clone, [count(10_000n)])
    world.run(100)
    const renewed = clone.core.replica
    world.crash(clone)
    world.start(clone)
    expect(clone.core.replica).toBe(renewed)
    settle(world)
    for (const node of world.nodes) expect(node.core.view('main').counter('n')).toBe(11_111n)
    expect(reasons(world, clone)).toEqual([expect.stringMatching(RENEWED)])
  })

  it('renews again when a crash came before the new id was durable', () => {
    const { world, a } = three()
    const rows = new Map(a.rows)
    world.faults = { ...NO_FAULTS, diskMs: 1_000 }
    const clone = world.addNode(rows, 'elsewhere')
    const first = clone.core.replica
    world.crash(clone)
    world.start(clone)
    expect(new Set([a.core.replica, first, clone.core.replica]).size).toBe(3)
    expect(reasons(world, clone)).toHaveLength(2)
  })
})

describe('a store that does not say where it was written', () => {
  it('keeps its id and says it from then on', () => {
    const { world, a } = three()
    const former = a.core.replica
    world.crash(a)
    a.rows.delete('state!place')
    world.start(a)
    world.run(100)
    expect(a.core.replica).toBe(former)
    expect(reasons(world, a)).toEqual([])
    expect(a.rows.get('state!place')).toEqual(placeRow('one').value)
  })

  it('nor knows where it lies compares nothing', () => {
    const { world, a } = three()
    const former = a.core.replica
    world.crash(a)
    a.place = undefined
    world.start(a)
    expect(a.core.replica).toBe(former)
    expect(reasons(world, a)).toEqual([])
  })
})

describe('the row', () => {
  const damagedRows: readonly [string, readonly number[]][] = [
    ['of another version', [2, 1, 97]],
    ['without a version', []],
    ['too long', [1, 0x81, 2, ...Array.from({ length: 257 }, () => 97)]],
    ['not UTF-8', [1, 1, 0xff]],
    ['with a rest', [1, 1, 97, 97]],
  ]

  test.each(damagedRows)('%s is refused', (_name, bytes) => {
    const row = { key: 'state!place', value: Uint8Array.from(bytes) }
    expect(() => parseRow(row)).toThrow('Cannot load replicated state: row state!place')
  })

  test('holds any text of up to 256 bytes', () => {
    for (const place of ['', 'é'.repeat(128)]) {
      const { key, value } = placeRow(place)
      expect(parseRow({ key, value: value ?? new Uint8Array(0) })).toEqual({ type: 'place', place })
    }
    const core = new Replication({ random: seededRandom(1), place: 'é'.repeat(129) })
    expect(() => core.start(0)).toThrow('Cannot use option place: above 256 bytes: 258')
  })
})
