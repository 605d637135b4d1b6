import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareText, hex, utf8 } from '../../src/base/bytes.ts'
import { decodeOwnKey, encodeOwnKey } from '../../src/kv/own-keys.ts'
import { encodeManifest } from '../../src/records/manifest.ts'
import { RECORD_TTL_MS } from '../../src/records/record.ts'
import { KvCluster, type KvNode, START } from './kv-cluster.ts'

const HOUR = 3_600_000

/** Keys of a node, all pages of so many. */
function keysOf(world: KvCluster, node: KvNode, limit = 100): string[] {
  const keys: string[] = []
  for (let from: string | undefined = ''; from !== undefined; ) {
    const page = node.kv.ownKeys(from, limit, world.now)
    expect(page.keys.length).toBeLessThanOrEqual(limit)
    keys.push(...page.keys.map(({ kind, key }) => `${kind} ${key}`))
    from = page.next
  }
  return keys
}

describe('keys of one’s own', () => {
  it('are listed by their writer alone, wherever they are held', () => {
    const world = new KvCluster(12, { replication: 3 })
    const [ada, bea] = [world.node(0), world.node(1)]
    for (let i = 0; i < 20; i++) world.putNow(ada, `key ${String(i).padStart(2, '0')}`, 'x')
    world.putNow(bea, 'hers', 'x')
    const expected = Array.from(
      { length: 20 },
      (_, i) => `shared key ${String(i).padStart(2, '0')}`,
    )
    expect(keysOf(world, ada)).toEqual(expected)
    expect(keysOf(world, ada, 3)).toEqual(expected)
    expect(keysOf(world, bea)).toEqual(['shared hers'])
    const held = expected.filter((name) => world.held(ada, name.slice(7)) !== undefined)
    expect(held.length).toBeLessThan(20)
  })

  it('tell kind, version, size and end of each', () => {
    const world = new KvCluster(3)
    const node = world.node(0)
    const manifest = encodeManifest({
      bytes: 262_145,
      chunks: [utf8('a'.repeat(32)), utf8('b'.repeat(32))],
    })
    world.input(node, {
      type: 'put',
      request: 901,
      key: 'large',
      value: manifest,
      isManifest: true,
      level: 'one',
    })
    world.input(node, {
      type: 'put',
      request: 902,
      key: '-',
      kind: 'immutable',
      value: utf8('c'),
      isChunk: true,
      level: 'one',
    })
    const { version } = world.putNow(node, 'name', 'abc', { kind: 'owned', ttlMs: HOUR })
    const { key } = world.putNow(node, '-', 'fixed', { kind: 'immutable' })
    expect(node.kv.ownKeys('', 9, world.now).keys).toEqual([
      {
        kind: 'immutable',
        key,
        bytes: 5,
        version: expect.any(String),
        expiresAt: expect.any(Number),
      },
      {
        kind: 'shared',
        key: 'large',
        bytes: 262_145,
        version: expect.any(String),
        expiresAt: START + RECORD_TTL_MS,
      },
      {
        kind: 'owned',
        key: 'name',
        bytes: 3,
        version,
        expiresAt: expect.closeTo(START + HOUR, -2),
      },
    ])
  })

  it('leave when deleted, expired, or overwritten by others as far as is known', () => {
    const world = new KvCluster(5)
    const [ada, bea] = [world.node(0), world.node(1)]
    for (const key of ['deleted', 'overwritten', 'removed', 'kept']) world.putNow(ada, key, 'x')
    world.putNow(ada, 'short', 'x', { ttlMs: 1_000 })
    expect(keysOf(world, ada).length).toBe(5)
    world.delete(ada, 'deleted')
    world.putNow(bea, 'overwritten', 'y')
    world.delete(bea, 'removed')
    world.run(2_000)
    expect(keysOf(world, ada)).toEqual(['shared kept'])
    expect([...ada.rows.keys()].filter((row) => row.startsWith('kv!own!')).length).toBe(2)
    world.run(10_000)
    expect([...ada.rows.keys()].filter((row) => row.startsWith('kv!own!')).length).toBe(1)
  })

  it('leave when a read tells of a newer value of another member', () => {
    const world = new KvCluster(12, { replication: 3 })
    const replicas = world.replicas('a')
    const [ada, bea] = world.nodes.filter((node) => !replicas.includes(node))
    if (ada === undefined || bea === undefined) throw new Error('Twelve nodes are too few')
    world.putNow(ada, 'a', 'hers')
    world.putNow(bea, 'a', 'his')
    expect(keysOf(world, ada)).toEqual(['shared a'])
    expect(world.getNow(ada, 'a')).toBe('his')
    expect(keysOf(world, ada)).toEqual([])
  })

  it('are listed again with a new version when they are written again', () => {
    const world = new KvCluster(3)
    const node = world.node(0)
    world.putNow(node, 'a', 'x')
    const { version } = world.putNow(node, 'a', 'longer')
    const [key, ...others] = node.kv.ownKeys('', 9, world.now).keys
    expect([key?.version, key?.bytes, others]).toEqual([version, 6, []])
  })

  it('do not list what no replica took, nor what lost to a newer value', () => {
    const world = new KvCluster(12, { replication: 3 })
    const replicas = world.replicas('lost')
    const [ada, bea] = world.nodes.filter((node) => !replicas.includes(node))
    if (ada === undefined || bea === undefined) throw new Error('Twelve nodes are too few')
    bea.aheadMs = 60_000
    world.putNow(bea, 'lost', 'newer')
    expect(world.putNow(ada, 'lost', 'older').superseded).toBe(true)
    const away = world.add()
    world.view({ of: [away], members: world.nodes })
    world.isCut = (from) => from === away
    world.tamper = (from, bytes) => (from === away ? Uint8Array.of(99) : bytes)
    const request = world.put(away, 'refused', 'x')
    world.until(() => away.answers.has(request))
    expect([keysOf(world, ada), keysOf(world, away)]).toEqual([[], []])
  })

  it('survive a restart, and come back from their values when a row was lost', () => {
    const world = new KvCluster(3)
    const node = world.node(0)
    for (const key of ['a', 'b', 'c']) world.putNow(node, key, 'x')
    world.delete(node, 'b')
    world.run(1_000)
    const before = keysOf(world, node)
    world.kill(node)
    world.restart(node)
    expect(keysOf(world, node)).toEqual(before)
    world.kill(node)
    for (const row of node.rows.keys()) if (row.startsWith('kv!own!')) node.rows.delete(row)
    world.restart(node)
    expect(keysOf(world, node)).toEqual(before)
  })

  it('of writes that end without room on the disk are listed until the end of the process', () => {
    const world = new KvCluster(3)
    const node = world.node(0)
    const request = world.put(node, 'a', 'x')
    node.kv.isFull = true
    world.until(() => node.answers.has(request))
    expect(keysOf(world, node)).toEqual(['shared a'])
    expect([...node.rows.keys()].filter((row) => row.startsWith('kv!own!'))).toEqual([])
  })

  it('are not brought back by an older write that is acknowledged after the delete', () => {
    const world = new KvCluster(3)
    const node = world.node(0)
    const [put, del] = [
      world.put(node, 'a', 'x', { level: 'all' }),
      world.delete(node, 'a', { level: 'one' }),
    ]
    world.until(() => node.answers.has(put) && node.answers.has(del))
    expect(keysOf(world, node)).toEqual([])
  })

  it('say when there were more than are remembered', () => {
    const world = new KvCluster(3, { tunables: { ownKeysMax: 2 } })
    const node = world.node(0)
    for (const key of ['a', 'b']) world.putNow(node, key, 'x')
    expect(node.kv.ownKeys('', 9, world.now).isComplete).toBe(true)
    world.putNow(node, 'c', 'x')
    expect(node.kv.ownKeys('', 9, world.now).isComplete).toBe(false)
    expect(keysOf(world, node)).toEqual(['shared a', 'shared b'])
  })
})

