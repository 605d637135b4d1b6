import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { parseReplicaId, type ReplicaId } from '../../src/base/ids.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { RunReader } from '../../src/crdt/run-reader.ts'
import { Group } from '../../src/replication/group/group.ts'
import { REPLICATION_DEFAULTS } from '../../src/replication/options.ts'
import { replicaOf, type WrittenEvent } from '../crdt/encoded.ts'
import { type Part, rawRun } from '../crdt/raw-run.ts'
import { element, first } from '../crdt/run-samples.ts'
import { type Frame, Liar, push, runsOf } from './liar.ts'
import { Pen } from './pen.ts'

const E = replicaOf('e')
const add = (...values: readonly string[]): Operation => ({ type: 'set-add', object: 's', values })
const remove = (...values: readonly string[]): Operation => ({
  type: 'set-remove',
  object: 's',
  values,
})

/** Events that each kill dots which nobody has, all in a few bytes. */
function massKills(events: number, kills: number): readonly WrittenEvent[] {
  return Array.from({ length: events }, (_, i) => {
    const dots = Array.from({ length: kills }, (_dot, k) => ({
      replica: replicaOf('d'),
      n: 1 + i * kills + k,
    }))
    return first(1000 + i, undefined, dots)
  })
}

describe('kills of dots that nobody has', () => {
  test('wait in bounded room, in all groups together', () => {
    const liar = new Liar({ waitingKillsMax: 2_500 })
    liar.meet()
    const runs = [...runsOf(massKills(4, 1_000))]
    liar.says(push(...runs.slice(0, 1)), { ...push(...runs), group: 'other' })
    liar.world.run(100)
    expect(liar.target.core.vector('main').get(E)).toBe(1)
    expect(liar.target.core.vector('other').get(E)).toBe(1)
    expect(liar.dropped()).toContain('kills-limit')
    // Everybody else goes on.
    liar.world.transact(liar.honest, [add('x', 'y')])
    liar.world.transact(liar.honest, [remove('x')])
    liar.world.run(5_000)
    expect(liar.target.core.view('main').setValues('s')).toEqual(['y'])
    expect(liar.isEqual()).toBe(true)
  })

  test('wait in bounded room when a base brings them', () => {
    const liar = new Liar({ waitingKillsMax: 1_000 })
    liar.meet()
    const { session } = liar.provoke()
    const pendingKills = Array.from({ length: 1_001 }, (_, i) => i + 1)
    const chain = { high: 1, low: 1 }
    const head = [{ replica: E, have: 0, chain, pendingKills }]
    liar.says({ type: 'base', group: 'main', session, head, items: [] })
    expect(liar.dropped()).toContain('kills-limit')
  })

  test('make room for others once their events have come, whatever the order', () => {
    const [a, b] = [new Pen(replicaOf('a')), new Pen(replicaOf('b'))]
    for (let i = 0; i < 20; i++) a.write(add(`${i}`))
    b.follow(a)
    for (let i = 0; i < 20; i++) b.write(remove(`${i}`))
    const killRoom = (): number => 5 - group.state.pendingKillCount()
    const group: Group = new Group('main', REPLICATION_DEFAULTS, new RunReader(), { killRoom })
    const removals = b.take().flatMap((bytes) => [bytes])
    expect(removals).toHaveLength(2)
    const [own] = b.packed()
    if (own === undefined) throw new Error('b has written')
    expect(group.receive(own)).toEqual({ type: 'dropped', reason: 'kills-limit' })
    for (const run of b.packed(0, a.self)) expect(group.receive(run).type).toBe('integrated')
    expect(group.receive(own).type).toBe('integrated')
    expect(group.digest()).toEqual(b.group.digest())
  })

  test('of one frame are so many that it holds nobody up', () => {
    const liar = new Liar()
    liar.meet()
    const runs = [...runsOf(massKills(8, 65_536))]
    expect(runs.reduce((sum, run) => sum + run.length, 0)).toBeLessThan(600)
    liar.says(push(...runs))
    expect(liar.target.core.vector('main').get(E)).toBe(5)
    expect(liar.dropped()).toContain('sync-frame-kills-limit')
    // Neither by runs that are no good in the end.
    const broken = runs.map((run) => Uint8Array.of(...run.subarray(0, -9), 0, ...run.subarray(-8)))
    const before = liar.world.told(liar.target, 'dropped').length
    liar.says(push(...broken.slice(0, 1), ...broken))
    expect(liar.world.told(liar.target, 'dropped').length - before).toBeLessThanOrEqual(7)
  })

  test('of very many replicas are refused before they are looked for one by one', () => {
    const ids = (count: number): readonly Part[] =>
      Array.from({ length: count }, (_, i) => [
        i + 1,
        (i + 1).toString(16).padStart(32, '0'),
        1,
        0,
      ]).flat()
    const read = (count: number): unknown =>
      new RunReader().read(rawRun({}, Uint8Array.of(0x60), 0, count, ...ids(count)))
    expect(read(4_095)).toMatchObject({ ok: true })
    expect(read(4_096)).toEqual({ ok: false, reason: 'too many replicas' })
  })
})

