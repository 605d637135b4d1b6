import { describe, expect, it } from 'vitest'
import { compareBytes, concatBytes, hex, utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import type { KvOutput } from '../../src/kv/kv.ts'
import { KV_TUNABLES, type KvTunables } from '../../src/kv/options.ts'
import { RecordStore } from '../../src/kv/record-store.ts'
import { compareDistance, placeOf } from '../../src/kv/ring.ts'
import {
  type DhtRecord,
  decodeRecord,
  type RecordDraft,
  sealRecord,
  TOMBSTONE_MS_MIN,
} from '../../src/records/record.ts'
import { hashKey, recordId, recordKey } from '../../src/records/record-key.ts'
import { ed25519Signer } from '../records/ed25519-signer.ts'

const NOW = Date.UTC(2026, 0, 1)
const self = ed25519Signer(1)
const authors = [ed25519Signer(2), ed25519Signer(3)] as const
const selfId = placeOf(self.publicKey)

function idOf(key: string): Uint8Array {
  return recordId(recordKey({ namespace: 'k', key, author: new Uint8Array(32) }))
}

function record(key: string, changes: Partial<RecordDraft> & { author?: 0 | 1 } = {}): DhtRecord {
  const { author = 0, ...rest } = changes
  const draft: RecordDraft = {
    namespace: 'k',
    key,
    value: utf8('x'),
    stamp: stampAt(NOW),
    expiresAt: NOW + 1_000,
    ...rest,
  }
  return sealRecord(draft, authors[author])
}

interface Fixture {
  readonly store: RecordStore
  readonly outputs: KvOutput[]
  readonly rows: Map<string, Uint8Array>
  /** Keys we are no replica of. */
  readonly outOfRange: Set<string>
  drops(): string[]
}

function fixture(tunables: Partial<KvTunables> = {}): Fixture {
  const outputs: KvOutput[] = []
  const rows = new Map<string, Uint8Array>()
  const outOfRange = new Set<string>()
  const store = new RecordStore({
    signer: self,
    tunables: { ...KV_TUNABLES, ...tunables },
    selfId,
    listener: { placed: () => {}, leaving: () => {}, expired: () => {} },
    isInRange: (id) => ![...outOfRange].some((key) => compareBytes(idOf(key), id) === 0),
    emit: (output) => {
      outputs.push(output)
      if (output.type !== 'persist') return
      for (const { key, value } of output.writes) {
        if (value === undefined) rows.delete(key)
        else rows.set(key, value)
      }
    },
  })
  const drops = (): string[] => {
    return outputs.flatMap((output) => (output.type === 'dropped' ? [output.reason] : []))
  }
  return { store, outputs, rows, outOfRange, drops }
}

/** A store that has loaded rows. */
function reloaded(rows: ReadonlyMap<string, Uint8Array>, now = NOW): Fixture {
  const next = fixture()
  for (const [key, value] of rows) {
    next.rows.set(key, value)
    next.store.load({ key, value })
  }
  next.store.start(now)
  return next
}

describe('RecordStore', () => {
  it('comes back from its rows with the same records', () => {
    const { store, rows } = fixture()
    for (let i = 0; i < 20; i++) store.offer(record(`key ${i}`), NOW)
    store.offer(record('key 3', { stamp: stampAt(NOW) + 1, value: undefined }), NOW)
    const again = reloaded(rows)
    expect(again.drops()).toEqual([])
    expect([again.store.records, again.store.bytes]).toEqual([store.records, store.bytes])
    for (const { id, record: held } of store.entries()) {
      expect(again.store.live(id, NOW)?.bytes).toEqual(held.bytes)
    }
    expect(again.store.live(idOf('key 3'), NOW)?.value).toBe(undefined)
  })

  it('keeps the bytes of the disk (golden): key, then replaced-until and envelope', () => {
    const { store, rows } = fixture()
    const stored = record('a', { expiresAt: NOW + 1_000 })
    store.offer(stored, NOW)
    expect([...rows].map(([key, value]) => `${key} ${hex(value)}`)).toEqual([
      `kv!7753d87ad01bb007433db06c019da8965bc4178a28f4ecb6bbab7600edd6194c 0074${hex(stored.bytes)}`,
    ])
  })

  it('never serves damaged, misplaced or forged rows, and deletes them', () => {
    const { store, rows } = fixture()
    store.offer(record('a'), NOW)
    const [[key, value] = ['', new Uint8Array()]] = [...rows]
    const spoil = (at: number): Uint8Array => {
      const bytes = value.slice()
      bytes[at] = (bytes[at] ?? 0) ^ 1
      return bytes
    }
    const cases: [string, string, Uint8Array][] = [
      ['kv row unreadable', key, value.slice(0, 50)],
      ['kv row unreadable', key, new Uint8Array()],
      ['kv row: bad signature', key, spoil(value.length - 1)],
      ['kv row under a wrong key', `kv!${hex(idOf('b'))}`, value],
    ]
    for (const [reason, rowKey, bytes] of cases) {
      const again = reloaded(new Map([[rowKey, bytes]]))
      expect(again.drops()).toEqual([reason])
      expect(again.store.records).toBe(0)
      expect(again.rows.size).toBe(0)
    }
    for (let at = 0; at < value.length; at++) {
      const again = reloaded(new Map([[key, spoil(at)]]))
      const served = again.store.live(idOf('a'), NOW)
      // Only the moment until which older ones are refused, the first byte, is ours and unsigned.
      if (at > 2) expect(served, `byte ${at}`).toBe(undefined)
    }
  })

  it('forgets rows that expired while the node was off', () => {
    const { store, rows } = fixture()
    store.offer(record('short'), NOW)
    store.offer(record('long', { expiresAt: NOW + 9_000 }), NOW)
    const again = reloaded(rows, NOW + 5_000)
    expect(again.drops()).toEqual(['kv row expired'])
    expect(again.store.records).toBe(1)
    expect(again.rows.size).toBe(1)
  })

  it('remembers across a restart that a newer version existed', () => {
    const { store, rows } = fixture()
    store.offer(record('a', { expiresAt: NOW + 9_000 }), NOW)
    store.offer(record('a', { stamp: stampAt(NOW) + 1, expiresAt: NOW + 10 }), NOW)
    const again = reloaded(rows, NOW + 20)
    expect(again.store.live(idOf('a'), NOW + 20)).toBe(undefined)
    const old = again.store.offer(record('a', { expiresAt: NOW + 9_000 }), NOW + 20)
    expect(old).toEqual({ outcome: 'stale', newer: undefined })
  })

  it('keeps its own bytes, not the frame they came in', () => {
    const { store } = fixture()
    const { bytes } = record('a')
    const frame = new Uint8Array(2 * bytes.length)
    frame.set(bytes, 10)
    const given = decodeRecord(frame.subarray(10, 10 + bytes.length))
    if (given.ok) store.offer(given.value, NOW)
    const held = store.live(idOf('a'), NOW)
    frame.fill(0)
    expect(held?.value).toEqual(utf8('x'))
    expect(held?.bytes.buffer.byteLength).toBe(held?.bytes.length)
  })

  it('keeps a frame that holds hardly anything else', () => {
    const { store } = fixture()
    const { bytes } = record('a', { value: new Uint8Array(1_000) })
    const frame = concatBytes([Uint8Array.of(1, 2, 3), bytes])
    const given = decodeRecord(frame.subarray(3))
    if (given.ok) store.offer(given.value, NOW)
    expect(store.live(idOf('a'), NOW)?.bytes.buffer).toBe(frame.buffer)
  })

  it('refuses records above the count, and takes replacements of held ones', () => {
    const { store } = fixture({ recordsMax: 3 })
    for (const key of ['a', 'b', 'c']) store.offer(record(key), NOW)
    expect(store.offer(record('d'), NOW)).toEqual({ outcome: 'refused', reason: 'store full' })
    const replaced = store.offer(record('a', { stamp: stampAt(NOW) + 1 }), NOW)
    expect(replaced.outcome).toBe('stored')
    expect(store.records).toBe(3)
  })

  it('refuses records above the bytes', () => {
    const size = record('a').bytes.length
    const { store } = fixture({ storeBytesMax: 3 * size })
    for (const key of ['a', 'b', 'c']) expect(store.offer(record(key), NOW).outcome).toBe('stored')
    expect(store.offer(record('d'), NOW)).toEqual({ outcome: 'refused', reason: 'store full' })
    const larger = record('a', { stamp: stampAt(NOW) + 1, value: utf8('xy') })
    expect(store.offer(larger, NOW)).toEqual({ outcome: 'refused', reason: 'store full' })
    expect(store.bytes).toBe(3 * size)
  })

  it('limits the records of one author, whoever sends them', () => {
    const { store } = fixture({ authorRecordsMax: 2 })
    for (const key of ['a', 'b']) store.offer(record(key), NOW)
    const third = store.offer(record('c'), NOW)
    expect(third).toEqual({ outcome: 'refused', reason: 'author above its quota' })
    expect(store.offer(record('c', { author: 1 }), NOW).outcome).toBe('stored')
    const taken = record('a', { author: 1, stamp: stampAt(NOW) + 1 })
    expect(store.offer(taken, NOW).outcome).toBe('stored')
    expect(store.offer(record('d'), NOW).outcome).toBe('stored')
  })

  it('limits the bytes of one author, and keeps values, chunks and tombstones apart', () => {
    const size = record('a', { value: new Uint8Array(1_000) }).bytes.length
    const { store } = fixture({
      ...{ authorBytesMax: 2 * size, authorChunksMax: 1, authorTombstonesMax: 1 },
    })
    const large = (key: string): DhtRecord => record(key, { value: new Uint8Array(1_000) })
    for (const key of ['a', 'b']) expect(store.offer(large(key), NOW).outcome).toBe('stored')
    const refused = { outcome: 'refused', reason: 'author above its quota' }
    expect(store.offer(large('c'), NOW)).toEqual(refused)
    const chunk = (text: string): DhtRecord => {
      return record(hashKey(utf8(text), self), { namespace: 'h', value: utf8(text) })
    }
    expect(store.offer(chunk('one'), NOW).outcome).toBe('stored')
    expect(store.offer(chunk('two'), NOW)).toEqual(refused)
    const gone = (key: string): DhtRecord =>
      record(key, { value: undefined, stamp: stampAt(NOW) + 1 })
    expect(store.offer(gone('a'), NOW).outcome).toBe('stored')
    expect(store.offer(gone('b'), NOW)).toEqual(refused)
    expect(store.offer(large('c'), NOW).outcome).toBe('stored')
  })

  it('acknowledges a tombstone that all may have forgotten, and does not keep it', () => {
    const { store } = fixture()
    const expiresAt = NOW + TOMBSTONE_MS_MIN + 1_000
    const old = record('a', { value: undefined, expiresAt })
    const now = NOW + TOMBSTONE_MS_MIN
    expect(store.offer(old, now - 1).outcome).toBe('stored')
    expect(store.offer(record('b', { value: undefined, expiresAt }), now).outcome).toBe('same')
    expect(store.records).toBe(1)
  })

  it('evicts expired records first', () => {
    const { store, rows, outOfRange } = fixture({ recordsMax: 2 })
    store.offer(record('expired', { expiresAt: NOW + 10 }), NOW)
    outOfRange.add('far')
    store.offer(record('far'), NOW)
    expect(store.offer(record('new'), NOW + 10).outcome).toBe('stored')
    expect(store.live(idOf('far'), NOW + 10)).toBeDefined()
    expect([...rows.keys()].sort()).toEqual(
      [`kv!${hex(idOf('far'))}`, `kv!${hex(idOf('new'))}`].sort(),
    )
  })

  it('evicts what others are closer to, farthest first, and never what is in range', () => {
    const { store, outOfRange } = fixture({ recordsMax: 6 })
    const far = ['f1', 'f2', 'f3'].sort((a, b) => compareDistance(selfId, idOf(b), idOf(a)))
    for (const key of far) outOfRange.add(key)
    for (const key of ['a', 'b', 'c', ...far]) store.offer(record(key), NOW)
    for (const [index, key] of ['d', 'e', 'f'].entries()) {
      expect(store.offer(record(key), NOW).outcome).toBe('stored')
      const left = far.filter((each) => store.live(idOf(each), NOW) !== undefined)
      expect(left).toEqual(far.slice(index + 1))
    }
    expect(store.offer(record('g'), NOW)).toEqual({ outcome: 'refused', reason: 'store full' })
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      expect(store.live(idOf(key), NOW)).toBeDefined()
    }
  })

  it('makes room for a record out of range only from farther ones', () => {
    const { store, outOfRange } = fixture({ recordsMax: 1 })
    const keys = ['f1', 'f2', 'f3'].sort((a, b) => compareDistance(selfId, idOf(a), idOf(b)))
    const [near = '', middle = '', far = ''] = keys
    for (const key of keys) outOfRange.add(key)
    store.offer(record(middle), NOW)
    expect(store.offer(record(far), NOW).outcome).toBe('refused')
    expect(store.offer(record(near), NOW).outcome).toBe('stored')
    expect(store.live(idOf(middle), NOW)).toBe(undefined)
  })

  it('keeps what came back into range since it was marked', () => {
    const { store, outOfRange } = fixture({ recordsMax: 1 })
    outOfRange.add('a')
    store.offer(record('a'), NOW)
    outOfRange.clear()
    expect(store.offer(record('b'), NOW).outcome).toBe('refused')
    expect(store.live(idOf('a'), NOW)).toBeDefined()
  })

  it('keeps count under any mix of writes (against a naive count)', () => {
    const { store, rows, outOfRange } = fixture({ recordsMax: 8, authorRecordsMax: 5 })
    for (let i = 0; i < 16; i += 3) outOfRange.add(`key ${i}`)
    for (let i = 0; i < 400; i++) {
      const key = `key ${(i * 7) % 16}`
      const stamp = stampAt(NOW) + ((i * 13) % 50)
      const author = i % 3 === 0 ? 1 : 0
      const value = i % 5 === 0 ? undefined : new Uint8Array(i % 9)
      store.offer(record(key, { stamp, author, value, expiresAt: NOW + 1 + i }), NOW + i / 2)
      if (i % 50 === 0) store.sweep(NOW + i / 2)
      const entries = [...store.entries()]
      expect(store.records).toBe(entries.length)
      expect(store.records).toBeLessThanOrEqual(8)
      expect(store.bytes).toBe(entries.reduce((sum, entry) => sum + entry.record.bytes.length, 0))
      expect(rows.size).toBe(entries.length)
    }
  })
})
