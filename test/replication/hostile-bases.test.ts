import { describe, expect, test } from 'vitest'
import { parseReplicaId, type ReplicaId } from '../../src/base/ids.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import type { BaseItem } from '../../src/replication/base/base.ts'
import { Fragments } from '../../src/replication/sync/fragments.ts'
import { PIECE_BYTES, type SyncFrame } from '../../src/replication/sync/frames.ts'
import { replicaOf } from '../crdt/encoded.ts'
import { type Part, raw, text } from '../crdt/raw-run.ts'
import { type Frame, Liar } from './liar.ts'

const E = replicaOf('e')
const FAR = 2 ** 40

function idOf(i: number): ReplicaId {
  const id = parseReplicaId(i.toString(16).padStart(32, '0'))
  if (id === undefined) throw new Error('32 digits are an id')
  return id
}

const add = (...values: readonly string[]): Operation => ({ type: 'set-add', object: 's', values })

function base(session: number, have: number, items: readonly BaseItem[]): Frame<'base'> {
  const head = [{ replica: E, have, chain: { high: 1, low: 1 }, pendingKills: [] }]
  return { type: 'base', group: 'main', session, head, items }
}

/** A run in entries mode of many entries, all of one element: 256 of them take three bytes. */
function dense(from: number, groups: number): Uint8Array {
  const first: readonly Part[] = [
    Uint8Array.of(0x41),
    0,
    text('s'),
    1,
    1,
    Uint8Array.of(255),
    '61'.repeat(256),
  ]
  const rest: readonly Part[] = [Uint8Array.of(0x49), 2, Uint8Array.of(255)]
  const parts = Array.from({ length: groups - 1 }, () => rest).flat()
  return raw(Uint8Array.of(0x21), E, from, groups * 256, 0, ...first, ...parts)
}

/** A target that has had very many events of a writer, none of which lives. */
function dug(): Liar {
  const liar = new Liar()
  liar.meet(false)
  const { session } = liar.provoke()
  const nothing = {
    writer: 0,
    from: 1,
    to: FAR,
    mode: 'entries',
    bytes: new Uint8Array(0),
  } as const
  liar.says(base(session, FAR, [nothing]), end(session))
  liar.world.run(50)
  expect(liar.target.core.vector('main').get(E)).toBe(FAR)
  return liar
}

function end(session: number): Frame<'end'> {
  const digest = new Uint8Array(16)
  const rest = { hasMore: false, isPartial: false, digest, cursor: undefined }
  return { type: 'end', group: 'main', session, ...rest }
}

function rowOf(
  count: number,
  dots: number,
  item: (from: number) => Pick<BaseItem, 'mode' | 'bytes'>,
): readonly BaseItem[] {
  return Array.from({ length: count }, (_, i) => {
    const from = 1 + i * dots
    return { writer: 0, from, to: from + dots - 1, ...item(from) }
  })
}

describe('a part of a base', () => {
  test('brings no more entries than honest ones do, however few bytes they take', () => {
    const liar = new Liar()
    liar.meet(false)
    const { session } = liar.provoke()
    const bytes = dense(1, 64)
    expect(bytes.length).toBeLessThan(600)
    const items = rowOf(2, 16_384, (from) => ({ mode: 'entries', bytes: dense(from, 64) }))
    liar.says(base(session, FAR, items))
    expect(liar.dropped()).toContain('sync-base-malformed')
    expect(liar.target.core.status('main').events).toBe(0)
    // Such a part is taken alone.
    const next = liar.provoke()
    liar.says(base(next.session, 16_384, items.slice(0, 1)), end(next.session))
    expect(liar.target.core.status('main').events).toBe(16_384)
  })

  test.each<[string, number, Pick<BaseItem, 'mode' | 'bytes'>]>([
    ['patterns that repeat', 65_536, { mode: 'gaps', bytes: Uint8Array.of(0x10, 0x55, 0) }],
    ['sums of blocks', 65_536, { mode: 'sums', bytes: new Uint8Array(64 * 8).fill(1) }],
  ])('holds few %s', (_what, dots, item) => {
    const liar = dug()
    const drops = (): number => liar.world.told(liar.target, 'dropped').length
    const { session } = liar.provoke()
    const [before, items] = [drops(), rowOf(64, dots, () => item)]
    liar.says(base(session, FAR, items.slice(0, 8)))
    expect(drops()).toBe(before)
    liar.says(base(session, FAR, items))
    expect(drops()).toBe(before + 1)
    expect(liar.dropped()).toContain('sync-base-malformed')
  })

  test('compares few blocks by one item', () => {
    const liar = dug()
    const { session } = liar.provoke()
    const bytes = new Uint8Array(20_000 * 8).fill(1)
    liar.says(
      base(
        session,
        FAR,
        rowOf(1, 20_000 * 1_024, () => ({ mode: 'sums', bytes })),
      ),
    )
    expect(liar.dropped()).toContain('sync-base-malformed')
  })

  test('begins a base a few times an answer only', () => {
    const liar = new Liar()
    liar.meet(false)
    const { session } = liar.provoke()
    for (let i = 0; i < 8; i++) liar.says(base(session, FAR, []))
    expect(liar.dropped()).not.toContain('sync-base-malformed')
    liar.says(base(session, FAR, []))
    expect(liar.dropped()).toContain('sync-base-malformed')
  })

  test('of an old session, or of none, changes nothing', () => {
    const liar = new Liar()
    liar.meet()
    liar.world.transact(liar.target, [add('x')])
    liar.world.run(1_000)
    const old = liar.provoke().session
    liar.world.cut(liar.target, liar.node)
    liar.world.link(liar.target, liar.node)
    liar.world.run(1_500)
    const { session } = liar.provoke()
    expect(session).not.toBe(old)
    const have = 1
    const killed = { writer: 0, from: 1, to: 1, mode: 'runs', bytes: Uint8Array.of(0, 1) } as const
    const chain = { high: 1, low: 1 }
    const head = [{ replica: liar.target.core.replica, have, chain, pendingKills: [] }]
    for (const each of [0, old, session + 1]) {
      liar.says({ type: 'base', group: 'main', session: each, head, items: [killed] }, end(each))
      liar.says({ ...base(each, 5, []), head: undefined })
    }
    expect(liar.dropped()).toEqual(new Set(['sync-base-unasked']))
    expect(liar.target.core.view('main').setValues('s')).toEqual(['x'])
  })
})