describe('OwnKeys', () => {
  it('rows have golden bytes, and decode to what was encoded', () => {
    const own = { namespace: 'k', key: 'a', stamp: 300, expiresAt: 5, bytes: 2 } as const
    expect(hex(encodeOwnKey(own))).toBe('016b0161ac020502')
    const any = fc.record({
      namespace: fc.constantFrom('k' as const, 'o' as const, 'h' as const),
      key: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
      stamp: fc.maxSafeNat(),
      expiresAt: fc.maxSafeNat(),
      bytes: fc.nat(),
    })
    fc.assert(
      fc.property(any, (each) => {
        expect(decodeOwnKey(encodeOwnKey(each))).toEqual({ ok: true, value: each })
      }),
    )
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeOwnKey(bytes)))
  })

  it('pages are those of the sorted list, whatever is written and forgotten between them', () => {
    const world = new KvCluster(1, { replication: 1 })
    const node = world.node(0)
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.boolean()), {
      maxLength: 60,
      size: 'max',
    })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (changes, limit) => {
        const model = new Set(keysOf(world, node))
        for (const [number, isPut] of changes) {
          const key = `${number}`
          if (isPut) world.putNow(node, key, 'x')
          else
            world.until(
              (
                (request) => () =>
                  node.answers.has(request)
              )(world.delete(node, key)),
            )
          if (isPut) model.add(`shared ${key}`)
          else model.delete(`shared ${key}`)
          expect(keysOf(world, node, limit)).toEqual([...model].sort(compareText))
        }
      }),
      { numRuns: 20 },
    )
  })
})
