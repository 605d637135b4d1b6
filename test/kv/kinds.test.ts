import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import { RECORD_TTL_MS, sealRecord, TOMBSTONE_MS_MIN } from '../../src/records/record.ts'
import { hashKey, recordKey } from '../../src/records/record-key.ts'
import { KvCluster, type KvNode, START } from './kv-cluster.ts'

const OWNED = { kind: 'owned' } as const
const IMMUTABLE = { kind: 'immutable' } as const
const DAY = 86_400_000

function errorOf(cluster: KvCluster, node: KvNode, request: number): Error & { code?: string } {
  cluster.until(() => node.answers.has(request))
  return node.answer(request, 'refused').error
}

function ownerOf(node: KvNode) {
  return { ...OWNED, owner: node.signer.publicKey }
}

describe('owned names', () => {
  it('are separate for every owner, and read by everybody', () => {
    const cluster = new KvCluster(8)
    const [ada, bea] = [cluster.node(0), cluster.node(1)]
    cluster.putNow(ada, 'status', 'busy', OWNED)
    cluster.putNow(bea, 'status', 'free', OWNED)
    cluster.putNow(bea, 'status', 'shared')
    expect(cluster.getNow(cluster.node(5), 'status', ownerOf(ada))).toBe('busy')
    expect(cluster.getNow(cluster.node(5), 'status', ownerOf(bea))).toBe('free')
    expect(cluster.getNow(ada, 'status', OWNED)).toBe('busy')
    expect(cluster.getNow(ada, 'status')).toBe('shared')
  })

  it('of another cannot be written, whatever entrance is tried', () => {
    const cluster = new KvCluster(2)
    const [ada, eve] = [cluster.node(0), cluster.node(1)]
    const asCaller = cluster.put(eve, 'status', 'x', ownerOf(ada))
    expect(errorOf(cluster, eve, asCaller).message).toContain('only its owner')
    const forged = sealRecord(
      {
        namespace: 'o',
        key: 'status',
        value: utf8('x'),
        stamp: stampAt(START),
        expiresAt: START + DAY,
      },
      eve.signer,
    )
    const key = recordKey({ namespace: 'o', key: 'status', author: ada.signer.publicKey })
    cluster.input(ada, { type: 'offer', request: 99, key, record: forged.bytes })
    expect(ada.answer(99, 'offer-done')).toMatchObject({
      outcome: 'refused',
      reason: 'record of another key',
    })
    expect(cluster.getNow(ada, 'status', OWNED)).toBe(undefined)
  })

  it('are compared and swapped by version', () => {
    const cluster = new KvCluster(7)
    const ada = cluster.node(0)
    const first = cluster.putNow(ada, 'n', '1', { ...OWNED, ifVersion: 'none' })
    const again = cluster.put(ada, 'n', '2', { ...OWNED, ifVersion: 'none' })
    expect(errorOf(cluster, ada, again)).toMatchObject({ code: 'ERR_VERSION_CONFLICT' })
    const second = cluster.putNow(ada, 'n', '2', { ...OWNED, ifVersion: first.version })
    const late = cluster.delete(ada, 'n', { ...OWNED, ifVersion: first.version })
    expect(errorOf(cluster, ada, late).message).toContain(second.version)
    expect(cluster.getNow(cluster.node(3), 'n', ownerOf(ada))).toBe('2')
    const removed = cluster.delete(ada, 'n', { ...OWNED, ifVersion: second.version })
    cluster.until(() => ada.answers.has(removed))
    expect(cluster.getNow(cluster.node(3), 'n', ownerOf(ada))).toBe(undefined)
    cluster.putNow(ada, 'n', '3', { ...OWNED, ifVersion: 'none' })
  })

  it('take one of several conditional writes at a time, and none twice', () => {
    const cluster = new KvCluster(5)
    const ada = cluster.node(0)
    const { version } = cluster.putNow(ada, 'n', '0', OWNED)
    const writes = ['1', '2', '3'].map((value) => {
      return cluster.put(ada, 'n', value, { ...OWNED, ifVersion: version })
    })
    cluster.until(() => writes.every((request) => ada.answers.has(request)))
    const done = writes.filter((request) => ada.answers.get(request)?.type === 'put-done')
    expect(done).toHaveLength(1)
    expect(cluster.getNow(cluster.node(2), 'n', ownerOf(ada))).toBe('1')
  })

  it('refuse an older sequence number: the writer is told, the newer stays', () => {
    const cluster = new KvCluster(3)
    const ada = cluster.node(0)
    ada.aheadMs = 60_000
    cluster.putNow(ada, 'n', 'newer', { ...OWNED, level: 'all' })
    cluster.kill(ada)
    ada.rows.clear()
    ada.aheadMs = 0
    cluster.restart(ada)
    cluster.view()
    const older = cluster.put(ada, 'n', 'older', OWNED)
    expect(errorOf(cluster, ada, older)).toMatchObject({ code: 'ERR_VERSION_CONFLICT' })
    expect(cluster.getNow(cluster.node(1), 'n', ownerOf(ada))).toBe('newer')
    // Hearing of the newer one moved the clock.
    cluster.putNow(ada, 'n', 'newest', OWNED)
    expect(cluster.getNow(cluster.node(1), 'n', ownerOf(ada))).toBe('newest')
  })

  it('only have conditions', () => {
    const cluster = new KvCluster(1)
    const request = cluster.put(cluster.node(0), 'n', 'x', { ifVersion: 'none' })
    expect(errorOf(cluster, cluster.node(0), request)).toBeInstanceOf(TypeError)
  })
})

