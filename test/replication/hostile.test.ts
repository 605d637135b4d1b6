import { describe, expect, test } from 'vitest'
import type { Operation } from '../../src/crdt/operation.ts'
import { RunReader } from '../../src/crdt/run-reader.ts'
import { Group } from '../../src/replication/group.ts'
import { REPLICATION_DEFAULTS } from '../../src/replication/options.ts'
import { replicaOf, type WrittenEvent } from '../crdt/encoded.ts'
import { type Part, rawRun } from '../crdt/raw-run.ts'
import { first } from '../crdt/run-samples.ts'
import { Liar, push, runsOf } from './liar.ts'
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
    const group: Group = new Group('main', REPLICATION_DEFAULTS, new RunReader(), () => {
      return 5 - group.state.pendingKillCount()
    })
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
    expect(read(9_999)).toMatchObject({ ok: true })
    expect(read(10_000)).toEqual({ ok: false, reason: 'too many replicas' })
  })
})
