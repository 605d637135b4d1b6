import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, hex, utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { decodeFrame, encodeFrame, type KvFrame } from '../../src/kv/frame.ts'
import { Kv, type KvOutput } from '../../src/kv/kv.ts'
import type { KvTunables } from '../../src/kv/options.ts'
import {
  decodeRecord,
  fingerprintOf,
  type RecordDraft,
  sealRecord,
} from '../../src/records/record.ts'
import { recordId, recordKey } from '../../src/records/record-key.ts'
import { ed25519Signer } from '../records/ed25519-signer.ts'

const NOW = Date.UTC(2026, 0, 1)
const self = ed25519Signer(1)
const other = ed25519Signer(2)

function started(tunables: Partial<KvTunables> = {}): Kv {
  const kv = new Kv({ signer: self, random: seededRandom(1), replication: 3, tunables })
  kv.start(NOW)
  withMembers(kv)
  drain(kv)
  return kv
}

function withMembers(kv: Kv): void {
  const members = [self, other].map(({ peerId, publicKey }) => {
    return { peerId, publicKey, isSuspect: false }
  })
  kv.handle({ type: 'members', members, lost: 0 }, NOW)
}

function drain(kv: Kv): KvOutput[] {
  const outputs: KvOutput[] = []
  for (;;) {
    const output = kv.poll()
    if (output === undefined) return outputs
    outputs.push(output)
  }
}

function record(changes: Partial<RecordDraft> = {}, signer = other): Uint8Array {
  const draft: RecordDraft = {
    namespace: 'k',
    key: 'a',
    value: utf8('x'),
    stamp: stampAt(NOW),
    expiresAt: NOW + 1_000,
    ...changes,
  }
  return sealRecord(draft, signer).bytes
}

/** Sends one request and returns its decoded answer with the output that carried it. */
function ask(kv: Kv, frame: KvFrame, now = NOW): { reply: KvFrame; output: KvOutput } {
  kv.handle({ type: 'frame', peer: other.peerId, bytes: encodeFrame(frame) }, now)
  for (const output of drain(kv)) {
    const decoded = output.type === 'send' ? decodeFrame(output.bytes) : undefined
    // Repair has its own questions.
    if (decoded?.ok === true && decoded.value.type !== 'compare') {
      return { reply: decoded.value, output }
    }
  }
  throw new Error('Expected an answer')
}

function put(kv: Kv, bytes: Uint8Array, now = NOW): KvFrame {
  return ask(kv, { type: 'put', id: 1, record: bytes }, now).reply
}