describe('a pull', () => {
  test('makes no replicas of those that it invents', () => {
    const liar = new Liar()
    liar.meet()
    liar.world.transact(liar.target, [add('x')])
    liar.world.run(100)
    const invented = Array.from({ length: 4_095 }, (_, i) => ({
      replica: idOf(i + 1),
      n: 0,
    }))
    const covered = [{ replica: liar.target.core.replica, n: 1 }, ...invented]
    expect(covered).toHaveLength(4_096)
    for (let from = 0; from < covered.length; from += 4_000) {
      const blocks = Array.from({ length: 4_000 }, (_, i) => ({
        writer: Math.min(4_095, from + i),
        n: 0,
      }))
      const [cursor, rest] = [
        { writer: covered.length, n: 1 },
        { credit: 1, partials: [] },
      ]
      const asked = { vector: [], ...rest, base: { covered, cursor, blocks } } as const
      liar.says({ type: 'pull', group: 'main', session: 1, ...asked })
    }
    liar.world.transact(liar.honest, [add('y')])
    liar.world.run(1_000)
    expect(liar.target.core.view('main').setValues('s')).toEqual(['x', 'y'])
  })

  test('that never ends and is fed for ever is no reason not to ask others', () => {
    const liar = new Liar()
    liar.meet()
    // What the honest node writes is not pushed: it has to be asked.
    const { filter } = liar.world
    liar.world.filter = (from, to, bytes) => {
      const isPush = bytes[0] === 0x25 && bytes[2] === 0
      return !(from === liar.honest && isPush) && filter(from, to, bytes)
    }
    let { session } = liar.provoke()
    liar.world.transact(liar.honest, [add('x')])
    const item = { writer: 0, mode: 'entries', bytes: new Uint8Array(0) } as const
    liar.every(500, 400, (i) => {
      const last = liar.last('pull')
      const isNew = last.session !== session || i === 0
      session = last.session
      if (isNew) liar.says(base(session, FAR, []))
      const from = last.base?.cursor.n ?? 1
      for (let n = from; n < from + 400; n++)
        liar.says({ ...base(session, 0, [{ ...item, from: n, to: n }]), head: undefined })
      if (i % 20 === 0) liar.provoke()
    })
    expect(liar.target.core.view('main').setValues('s')).toEqual(['x'])
  })
})

test('runs of which a byte has come cost room of their own', () => {
  const fragments = new Fragments(20_000)
  const piece = (n0: number, index: number): Parameters<Fragments['add']>[0] => ({
    group: 'main',
    replica: E,
    n0,
    total: PIECE_BYTES + 1,
    index,
    bytes: new Uint8Array(index === 0 ? PIECE_BYTES : 1),
  })
  for (let n0 = 1; n0 <= 30; n0++) fragments.add(piece(n0, 1))
  expect(fragments.add(piece(30, 0)).whole).toHaveLength(PIECE_BYTES + 1)
  expect(fragments.add(piece(1, 0)).whole).toBeUndefined()
})

describe('small questions', () => {
  const second = { serveBytesPerSecond: 64 << 20 }

  /** How often a question is answered at once. */
  function answered(liar: Liar, frame: SyncFrame, type: SyncFrame['type']): number {
    const before = liar.count(type)
    for (let i = 0; i < 10_000; i++) liar.says(frame)
    liar.world.run(20)
    return liar.count(type) - before
  }

  test('about all groups have few answers', () => {
    const liar = new Liar(second)
    liar.meet(false)
    for (let i = 0; i < 100; i++) liar.world.transact(liar.target, [add('x')], `group ${i}`)
    liar.world.run(50)
    // 16 MiB of a burst, 1 KiB for each of 101 groups.
    const summary = { type: 'summary', hash: new Uint8Array(8) } as const
    expect(answered(liar, summary, 'digest')).toBe(163)
    expect(liar.dropped()).toContain('sync-rate')
  })

  test('about very many dots have few answers', () => {
    const liar = new Liar(second)
    liar.meet(false)
    liar.world.transact(liar.target, [add(...Array.from({ length: 3_000 }, (_, i) => `${i}`))])
    liar.world.run(50)
    const vector = [{ replica: liar.target.core.replica, n: 3_000 }]
    const rest = { group: 'main', session: 1, credit: 1, partials: [] } as const
    const walk = { covered: [], cursor: { writer: 0, n: 1 }, blocks: [] }
    const pull = { type: 'pull', vector, ...rest, base: walk } as const
    expect(answered(liar, pull, 'end')).toBeLessThanOrEqual(Math.ceil((16 << 20) / 7_000))
    liar.world.run(1_000)
    const blocks = Array.from({ length: 1_000 }, () => ({ writer: 0, n: 1 }))
    const cursor = { writer: 1, n: 1 }
    const asked = { ...pull, base: { covered: vector, cursor, blocks } }
    expect(answered(liar, asked, 'end')).toBeLessThanOrEqual(17)
  })
})