describe('claims about our own events', () => {
  /** How long our writes do not reach the honest node, of a minute and more of lies. */
  function withheld(answer: (liar: Liar, asked: number) => void): {
    readonly liar: Liar
    readonly waitsMax: number
  } {
    const liar = new Liar()
    liar.meet()
    for (let i = 0; i < 40; i++) liar.world.transact(liar.target, [add(`before ${i}`)])
    liar.world.run(2_000)
    let written = 0
    let [waits, waitsMax] = [0, 0]
    liar.every(500, 400, () => {
      waits = liar.isEqual() ? 0 : waits + 500
      waitsMax = Math.max(waitsMax, waits)
      const { replica } = liar.target.core
      liar.says({ type: 'fork', group: 'main', replica, n: 1 })
      answer(liar, liar.count('trace') === 0 ? 0 : (liar.last('trace').dots.at(-1) ?? 0))
      written += 1
      liar.world.transact(liar.target, [add(`${written}`)])
    })
    return { liar, waitsMax }
  }

  const chains = (liar: Liar, asked: number, have: number): void => {
    const { replica } = liar.last('trace')
    liar.says({ type: 'chains', group: 'main', replica, asked, have, chains: [] })
  }

  test('do not keep them from others for ever when answers are of no use', () => {
    const { liar, waitsMax } = withheld((each, asked) => {
      if (each.count('trace') > 0) chains(each, asked + 1, 5)
    })
    expect(liar.count('trace')).toBeGreaterThan(4)
    expect(waitsMax).toBeLessThanOrEqual(9_000)
    expect(liar.dropped()).toContain('identity-claim')
  })

  test('do not keep them from others for ever when answers lead hardly anywhere', () => {
    let told = 0
    const { waitsMax } = withheld((each, asked) => {
      if (each.count('trace') === 0) return
      // One event further, then back to all that are left.
      if (asked > told + 1) chains(each, asked, told + 1)
      else {
        told = asked
        chains(each, asked, 1_000_000)
      }
    })
    expect(waitsMax).toBeLessThanOrEqual(11_000)
  })

  /** What the target itself tells of its events. */
  function truth(liar: Liar): Frame<'chains'> {
    const { replica, dots, group } = liar.last('trace')
    liar.says({ type: 'trace', group, replica, dots })
    liar.world.run(5)
    return liar.last('chains')
  }

  test('cost an id or two, however often more is claimed than was written', () => {
    const { liar } = withheld((each) => {
      if (each.count('trace') === 0) return
      const told = truth(each)
      each.says({ ...told, have: 1_000_000 })
    })
    liar.world.run(20_000)
    // What it wrote while it was asked is issued again.
    expect(liar.target.core.vector('main').size).toBeLessThanOrEqual(3)
    expect(liar.world.told(liar.target, 'alarm')).toHaveLength(1)
    expect(liar.honest.core.view('main').setSize('s')).toBe(440)
    expect(liar.isEqual()).toBe(true)
  })

  test('cost few ids and no value, however often another history is claimed', () => {
    const { liar } = withheld((each) => {
      if (each.count('trace') === 0) return
      const told = truth(each)
      const other = told.chains.map((item) => ({ ...item, chain: { high: 1, low: 1 }, stamp: 1 }))
      each.says({ ...told, chains: other })
    })
    liar.world.run(20_000)
    expect(liar.target.core.vector('main').size).toBeLessThanOrEqual(17)
    expect(liar.honest.core.view('main').setSize('s')).toBe(440)
    expect(liar.isEqual()).toBe(true)
  })

  test('are heard from a peer a few times only, though it comes again', () => {
    const liar = new Liar()
    liar.meet()
    liar.world.transact(liar.honest, [add('x')])
    liar.world.run(1_000)
    const { replica } = liar.honest.core
    liar.every(50, 100, () => {
      liar.world.cut(liar.target, liar.node)
      liar.world.link(liar.target, liar.node)
      liar.says({ type: 'fork', group: 'main', replica, n: 1 })
    })
    expect(liar.count('trace')).toBe(16)
    liar.world.run(600_000)
    liar.says({ type: 'fork', group: 'main', replica, n: 1 })
    liar.world.run(5)
    expect(liar.count('trace')).toBe(17)
  })
})