describe('immutable values', () => {
  it('are named by their hash, told or computed, and never deleted', () => {
    const cluster = new KvCluster(6)
    const node = cluster.node(0)
    const key = hashKey(utf8('content'), cluster.node(0).signer)
    expect(cluster.putNow(node, '-', 'content', IMMUTABLE).key).toBe(key)
    cluster.putNow(cluster.node(1), key, 'content', IMMUTABLE)
    expect(cluster.getNow(cluster.node(5), key, IMMUTABLE)).toBe('content')
    const wrong = cluster.put(node, key, 'other', IMMUTABLE)
    expect(errorOf(cluster, node, wrong)).toBeInstanceOf(TypeError)
    const deletion = cluster.delete(node, key, IMMUTABLE)
    expect(errorOf(cluster, node, deletion)).toBeInstanceOf(TypeError)
  })

  it('under another hash, or as a tombstone, are refused', () => {
    const cluster = new KvCluster(1)
    const node = cluster.node(0)
    const key = hashKey(utf8('content'), cluster.node(0).signer)
    for (const [request, value] of [utf8('other'), undefined].entries()) {
      const draft = { namespace: 'h', key, value, stamp: stampAt(START) } as const
      const { bytes } = sealRecord({ ...draft, expiresAt: START + DAY }, node.signer)
      const asked = utf8(`/h/${key}`)
      cluster.input(node, { type: 'offer', request, key: asked, record: bytes })
      expect(node.answer(request, 'offer-done')).toMatchObject({
        reason: 'key is not the hash of the value',
      })
    }
  })

  it('live as long as the one who stored them for the longest time wanted', () => {
    const cluster = new KvCluster(5)
    const [long, short] = [cluster.node(0), cluster.node(1)]
    const { key } = cluster.putNow(long, '-', 'x', { ...IMMUTABLE, ttlMs: 60_000 })
    cluster.run(1_000)
    expect(cluster.putNow(short, '-', 'x', { ...IMMUTABLE, ttlMs: 1_000 }).superseded).toBe(false)
    cluster.run(30_000)
    expect(cluster.getNow(cluster.node(2), key, IMMUTABLE)).toBe('x')
    cluster.run(60_000)
    expect(cluster.getNow(cluster.node(2), key, IMMUTABLE)).toBe(undefined)
  })
})

describe('a read of a majority', () => {
  it('sees the newest of what a majority holds, where one replica may be old', () => {
    const cluster = new KvCluster(5)
    const old = cluster.node(4)
    cluster.putNow(cluster.node(0), 'a', 'old', { level: 'all' })
    cluster.isCut = (from, to) => from === old || to === old
    cluster.putNow(cluster.node(0), 'a', 'new')
    cluster.isCut = () => false
    expect(cluster.getNow(old, 'a')).toBe('old')
    expect(cluster.getNow(old, 'a', { level: 'quorum' })).toBe('new')
  })

  it('says below quorum when too few answer, though one holds a value', () => {
    const cluster = new KvCluster(5)
    cluster.putNow(cluster.node(0), 'a', 'x', { level: 'all' })
    for (const index of [2, 3, 4]) cluster.node(index).isStuck = true
    const request = cluster.get(cluster.node(0), 'a', { level: 'quorum' })
    expect(errorOf(cluster, cluster.node(0), request)).toMatchObject({
      code: 'ERR_QUORUM',
      acks: 2,
      required: 3,
    })
    expect(cluster.getNow(cluster.node(0), 'a')).toBe('x')
  })
})

describe('a tombstone', () => {
  const tunables = { sweepPeriodMs: 600_000, repairPeriodMs: 600_000 }

  it('outlives the longest life of what it deleted, and is forgotten when all replicas hold it', () => {
    const cluster = new KvCluster(3, { tunables })
    const writer = cluster.node(0)
    cluster.putNow(writer, 'a', 'x', { level: 'all', ttlMs: 30 * DAY })
    const old = writer.kv.lookup(utf8('/k/a'), cluster.now) ?? new Uint8Array()
    const request = cluster.delete(writer, 'a', { level: 'all' })
    cluster.until(() => writer.answers.has(request))
    cluster.run(29 * DAY)
    for (const node of cluster.nodes) {
      cluster.input(node, { type: 'offer', request: 7, key: utf8('/k/a'), record: old })
      expect(node.answer(7, 'offer-done').outcome).toBe('stale')
    }
    cluster.run(2 * DAY)
    expect(cluster.nodes.map(({ kv }) => kv.stats.records)).toEqual([0, 0, 0])
  }, 60_000)

  it('of a short-lived value goes after twice the default life, on all replicas', () => {
    const cluster = new KvCluster(3, { tunables })
    const writer = cluster.node(0)
    cluster.putNow(writer, 'a', 'x', { level: 'all' })
    const request = cluster.delete(writer, 'a', { level: 'all' })
    cluster.until(() => writer.answers.has(request))
    cluster.run(TOMBSTONE_MS_MIN - DAY)
    expect(cluster.nodes.map(({ kv }) => kv.stats.records)).toEqual([1, 1, 1])
    cluster.run(2 * DAY)
    expect(cluster.nodes.map(({ kv }) => kv.stats.records)).toEqual([0, 0, 0])
    expect(RECORD_TTL_MS * 2).toBe(TOMBSTONE_MS_MIN)
  })

  it('stays while a replica may not have it', () => {
    const cluster = new KvCluster(3, { tunables })
    const writer = cluster.node(0)
    cluster.putNow(writer, 'a', 'x', { level: 'all' })
    cluster.node(2).isStuck = true
    const request = cluster.delete(writer, 'a')
    cluster.until(() => writer.answers.has(request))
    cluster.run(TOMBSTONE_MS_MIN + DAY)
    expect(cluster.node(0).kv.stats.records).toBe(1)
    expect(cluster.node(1).kv.stats.records).toBe(1)
  })
})
