import { expect, test } from 'vitest'
import { verifiedAhead } from '../../../src/adapters/platform/ahead-links.ts'
import type { AheadSigner } from '../../../src/adapters/platform/ahead-signer.ts'
import { createSigner } from '../../../src/adapters/platform/nodejs-signer.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import type { Protocol } from '../../../src/base/core.ts'
import { peerIdFromPublicKey } from '../../../src/base/peer-id.ts'
import type { LinkListener, LinkPort } from '../../../src/engine/ports.ts'
import { encodeFrame } from '../../../src/kv/frame.ts'
import { decodeRecord, isSignedByAuthor, sealRecord } from '../../../src/records/record.ts'

const A = peerIdFromPublicKey(new Uint8Array(32).fill(1))
const B = peerIdFromPublicKey(new Uint8Array(32).fill(2))
const author = createSigner(new Uint8Array(32).fill(3))

function recordOf(key: string): Uint8Array {
  return sealRecord({ namespace: 'k', key, value: utf8('v'), stamp: 1, expiresAt: 2 }, author).bytes
}

const put = (id: number): Uint8Array =>
  encodeFrame({ type: 'put', id, record: recordOf(`key ${id}`) })

const none = (): void => {}

/** Links that bring what the test says, over which a listener notes what it hears. */
function linksAhead(signer: AheadSigner) {
  let inner: LinkListener | undefined
  const bare: LinkPort = {
    listen: (listener) => {
      inner = listener
    },
    ...{ dial: none, join: none, send: () => true, protect: none, close: none },
  }
  const heard: string[] = []
  const waiting = new Set<() => void>()
  const hear = (what: string): void => {
    heard.push(what)
    for (const check of [...waiting]) check()
  }
  verifiedAhead(bare, signer).listen({
    ...{ linkUp: none, dialFailed: none, joinFailed: none, addresses: none, dropped: none },
    linkDown: (peer) => hear(`down ${peer === A ? 'a' : 'b'}`),
    frame: (peer, protocol, bytes) =>
      hear(`${peer === A ? 'a' : 'b'} ${protocol} ${bytes[0]} ${bytes[1]}`),
  })
  return {
    heard,
    frame: (peer: typeof A, protocol: Protocol, bytes: Uint8Array) =>
      inner?.frame(peer, protocol, bytes),
    down: (peer: typeof A) => inner?.linkDown(peer, 'closed'),
    until: (condition: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition()) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
  }
}

/** A signer that verifies ahead when the test says so. */
function heldSigner() {
  const signer = createSigner(new Uint8Array(32).fill(4))
  const held: (() => void)[] = []
  let verified = 0
  const ahead: AheadSigner = {
    ...signer,
    verify: (...proof) => {
      verified += 1
      return signer.verify(...proof)
    },
    verifyAhead: (proof, done) =>
      signer.verifyAhead(proof, (forget) => {
        held.push(() => done(forget))
      }),
  }
  return { ahead, held, verified: () => verified }
}

test('frames without a record, and those of other protocols, wait for nothing', () => {
  const links = linksAhead(heldSigner().ahead)
  links.frame(A, 'kv', encodeFrame({ type: 'absent', id: 7 }))
  links.frame(A, 'sync', put(1))
  links.frame(A, 'member', put(1))
  links.frame(A, 'kv', Uint8Array.of(1, 0xff))
  expect(links.heard).toEqual(['a kv 21 7', 'a sync 1 1', 'a member 1 1', 'a kv 1 255'])
})

test('frames with a record wait until it is verified, and the signer knows the answer then', async () => {
  const signer = createSigner(new Uint8Array(32).fill(4))
  const links = linksAhead(signer)
  links.frame(A, 'kv', put(1))
  links.frame(B, 'kv', encodeFrame({ type: 'found', id: 2, record: recordOf('b') }))
  expect(links.heard).toEqual([])
  await links.until(() => links.heard.length === 2)
  expect([...links.heard].sort()).toEqual(['a kv 1 1', 'b kv 20 2'])
})

test('of a link that went down meanwhile nothing more is heard', async () => {
  const { ahead, held } = heldSigner()
  const links = linksAhead(ahead)
  links.frame(A, 'kv', put(1))
  links.frame(B, 'kv', put(2))
  while (held.length < 2) await new Promise((resolve) => setImmediate(resolve))
  links.down(A)
  for (const release of held) release()
  await links.until(() => links.heard.length === 2)
  expect(links.heard).toEqual(['down a', 'b kv 1 2'])
})

test('beyond what may wait frames go their way at once', async () => {
  const { ahead, held } = heldSigner()
  const links = linksAhead(ahead)
  for (let id = 0; id < 70; id++) links.frame(A, 'kv', put(id))
  expect(links.heard).toEqual(Array.from({ length: 6 }, (_, i) => `a kv 1 ${64 + i}`))
  while (held.length < 64) await new Promise((resolve) => setImmediate(resolve))
  for (const release of held.splice(0)) release()
  await links.until(() => links.heard.length === 70)
  links.frame(A, 'kv', put(70))
  expect(links.heard.length).toBe(70)
})

test.each([
  ['a sound signature', 0, true],
  ['a forged one', 1, false],
])('verify() answers from memory about %s, until it forgets', async (_name, change, isSound) => {
  const signer = createSigner(new Uint8Array(32).fill(4))
  const bytes = recordOf('k').slice()
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) ^ change
  const record = decodeRecord(bytes)
  if (!record.ok) throw new Error(record.reason)
  const { author: publicKey, signature } = record.value
  let message = new Uint8Array()
  isSignedByAuthor(record.value, {
    ...signer,
    verify: (_key, signed) => {
      message = signed.slice()
      return true
    },
  })
  const forget = await new Promise<() => void>((resolve) => {
    expect(signer.verifyAhead({ publicKey, message, signature }, resolve)).toBe(true)
  })
  expect(signer.verify(publicKey, message, signature)).toBe(isSound)
  expect(signer.verify(publicKey, utf8('other'), signature)).toBe(false)
  expect(signer.verify(signer.publicKey, message, signature)).toBe(false)
  forget()
  expect(signer.verify(publicKey, message, signature)).toBe(isSound)
})
