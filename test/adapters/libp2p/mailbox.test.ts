import { describe, expect, it } from 'vitest'
import { Mailbox } from '../../../src/adapters/libp2p/mailbox.ts'
import { peerIdFromPublicKey } from '../../../src/base/peer-id.ts'

const A = peerIdFromPublicKey(new Uint8Array(32).fill(1))
const B = peerIdFromPublicKey(new Uint8Array(32).fill(2))

const fail = (error: unknown): never => {
  throw error
}

function turns(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('Mailbox', () => {
  it('calls nobody inside the call, urgent first, each kind in order', async () => {
    const mailbox = new Mailbox(fail)
    const seen: string[] = []
    mailbox.deferred(A, () => seen.push('d1'))
    mailbox.urgent(() => seen.push('u1'))
    mailbox.deferred(B, () => seen.push('d2'))
    mailbox.urgent(() => seen.push('u2'))
    expect(seen).toEqual([])
    await turns()
    expect(seen).toEqual(['u1', 'u2', 'd1', 'd2'])
  })

  it('last() comes after the frames of that peer and does not wait for others', async () => {
    const mailbox = new Mailbox(fail)
    const seen: string[] = []
    mailbox.deferred(A, () => seen.push('a1'))
    mailbox.deferred(B, () => seen.push('b1'))
    mailbox.deferred(A, () => seen.push('a2'))
    mailbox.last(A, () => seen.push('a down'))
    await turns()
    expect(seen).toEqual(['a1', 'a2', 'a down', 'b1'])
  })

  it('what is urgent overtakes deferred work that takes long', async () => {
    const mailbox = new Mailbox(fail)
    const seen: string[] = []
    for (let i = 0; i < 5; i++) {
      mailbox.deferred(A, () => {
        seen.push(`d${i}`)
        const until = performance.now() + 5
        while (performance.now() < until);
      })
    }
    setImmediate(() => mailbox.urgent(() => seen.push('urgent')))
    while (seen.length < 6) await turns()
    expect(seen.indexOf('urgent')).toBeLessThan(5)
    expect(seen.filter((each) => each !== 'urgent')).toEqual(['d0', 'd1', 'd2', 'd3', 'd4'])
  })

  it('a call that throws is reported and stops nothing', async () => {
    const errors: unknown[] = []
    const mailbox = new Mailbox((error) => errors.push(error))
    const seen: number[] = []
    mailbox.urgent(() => fail('broken'))
    mailbox.urgent(() => seen.push(1))
    await turns()
    expect([errors, seen]).toEqual([['broken'], [1]])
  })

  it('calls nothing after close()', async () => {
    const mailbox = new Mailbox(fail)
    mailbox.urgent(() => fail('called'))
    mailbox.close()
    mailbox.deferred(A, () => fail('called'))
    await turns()
  })

  it('handles thousands of frames in order', async () => {
    const mailbox = new Mailbox(fail)
    const seen: number[] = []
    for (let i = 0; i < 5000; i++) mailbox.deferred(A, () => seen.push(i))
    while (seen.length < 5000) await turns()
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  })
})
