import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/base/bytes.ts'
import { stampAt } from '../../../src/base/hybrid-clock.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { decodeFrame, encodeFrame } from '../../../src/kv/frame.ts'
import { KV_TUNABLES } from '../../../src/kv/options.ts'
import { RecordStore } from '../../../src/kv/record-store.ts'
import { placeOf } from '../../../src/kv/ring.ts'
import { sealRecord } from '../../../src/records/record.ts'
import { recordId } from '../../../src/records/record-key.ts'
import { SignerBook } from '../../../src/sim/fake-signer.ts'
import { KvCluster, type KvNode, START } from '../kv-cluster.ts'
import { keysOf, Ledger } from './ledger.ts'

const SEEDS = [1, 2]
/** Adversarial writes a seed; a million in a long run. */
const TRIES = Number(process.env.HEARSAY_DHT_TRIES ?? 8_000)
const DAY = 86_400_000

describe.each(SEEDS)('adversaries, seed %i', (seed) => {
  it('replays and downgrades never replace what is newer, at the store', () => {
    const random = seededRandom([seed, 1])
    const book = new SignerBook()
    const [self, author] = [book.create(random), book.create(random)]
    const store = new RecordStore({
      ...{ signer: self, tunables: KV_TUNABLES, selfId: placeOf(self.publicKey) },
      isInRange: () => true,
      listener: { placed: () => {}, leaving: () => {}, expired: () => {} },
      emit: () => {},
    })
    const versions = keysOf(50).map((key) =>
      Array.from({ length: 20 }, (_, version) => {
        const value = version % 7 === 6 ? undefined : utf8(`${version}`)
        const expiresAt = START + DAY + version
        const stamp = stampAt(START) + version
        return sealRecord({ namespace: 'k', key, value, stamp, expiresAt }, author)
      }),
    )
    const newest = versions.map(() => -1)
    let [downgrades, moves] = [0, 0]
    for (let i = 0; i < TRIES; i++) {
      const key = Math.floor(random.next() * versions.length)
      const version = Math.floor(random.next() * Math.min(20, (newest[key] ?? 0) + 3))
      const record = versions[key]?.[version]
      if (record === undefined) continue
      const now = START + (i / TRIES) * (DAY - 1)
      const outcome = store.offer(record, now).outcome
      if (outcome === 'stored') {
        if (version < (newest[key] ?? -1)) downgrades += 1
        newest[key] = version
        moves += 1
      }
      if (i % 1_000 === 0) store.sweep(now)
      const id = recordId(utf8(`/k/${record.key}`))
      const live = store.live(id, now)
      if (live !== undefined && live.stamp < stampAt(START) + (newest[key] ?? 0)) downgrades += 1
    }
    expect(moves).toBeGreaterThan(100)
    expect(downgrades).toBe(0)
  }, 300_000)

  it('3,000 small values of one author end at its 1,024, others go on', () => {
    const random = seededRandom([seed, 2])
    const book = new SignerBook()
    const [self, greedy, honest] = [book.create(random), book.create(random), book.create(random)]
    const store = new RecordStore({
      ...{ signer: self, tunables: KV_TUNABLES, selfId: placeOf(self.publicKey) },
      isInRange: () => true,
      listener: { placed: () => {}, leaving: () => {}, expired: () => {} },
      emit: () => {},
    })
    const outcomes = keysOf(3_000).map((key) => {
      const draft = { namespace: 'k', key, value: utf8('x'), stamp: stampAt(START) } as const
      return store.offer(sealRecord({ ...draft, expiresAt: START + DAY }, greedy), START).outcome
    })
    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(1_024)
    const draft = { namespace: 'k', key: 'h', value: utf8('x'), stamp: stampAt(START) } as const
    const other = sealRecord({ ...draft, expiresAt: START + DAY }, honest)
    expect(store.offer(other, START).outcome).toBe('stored')
  }, 60_000)

  it('old records replayed to every replica and entrance are refused there', () => {
    const cluster = new KvCluster(8, { seed, isFast: true })
    const ledger = new Ledger(cluster)
    const keys = keysOf(30)
    const old = keys.map((key) => {
      ledger.write(key)
      cluster.run(100)
      return cluster.held(cluster.replicas(key)[0] ?? cluster.node(0), key) ?? new Uint8Array()
    })
    for (const key of keys) ledger.write(key)
    const adversary = cluster.node(7)
    for (const [i, key] of keys.entries()) {
      const record = old[i] ?? new Uint8Array()
      for (const node of cluster.nodes) {
        const bytes = encodeFrame({ type: 'put', id: i, record })
        cluster.input(node, { type: 'frame', peer: adversary.peerId, bytes })
        const request = 100_000 + i
        cluster.input(node, { type: 'offer', request, key: utf8(`/k/${key}`), record })
      }
    }
    cluster.run(5_000)
    expect(ledger.check(keys)).toEqual({ lost: 0, stale: 0 })
  }, 60_000)

  it('liars that say "not found" hide nothing while one honest holder answers', () => {
    const cluster = new KvCluster(12, { seed, isFast: true })
    const ledger = new Ledger(cluster)
    const keys = keysOf(100)
    for (const key of keys) ledger.write(key)
    cluster.run(3_000)
    const readers = cluster.nodes.slice(6)
    let isLiar = (_: KvNode): boolean => false
    cluster.tamper = (from, bytes) => {
      const decoded = isLiar(from) ? decodeFrame(bytes) : undefined
      const isAnswer = decoded?.ok === true && decoded.value.type === 'found'
      return isAnswer ? encodeFrame({ type: 'absent', id: decoded.value.id }) : bytes
    }
    const found = keys.filter((key, i) => {
      // All but one of the replicas lie, and that one is the slowest of all.
      const [honest, ...liars] = cluster.replicas(key)
      const reader = readers.find((node) => !cluster.replicas(key).includes(node))
      isLiar = (node) => liars.includes(node)
      cluster.delayMs = (from) => (from === honest ? 50 + i : 0)
      return reader === undefined || cluster.getNow(reader, key) !== undefined
    })
    expect(found).toHaveLength(keys.length)
  }, 60_000)

  it('20 % of holders that never answer cost reads at most 2.5 round trips', () => {
    const latencyMs = 25
    const cluster = new KvCluster(20, { seed, isFast: true, latencyMs })
    const ledger = new Ledger(cluster)
    const keys = keysOf(300)
    for (const key of keys) ledger.write(key)
    cluster.run(3_000)
    const reader = cluster.node(19)
    for (const key of keys.slice(0, 150)) cluster.getNow(reader, key)
    cluster.run(5_000)
    for (const node of cluster.nodes.slice(0, 4)) node.isStuck = true
    const times: number[] = []
    for (const key of [...keys, ...keys, ...keys]) {
      const startedAt = cluster.now
      expect(cluster.getNow(reader, key)).toBeDefined()
      times.push(cluster.now - startedAt)
      cluster.run(20)
    }
    times.sort((a, b) => a - b)
    expect(times[Math.floor(times.length * 0.99)]).toBeLessThanOrEqual(2.5 * 2 * latencyMs)
    // Once known, a stuck holder is asked last: few reads wait for a second one.
    expect(times[Math.floor(times.length * 0.95)]).toBeLessThanOrEqual(1.1 * 2 * latencyMs)
  }, 60_000)

  it('a flood from one member fills its own quota only: honest writes and reads go on', () => {
    const cluster = new KvCluster(8, {
      ...{ seed, isFast: true },
      tunables: { authorRecordsMax: 50, recordsMax: 400, memberCostPerSecond: 200 },
    })
    const ledger = new Ledger(cluster)
    const honest = cluster.nodes.slice(1)
    const keys = keysOf(100)
    const flooder = cluster.node(0)
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < 50; i++) cluster.put(flooder, `flood ${second} ${i}`, 'x')
      for (const key of keys.slice(second * 5, second * 5 + 5)) ledger.write(key, honest)
      cluster.run(1_000)
    }
    cluster.run(5_000)
    for (const { kv } of cluster.nodes) expect(kv.stats.records).toBeLessThanOrEqual(420)
    expect(ledger.check(keys)).toEqual({ lost: 0, stale: 0 })
    const refused = [...flooder.answers.values()].filter(({ type }) => type === 'refused')
    expect(refused.length).toBeGreaterThan(100)
    const why = refused.map((answer) => String('error' in answer ? answer.error : ''))
    expect(why.some((text) => text.includes('author above its quota'))).toBe(true)
  }, 60_000)
})