describe('acks', () => {
  test('of very many events are looked up without reading any', () => {
    const liar = new Liar()
    liar.meet()
    const { world, target } = liar
    world.transact(target, [add(...Array.from({ length: 4_000 }, (_, i) => `${i}`))])
    world.transact(target, [add('last')])
    world.run(1_000)
    const { hash } = liar.last('digest').items[0]?.past?.vector[0] ?? { hash: 0 }
    expect(hash).not.toBe(0)
    const vector = Array.from({ length: 10_000 }, (_, i) => ({
      hash,
      n: 1 + (i % 4_000),
      check: 1,
    }))
    let reads = 0
    const read = RunReader.prototype.read
    RunReader.prototype.read = function counted(this: RunReader, bytes) {
      reads += 1
      return read.call(this, bytes)
    }
    liar.says({ type: 'ack', group: 'main', vector })
    RunReader.prototype.read = read
    expect(reads).toBe(0)
  })
})

/** How many runs are read meanwhile. */
function readsDuring(action: () => void): number {
  let reads = 0
  const { read } = RunReader.prototype
  RunReader.prototype.read = function counted(this: RunReader, bytes) {
    reads += 1
    return read.call(this, bytes)
  }
  try {
    action()
  } finally {
    RunReader.prototype.read = read
  }
  return reads
}

test('ids that look like those of branches are compared with writers a few at a time', () => {
  const liar = new Liar()
  liar.meet()
  const idOf = (head: string, i: number): ReplicaId =>
    present(parseReplicaId(`${head}${i.toString(16).padStart(28, '0')}`), 'replica id')
  const events = [first(1000, element('x')), first(1001, element('y'))]
  const runs = Array.from({ length: 40 }, (_, i) => [...runsOf(events, idOf('aaaa', i))]).flat()
  // Each says that it branches off after no event of whomever it may be.
  const branches = Array.from({ length: 400 }, (_, i) => [
    ...runsOf([first(1000, element('z'))], idOf('f07c', i)),
  ])
  liar.says(push(...runs))
  const reads = readsDuring(() => liar.says(push(...branches.flat())))
  expect(reads).toBeLessThan(400 + 200)
  const later = readsDuring(() => {
    liar.every(1, 2_200, () => liar.says({ type: 'equal', hash: new Uint8Array(8) }))
  })
  // All that are looked at have been compared with all in the end, once.
  expect(later).toBeGreaterThan(10_000)
  expect(later).toBeLessThan(256 * 440 * 1.1)
})
