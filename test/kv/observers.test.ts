import { beforeEach, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { decodeFrame, encodeFrame, type KvFrame, unpack } from '../../src/kv/frame.ts'
import { Kv, type KvOutput } from '../../src/kv/kv.ts'
import { sealRecord } from '../../src/records/record.ts'
import { recordKey } from '../../src/records/record-key.ts'
import { ed25519Signer } from '../records/ed25519-signer.ts'

const NOW = Date.UTC(2026, 0, 1)
const [self, member, observer] = [ed25519Signer(1), ed25519Signer(2), ed25519Signer(3)] as const
const KEY = recordKey({ namespace: 'k', key: 'a', author: member.publicKey })

function record(author: typeof self): Uint8Array {
  const draft = { namespace: 'k', key: 'a', value: utf8('x') } as const
  return sealRecord({ ...draft, stamp: stampAt(NOW), expiresAt: NOW + 60_000 }, author).bytes
}

let kv: Kv

function open(isObserver = false): Kv {
  const opened = new Kv({ signer: self, random: seededRandom(1), replication: 3, isObserver })
  opened.start(NOW)
  opened.handle({ type: 'observers', peers: new Set([observer.peerId]) }, NOW)
  const members = [self, member].map((each) => ({ ...each, isSuspect: false }))
  opened.handle({ type: 'members', members, lost: 0 }, NOW)
  while (opened.poll() !== undefined);
  return opened
}

beforeEach(() => {
  kv = open()
})

/** Outputs of a frame, those that are frames decoded. */
function says(peer: typeof self, frame: KvFrame): (KvOutput | KvFrame)[] {
  kv.handle({ type: 'frame', peer: peer.peerId, bytes: encodeFrame(frame) }, NOW)
  return drain()
}

function drain(): (KvOutput | KvFrame)[] {
  const outputs: (KvOutput | KvFrame)[] = []
  for (let output = kv.poll(); output !== undefined; output = kv.poll()) {
    const frames = output.type === 'send' ? unpack(output.bytes) : undefined
    if (frames?.ok !== true) outputs.push(output)
    else {
      for (const bytes of frames.value) {
        const decoded = decodeFrame(bytes)
        if (decoded.ok) outputs.push(decoded.value)
      }
    }
  }
  return outputs
}

test('what an observer asks to be stored is refused, and it is told so', () => {
  const sum = { high: 0, low: 0 }
  for (const frame of [
    { type: 'put', id: 1, record: record(member) },
    { type: 'items', id: 1, whole: undefined, items: [] },
    { type: 'compare', id: 1, count: 0, sum: sum },
  ] as const) {
    const answers = says(observer, frame)
    expect(answers, frame.type).toContainEqual({
      ...{ type: 'refused', id: 1, reason: 'observers only read' },
    })
    expect(answers).toContainEqual({ type: 'dropped', reason: 'kv request of an observer' })
  }
  expect(kv.stats.records).toBe(0)
})

test('a record that an observer signed is taken from nobody, by no way', () => {
  const forged = record(observer)
  expect(says(member, { type: 'put', id: 1, record: forged })).toContainEqual({
    ...{ type: 'refused', id: 1, reason: 'its author only reads' },
  })
  expect(kv.isSound(KEY, forged, NOW)).toBe(false)
  kv.handle({ type: 'offer', request: 1, key: KEY, record: forged }, NOW)
  expect(drain()).toContainEqual(expect.objectContaining({ outcome: 'refused' }))
  kv.handle({ type: 'get', request: 2, key: 'a' }, NOW)
  const asked = drain().find((output) => output.type === 'get' && 'id' in output)
  const id = asked !== undefined && 'id' in asked ? asked.id : 0
  expect(says(member, { type: 'found', id, record: forged })).toContainEqual({
    ...{ type: 'dropped', reason: 'kv answer: its author only reads' },
  })
  expect(kv.stats.records).toBe(0)
})

test('an observer is answered, and does not answer', () => {
  says(member, { type: 'put', id: 1, record: record(member) })
  const answers = says(observer, { type: 'get', id: 1, key: KEY, known: undefined })
  expect(answers).toContainEqual(expect.objectContaining({ type: 'found' }))
  const told = says(observer, { type: 'found', id: 1, record: record(member) })
  expect(told).toContainEqual({ type: 'dropped', reason: 'kv answer of an observer' })
})

test('a node that is an observer is no replica', () => {
  expect(kv.replicaSet('a')).toContain(self.peerId)
  kv = open(true)
  expect(kv.replicaSet('a')).toEqual([member.peerId])
})
