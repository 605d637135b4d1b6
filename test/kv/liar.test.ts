import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { decodeFrame, encodeFrame, type KvFrame } from '../../src/kv/frame.ts'
import { Kv, type KvOutput } from '../../src/kv/kv.ts'
import { sealRecord } from '../../src/records/record.ts'
import { ed25519Signer } from '../records/ed25519-signer.ts'

const NOW = Date.UTC(2026, 0, 1)
const self = ed25519Signer(1)
const liar = ed25519Signer(2)
const author = ed25519Signer(3)

function drain(kv: Kv): KvOutput[] {
  const outputs: KvOutput[] = []
  for (;;) {
    const output = kv.poll()
    if (output === undefined) return outputs
    outputs.push(output)
  }
}

/** A reader whose only other replica is the liar; returns what the caller and the drops say. */
function readFrom(answer: (id: number) => KvFrame): KvOutput[] {
  const kv = new Kv({ signer: self, random: seededRandom(1), replication: 1 })
  kv.start(NOW)
  const members = [self, liar].map(({ peerId, publicKey }) => {
    return { peerId, publicKey, isSuspect: false }
  })
  kv.handle({ type: 'members', members, lost: 0 }, NOW)
  const key = Array.from({ length: 64 }, (_, i) => `key ${i}`).find((candidate) => {
    return kv.replicaSet(candidate)[0] === liar.peerId
  })
  kv.handle({ type: 'get', request: 1, key: key ?? '' }, NOW)
  const outputs: KvOutput[] = []
  for (const output of drain(kv)) {
    if (output.type !== 'send') continue
    const decoded = decodeFrame(output.bytes)
    if (!decoded.ok) throw new Error(decoded.reason)
    const bytes = encodeFrame(answer(decoded.value.id))
    kv.handle({ type: 'frame', peer: liar.peerId, bytes }, NOW)
    outputs.push(...drain(kv))
  }
  for (let now = NOW; now <= NOW + 2_000; now += 50) kv.handle({ type: 'tick' }, now)
  outputs.push(...drain(kv))
  return outputs.filter(({ type }) => type !== 'send')
}

function sealed(changes: { key?: string; stamp?: number; expiresAt?: number } = {}): Uint8Array {
  return sealRecord(
    {
      namespace: 'k',
      key: 'another key',
      value: utf8('x'),
      stamp: stampAt(NOW),
      expiresAt: NOW + 10_000,
      ...changes,
    },
    author,
  ).bytes
}

describe('an answer that lies', () => {
  it('with a record of another key, a broken or an odd one is dropped and not believed', () => {
    const answers: [string, (id: number) => KvFrame][] = [
      ['kv answer: record of another key', (id) => ({ type: 'found', id, record: sealed() })],
      ['kv answer: bytes end early', (id) => ({ type: 'found', id, record: utf8('\u0001k') })],
      ['kv answer: bytes end early', (id) => ({ type: 'stored', id })],
    ]
    for (const [reason, answer] of answers) {
      const outputs = readFrom(answer)
      expect(outputs).toContainEqual({ type: 'dropped', reason })
      expect(outputs.at(-1)).toMatchObject({ type: 'refused', error: { code: 'ERR_TIMEOUT' } })
    }
  })

  it('with a forged or an overdue record is dropped and not believed', () => {
    const kv = new Kv({ signer: self, random: seededRandom(1), replication: 1 })
    kv.start(NOW)
    kv.handle(
      {
        type: 'members',
        lost: 0,
        members: [self, liar].map(({ peerId, publicKey }) => {
          return { peerId, publicKey, isSuspect: false }
        }),
      },
      NOW,
    )
    const key =
      Array.from({ length: 64 }, (_, i) => `key ${i}`).find((candidate) => {
        return kv.replicaSet(candidate)[0] === liar.peerId
      }) ?? ''
    const forged = sealed({ key })
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    const lies: [string, Uint8Array][] = [
      ['bad signature', forged],
      ['expired', sealed({ key, expiresAt: NOW })],
      ['version ahead of time', sealed({ key, stamp: stampAt(NOW + 3_600_000) })],
    ]
    for (const [reason, record] of lies) {
      const outputs = readFrom((id) => ({ type: 'found', id, record }))
      expect(outputs).toContainEqual({ type: 'dropped', reason: `kv answer: ${reason}` })
      expect(outputs.at(-1)).toMatchObject({ type: 'refused' })
    }
    const honest = readFrom((id) => ({ type: 'found', id, record: sealed({ key }) }))
    expect(honest).toMatchObject([{ type: 'get-done', found: { from: liar.peerId } }])
  })

  it('from somebody who was not asked is ignored', () => {
    const kv = new Kv({ signer: self, random: seededRandom(1), replication: 3 })
    kv.start(NOW)
    kv.handle({ type: 'put', request: 1, key: 'a', value: utf8('x'), level: 'all' }, NOW)
    const output = drain(kv).find(({ type }) => type === 'send')
    const decoded = output?.type === 'send' ? decodeFrame(output.bytes) : undefined
    if (decoded?.ok !== true) throw new Error('No request')
    const bytes = encodeFrame({ type: 'stored', id: decoded.value.id })
    kv.handle({ type: 'frame', peer: liar.peerId, bytes }, NOW)
    expect(drain(kv)).toEqual([])
  })
})