describe('replica', () => {
  it('stores a put and gates its acknowledgement behind the row', () => {
    const kv = started()
    const bytes = record()
    kv.handle(
      {
        type: 'frame',
        peer: other.peerId,
        bytes: encodeFrame({ type: 'put', id: 5, record: bytes }),
      },
      NOW,
    )
    const outputs = drain(kv)
    expect(outputs.map(({ type }) => type)).toEqual(['persist', 'stored', 'send'])
    expect(outputs[0]).toMatchObject({
      writes: [{ key: `kv!${hex(recordId(utf8('/k/a')))}` }],
    })
    expect(outputs[2]).toMatchObject({ gated: true, peer: other.peerId, lane: 'user' })
    expect(kv.stats).toEqual({ records: 1, bytes: bytes.length })
    expect(kv.lookup(utf8('/k/a'), NOW)).toEqual(bytes)
  })

  it('acknowledges the same version again without storing it again', () => {
    const kv = started()
    put(kv, record())
    const { reply, output } = ask(kv, { type: 'put', id: 2, record: record() })
    expect(reply).toEqual({ type: 'stored', id: 2 })
    expect(output).toMatchObject({ gated: true })
  })

  it('answers an older version with the newer record, and keeps that', () => {
    const kv = started()
    const newer = record({ stamp: stampAt(NOW) + 1 })
    put(kv, newer)
    expect(put(kv, record())).toEqual({ type: 'superseded', id: 1, record: newer })
    expect(kv.lookup(utf8('/k/a'), NOW)).toEqual(newer)
  })

  it('reports two contents of one version and keeps the bytewise larger', () => {
    const [first, second] = [record({ value: utf8('x') }), record({ value: utf8('y') })]
    const kv = started()
    put(kv, second)
    kv.handle(
      {
        type: 'frame',
        peer: other.peerId,
        bytes: encodeFrame({ type: 'put', id: 1, record: first }),
      },
      NOW,
    )
    expect(drain(kv)).toContainEqual({
      type: 'dropped',
      reason: 'record with two contents of one version',
    })
    expect(kv.lookup(utf8('/k/a'), NOW)).toEqual(second)
  })

  it('refuses what does not validate, with the reason', () => {
    const kv = started()
    const spoilt = record()
    spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1
    const refused = (reason: string): KvFrame => ({ type: 'refused', id: 1, reason })
    expect(put(kv, spoilt)).toEqual(refused('bad signature'))
    expect(put(kv, record({ expiresAt: NOW }))).toEqual(refused('expired'))
    expect(put(kv, record({ stamp: stampAt(NOW + 700_000) }))).toEqual(
      refused('version ahead of time'),
    )
    expect(put(kv, Uint8Array.of(1, 0x6b))).toEqual(refused('bytes end early'))
    expect(kv.stats.records).toBe(0)
  })

  it('serves a record until it expires, then forgets it and its row', () => {
    const kv = started()
    put(kv, record({ expiresAt: NOW + 1_000 }))
    const get: KvFrame = { type: 'get', id: 3, key: utf8('/k/a'), known: undefined }
    expect(ask(kv, get, NOW + 999).reply.type).toBe('found')
    expect(ask(kv, get, NOW + 1_000).reply.type).toBe('absent')
    expect(kv.lookup(utf8('/k/a'), NOW + 1_000)).toBe(undefined)
    kv.handle({ type: 'tick' }, NOW + 6_000)
    expect(kv.stats).toEqual({ records: 0, bytes: 0 })
    const key = `kv!${hex(recordId(utf8('/k/a')))}`
    expect(drain(kv)).toContainEqual({ type: 'persist', writes: [{ key, value: undefined }] })
  })

  it('does not take an older version back after a short-lived newer one expired', () => {
    const kv = started()
    put(kv, record({ expiresAt: NOW + 100_000 }))
    put(kv, record({ stamp: stampAt(NOW) + 1, expiresAt: NOW + 10, value: undefined }))
    kv.handle({ type: 'tick' }, NOW + 50_000)
    const old = record({ expiresAt: NOW + 100_000 })
    expect(put(kv, old, NOW + 50_000)).toEqual({ type: 'superseded', id: 1, record: undefined })
    expect(kv.lookup(utf8('/k/a'), NOW + 50_000)).toBe(undefined)
  })

  it('answers same to a reader that holds what it holds', () => {
    const kv = started()
    const bytes = record()
    put(kv, bytes)
    const sealed = sealRecord(
      {
        namespace: 'k',
        key: 'a',
        value: utf8('x'),
        stamp: stampAt(NOW),
        expiresAt: NOW + 1_000,
      },
      other,
    )
    const known = { stamp: sealed.stamp, fingerprint: fingerprintOf(sealed) }
    const key = recordKey({ namespace: 'k', key: 'a', author: new Uint8Array(32) })
    expect(ask(kv, { type: 'get', id: 3, key, known }).reply.type).toBe('same')
    const older = { ...known, stamp: known.stamp - 1 }
    expect(ask(kv, { type: 'get', id: 3, key, known: older }).reply.type).toBe('found')
  })

  it('says of a list what it wants, and what it holds at least as new', () => {
    const kv = started()
    put(kv, record({ key: 'held' }))
    const decoded = decodeRecord(record({ key: 'held' }))
    if (!decoded.ok) throw new Error(decoded.reason)
    const { stamp, signature } = decoded.value
    const item = (key: string, rank: number, check: Uint8Array = Uint8Array.of(0, 0)) => ({
      prefix: recordId(utf8(`/k/${key}`)).subarray(0, 8),
      rank,
      check,
    })
    const items = [
      item('held', stamp, signature.subarray(0, 2)),
      item('lacking', 1),
      item('held', stamp - 1),
      item('held', stamp + 1),
    ]
    const { reply, output } = ask(kv, { type: 'items', id: 9, whole: undefined, items })
    expect(reply).toEqual({
      ...{ type: 'wanted', id: 9 },
      wanted: Uint8Array.of(0b1010),
      held: Uint8Array.of(0b0101),
    })
    expect(output).toMatchObject({ gated: true })
  })

  it('asks for a record of one holder at a time, and not again of one that did not send it', () => {
    const kv = started()
    const third = ed25519Signer(3)
    const items = [{ prefix: new Uint8Array(8), rank: 1, check: new Uint8Array(2) }]
    const wants = (peer: typeof third, now: number): boolean => {
      const bytes = encodeFrame({ type: 'items', id: 1, whole: undefined, items })
      kv.handle({ type: 'frame', peer: peer.peerId, bytes }, now)
      const output = drain(kv).find(({ type }) => type === 'send')
      const decoded = output?.type === 'send' ? decodeFrame(output.bytes) : undefined
      if (decoded?.ok !== true || decoded.value.type !== 'wanted') throw new Error('No wishes')
      return decoded.value.wanted.length > 0
    }
    expect(wants(other, NOW)).toBe(true)
    expect(wants(third, NOW + 1)).toBe(false)
    expect(wants(other, NOW + 2)).toBe(true)
    expect(wants(other, NOW + 4_000)).toBe(false)
    expect(wants(third, NOW + 4_000)).toBe(true)
    expect(wants(other, NOW + 70_000)).toBe(true)
  })

  it('answers busy above the rate, and serves again after the pause it named', () => {
    const kv = started({ memberCostPerSecond: 10 })
    const get: KvFrame = { type: 'get', id: 3, key: utf8('/k/a'), known: undefined }
    for (let i = 0; i < 20; i++) expect(ask(kv, get).reply.type).toBe('absent')
    const { reply } = ask(kv, get)
    expect(reply).toEqual({ type: 'busy', id: 3, retryAfterMs: 100 })
    expect(ask(kv, get, NOW + 100).reply.type).toBe('absent')
    expect(ask(kv, get, NOW + 100).reply.type).toBe('busy')
  })

  it('gives strangers less than members', () => {
    const kv = started({ memberCostPerSecond: 10, strangerCostPerSecond: 1 })
    const stranger = ed25519Signer(9)
    const bytes = encodeFrame({ type: 'get', id: 3, key: utf8('/k/a'), known: undefined })
    const kinds: string[] = []
    for (let i = 0; i < 4; i++) {
      kv.handle({ type: 'frame', peer: stranger.peerId, bytes }, NOW)
      for (const output of drain(kv)) {
        const decoded = output.type === 'send' ? decodeFrame(output.bytes) : undefined
        if (decoded?.ok === true) kinds.push(decoded.value.type)
      }
    }
    expect(kinds).toEqual(['absent', 'absent', 'busy', 'busy'])
  })

  it('takes a record offered through kad-dht under its own key only', () => {
    const kv = started()
    const offer = (key: string, bytes: Uint8Array): KvOutput | undefined => {
      kv.handle({ type: 'offer', request: 4, key: utf8(key), record: bytes }, NOW)
      return drain(kv).find(({ type }) => type === 'offer-done')
    }
    const newer = record({ stamp: stampAt(NOW) + 1 })
    expect(offer('/k/b', newer)).toMatchObject({
      outcome: 'refused',
      reason: 'record of another key',
    })
    expect(offer('/k/a', newer)).toEqual({
      type: 'offer-done',
      request: 4,
      outcome: 'stored',
      gated: true,
    })
    expect(offer('/k/a', newer)).toMatchObject({ outcome: 'stored' })
    expect(offer('/k/a', record())).toMatchObject({ outcome: 'stale' })
    expect(offer('/k/a', utf8('nonsense'))).toMatchObject({ outcome: 'refused' })
  })

  it('never throws on hostile frames', () => {
    const kv = started()
    const value = record()
    const samples: KvFrame[] = [
      { type: 'put', id: 1, record: value },
      { type: 'get', id: 1, key: utf8('/k/a'), known: undefined },
      { type: 'compare', id: 1, count: 3, sum: { high: 1, low: 1 } },
      { type: 'items', id: 1, whole: { bits: 1, buckets: [0, 1] }, items: [] },
      { type: 'found', id: 1, record: value },
      { type: 'superseded', id: 1, record: value },
      { type: 'wanted', id: 1, wanted: new Uint8Array(32).fill(255), held: new Uint8Array() },
      { type: 'buckets', id: 1, bits: 0, sums: [{ high: 1, low: 1 }] },
      { type: 'busy', id: 1, retryAfterMs: 60_000 },
    ]
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 40 }))
        .map(([frame, at, byte, more]) => {
          const bytes = concatBytes([encodeFrame(frame), new Uint8Array(more >>> 3)])
          bytes[at % bytes.length] = byte
          return bytes
        }),
    )
    fc.assert(
      fc.property(hostile, fc.nat({ max: 1_000 }), (bytes, later) => {
        kv.handle({ type: 'frame', peer: other.peerId, bytes }, NOW + later)
        drain(kv)
      }),
      { numRuns: 3_000 },
    )
    kv.handle({ type: 'frame', peer: other.peerId, bytes: new Uint8Array(264 * 1024 + 1) }, NOW)
    expect(drain(kv)).toEqual([{ type: 'dropped', reason: 'kv frame: frame too long' }])
  })
})
