import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { hex } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import {
  encodeClaimsHeader,
  encodeDigestClaim,
  encodePingRequest,
  encodeRecordClaim,
  encodeView,
  withClaims,
} from '../../src/membership/frame.ts'
import { Membership } from '../../src/membership/membership.ts'
import { signRecord } from '../../src/membership/record.ts'
import { TestSigner } from './signer.ts'
import { accuse, NETWORK, NOW, recordOf, Target } from './target.ts'

describe('forgery', () => {
  test('a record that its subject did not sign is refused', () => {
    const target = new Target()
    const other = new TestSigner(3)
    const forged = recordOf(new TestSigner(4), { publicKey: other.publicKey })
    target.claim(encodeRecordClaim(forged))
    expect(target.drops('record-signature')).toBe(1)
    expect(target.row(other)).toBeUndefined()
  })

  test('nobody raises the incarnation of another', () => {
    const target = new Target()
    const other = new TestSigner(3)
    target.claim(encodeRecordClaim(recordOf(other)))
    const forged = recordOf(new TestSigner(4), { publicKey: other.publicKey, incarnation: 1 })
    target.claim(encodeRecordClaim(forged))
    expect(target.row(other)?.incarnation).toBe(0)
    expect(target.drops('record-signature')).toBe(1)
  })

  test('an accusation counts only when its accuser is a member and signed it', () => {
    const target = new Target()
    const [victim, stranger] = [new TestSigner(3), new TestSigner(4)]
    target.claim(encodeRecordClaim(recordOf(victim)), encodeRecordClaim(recordOf(target.peer)))
    target.say(new Uint8Array(0), 1)
    target.claim(accuse(stranger, victim))
    expect(target.drops('accusation-accuser')).toBe(1)
    target.claim(accuse(target.peer, victim, { signature: new Uint8Array(64) }))
    expect(target.drops('accusation-signature')).toBe(1)
    expect(target.row(victim)?.state).toBe('alive')
    target.claim(accuse(target.peer, victim, { kind: 'suspect' }))
    expect(target.row(victim)?.state).toBe('suspect')
  })

  test('an accusation of a life not heard of yet takes no doubt away', () => {
    const target = new Target()
    const victim = new TestSigner(3)
    target.claim(encodeRecordClaim(recordOf(victim)), encodeRecordClaim(recordOf(target.peer)))
    target.say(new Uint8Array(0), 1)
    target.claim(accuse(target.peer, victim, { kind: 'suspect' }))
    target.claim(accuse(target.peer, victim, { kind: 'suspect', incarnation: 1 }))
    expect(target.row(victim)?.state).toBe('suspect')
    target.claim(encodeRecordClaim(recordOf(victim, { incarnation: 2 })))
    expect(target.row(victim)?.state).toBe('alive')
  })

  test('a failure claim leaves a living member a window to refute', () => {
    const target = new Target()
    const victim = new TestSigner(3)
    target.claim(encodeRecordClaim(recordOf(victim)), encodeRecordClaim(recordOf(target.peer)))
    target.say(new Uint8Array(0), 1)
    target.claim(accuse(target.peer, victim))
    expect(target.row(victim)?.state).toBe('suspect')
    target.tick(900)
    expect(target.row(victim)?.state).toBe('suspect')
    target.claim(encodeRecordClaim(recordOf(victim, { incarnation: 1 })))
    expect(target.row(victim)?.state).toBe('alive')
    target.tick(400)
    target.tick(400)
    expect(target.row(victim)?.state).toBe('alive')
  })

  test('a linked suspect that is heard is told of it and never declared failed', () => {
    const target = new Target()
    const accuser = new TestSigner(3)
    target.claim(encodeRecordClaim(recordOf(target.peer)), encodeRecordClaim(recordOf(accuser)))
    target.tick(1)
    const link = { remoteAddress: '/ip4/10.0.0.3/tcp/9', direction: 'inbound' } as const
    target.core.handle({ type: 'link-up', peer: accuser.peerId, ...link }, target.now)
    const bytes = withClaims(encodeClaimsHeader(), [accuse(accuser, target.peer)])
    target.core.handle({ type: 'frame', peer: accuser.peerId, bytes }, target.now)
    for (let i = 0; i < 200; i++) {
      target.core.handle({ type: 'heard', peer: target.peer.peerId }, target.now)
      target.tick(100)
    }
    expect(target.row(target.peer)?.state).toBe('suspect')
    // Now it falls silent, and the accusation stands.
    for (let i = 0; i < 40; i++) target.tick(100)
    expect(target.row(target.peer)?.state).toBe('failed')
  })

  test('a suspect that sends frames of another protocol hears of it within 20 ms', () => {
    const target = new Target()
    const accuser = new TestSigner(3)
    target.claim(encodeRecordClaim(recordOf(target.peer)), encodeRecordClaim(recordOf(accuser)))
    const link = { remoteAddress: '/ip4/10.0.0.3/tcp/9', direction: 'inbound' } as const
    target.core.handle({ type: 'link-up', peer: accuser.peerId, ...link }, target.now)
    target.tick(50)
    const charge = accuse(accuser, target.peer)
    target.core.handle(
      { type: 'frame', peer: accuser.peerId, bytes: withClaims(encodeClaimsHeader(), [charge]) },
      target.now,
    )
    target.tick(50)
    const before = target.outputs.length
    target.core.handle({ type: 'heard', peer: target.peer.peerId }, target.now)
    target.tick(10)
    target.tick(10)
    const told = target.outputs.slice(before).some((output) => {
      const isFrame = output.type === 'send' && output.peer === target.peer.peerId
      return isFrame && hex(output.bytes).includes(hex(charge))
    })
    expect(told).toBe(true)
  })

  test('a record for another network is refused', () => {
    const target = new Target()
    const other = new TestSigner(3)
    const foreign = signRecord(other, 'elsewhere', {
      publicKey: other.publicKey,
      epoch: 1,
      incarnation: 0,
      status: 'alive',
      bootNonce: new Uint8Array(8),
      protocol: { min: 1, max: 1 },
      name: 'x',
      addresses: [],
      tags: {},
    })
    target.claim(encodeRecordClaim(foreign.bytes))
    expect(target.drops('record-signature')).toBe(1)
  })

  test('an accusation of ourselves raises our incarnation once, one from the future never', () => {
    const target = new Target()
    target.claim(encodeRecordClaim(recordOf(target.peer)))
    const { epoch, incarnation } = target.core.self
    const charge = accuse(target.peer, target.signer, { epoch, incarnation, kind: 'suspect' })
    target.claim(charge)
    target.claim(charge)
    expect(target.core.self.incarnation).toBe(incarnation + 1)
    target.claim(accuse(target.peer, target.signer, { epoch, incarnation: 40, kind: 'suspect' }))
    expect(target.drops('accusation-ahead')).toBe(1)
    expect(target.core.self.incarnation).toBe(incarnation + 1)
    expect(target.core.self.state).toBe('alive')
  })

  test('an incarnation that leaps by more than 2^16 is refused, a higher epoch is not', () => {
    const target = new Target()
    const other = new TestSigner(3)
    target.claim(encodeRecordClaim(recordOf(other)))
    target.claim(encodeRecordClaim(recordOf(other, { incarnation: 2 ** 16 + 1 })))
    expect(target.drops('incarnation-jump')).toBe(1)
    target.claim(encodeRecordClaim(recordOf(other, { incarnation: 2 ** 16 })))
    expect(target.row(other)?.incarnation).toBe(2 ** 16)
    target.claim(encodeRecordClaim(recordOf(other, { epoch: 11, incarnation: 2 ** 40 })))
    expect(target.row(other)?.epoch).toBe(11)
  })

  test('a peer speaks for its own digest, hearsay of one that it told is ignored', () => {
    const target = new Target()
    const { peer } = target
    target.claim(encodeRecordClaim(recordOf(peer)))
    const told = (counter: number, byte: number): Uint8Array =>
      encodeDigestClaim({
        subject: peer.publicKey,
        epoch: 10,
        counter,
        digest: new Uint8Array(16).fill(byte),
      })
    target.claim(told(1, 1))
    const liar = new TestSigner(5)
    const link = { remoteAddress: '/ip4/10.0.0.3/tcp/9', direction: 'inbound' } as const
    target.core.handle({ type: 'link-up', peer: liar.peerId, ...link }, target.now)
    const bytes = withClaims(encodeClaimsHeader(), [told(99, 9)])
    target.core.handle({ type: 'frame', peer: liar.peerId, bytes }, target.now)
    expect(target.row(peer)?.digest?.[0]).toBe(1)
    target.claim(told(2, 2))
    expect(target.row(peer)?.digest?.[0]).toBe(2)
  })
})

describe('excess', () => {
  test('a record known already costs no verification', () => {
    const target = new Target()
    const claim = encodeRecordClaim(recordOf(new TestSigner(3)))
    target.claim(claim)
    const before = target.signer.verified
    for (let i = 0; i < 100; i++) target.claim(claim)
    expect(target.signer.verified).toBe(before)
  })

  test('at most 2,000 new members are let in at once, then 200 a second', () => {
    const target = new Target()
    const invent = (from: number, count: number): void => {
      for (let i = 0; i < count; i++) {
        target.claim(encodeRecordClaim(recordOf(new TestSigner(from + i))))
      }
    }
    invent(100, 2_100)
    expect(target.core.members()).toHaveLength(2_001)
    expect(target.drops('new-members-rate')).toBe(100)
    target.tick(1_000)
    invent(10_000, 300)
    expect(target.core.members()).toHaveLength(2_201)
    expect(target.drops('new-members-rate')).toBe(200)
  })

  test('a full table makes room for news by forgetting the dead, the oldest first', () => {
    const target = new Target()
    const invented = Array.from({ length: 10_260 }, (_, i) => new TestSigner(1_000 + i))
    for (const [i, signer] of invented.entries()) {
      if (i % 150 === 0) target.tick(1_000)
      const status = i === 5 || i === 7 ? 'left' : 'alive'
      target.claim(encodeRecordClaim(recordOf(signer, { status })))
    }
    // One of the table is the target itself; two places became free.
    expect(target.core.members()).toHaveLength(10_240)
    expect(target.drops('members-full')).toBe(10_260 - 10_239 - 2)
    expect([5, 7].map((i) => target.row(present(invented[i], 'a signer')))).toEqual([
      undefined,
      undefined,
    ])
    expect(target.core.self.state).toBe('alive')
  }, 60_000)

  test('records of the past change nothing, however often they are told', () => {
    const target = new Target()
    const other = new TestSigner(3)
    const past = [0, 1, 2].map((incarnation) => recordOf(other, { incarnation }))
    const latest = recordOf(other, { incarnation: 3, name: 'now' })
    target.claim(...past.map(encodeRecordClaim), encodeRecordClaim(latest))
    const [view, verified] = [hex(target.core.viewHash()), target.signer.verified]
    for (let i = 0; i < 20; i++) target.claim(...past.map(encodeRecordClaim))
    expect(hex(target.core.viewHash())).toBe(view)
    expect(target.row(other)?.name).toBe('now')
    expect(target.signer.verified).toBe(verified)
  })

  test('tags and addresses beyond their limits are refused, though signed', () => {
    const target = new Target()
    const tags = { a: 'x'.repeat(600) }
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v']))
    const addresses = Array.from({ length: 17 }, (_, i) => `/ip4/10.0.0.${i}/tcp/1`)
    for (const change of [{ tags }, { tags: many }, { addresses }]) {
      target.claim(encodeRecordClaim(recordOf(new TestSigner(3), change)))
    }
    expect(target.drops('record-malformed')).toBe(3)
    expect(target.core.members()).toHaveLength(1)
  })

  test('mutated frames of honest peers never throw and change nobody else', () => {
    const target = new Target()
    const others = [3, 4, 5].map((seed) => new TestSigner(seed))
    const claims = others.map((signer) => encodeRecordClaim(recordOf(signer)))
    const charge = accuse(present(others[0], 'a signer'), present(others[1], 'a signer'))
    const honest = withClaims(encodeClaimsHeader(), [...claims, charge])
    target.claim(encodeRecordClaim(recordOf(target.peer)), ...claims)
    target.tick(1_000)
    const view = hex(target.core.viewHash())
    const edit = fc.record({ at: fc.nat({ max: honest.length - 1 }), to: fc.nat({ max: 255 }) })
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(), (edits, cut) => {
        const bytes = honest.slice(0, honest.length - (cut % 3 === 0 ? cut % honest.length : 0))
        for (const { at, to } of edits) if (at < bytes.length) bytes[at] = to
        // The accusation is honest where it is whole: its bytes are broken everywhere else.
        if (bytes.length === honest.length) bytes[honest.length - 1] = 0xff
        target.core.handle({ type: 'heard', peer: target.peer.peerId }, target.now)
        target.say(bytes, 5)
        expect(hex(target.core.viewHash())).toBe(view)
      }),
      { numRuns: 2_000 },
    )
  })

  test('requests beyond the rate of a peer are dropped', () => {
    const target = new Target()
    const view = encodeView(new Uint8Array(8), new Uint8Array(8))
    for (let i = 0; i < 150; i++) target.say(view)
    expect(target.drops('request-rate')).toBe(50)
  })

  test('relay requests for strangers are answered without work', () => {
    const target = new Target()
    const before = target.outputs.length
    target.say(encodePingRequest({ sequence: 1, target: new Uint8Array(32), budgetMs: 500 }))
    const sent = target.outputs.slice(before).filter(({ type }) => type === 'send')
    expect(sent).toHaveLength(1)
  })

  test('frames of peers without a link are dropped', () => {
    const target = new Target()
    const { peerId } = new TestSigner(9)
    target.core.handle({ type: 'frame', peer: peerId, bytes: new Uint8Array(3) }, target.now)
    target.drain()
    expect(target.drops('frame-without-link')).toBe(1)
  })

  test('random frames never throw and make no member', () => {
    const target = new Target()
    const body = fc.uint8Array({ maxLength: 700 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 }), body, (type, bytes) => {
        target.say(Uint8Array.of(type, ...bytes), 10)
        expect(target.core.members()).toHaveLength(1)
      }),
      { numRuns: 3_000 },
    )
  })

  test('nonsense rows of the store are counted and left alone', () => {
    const core = new Membership({
      signer: new TestSigner(1),
      random: seededRandom(1),
      network: NETWORK,
      name: 'target',
      protocol: { min: 1, max: 1 },
      dialLoopback: false,
    })
    core.load({ key: 'member!epoch', value: new Uint8Array(20).fill(255) })
    core.load({ key: 'member!book!nobody', value: new Uint8Array(20) })
    core.load({
      key: `member!book!${new TestSigner(2).peerId}`,
      value: recordOf(new TestSigner(3)),
    })
    core.start(NOW)
    const reasons: string[] = []
    for (let output = core.poll(); output !== undefined; output = core.poll()) {
      if (output.type === 'dropped') reasons.push(output.reason)
    }
    expect(reasons).toEqual(['stored-epoch', 'stored-peer', 'stored-peer'])
    expect(core.self.epoch).toBe(NOW / 1_000)
  })
})

describe('dialling', () => {
  const LOCAL = [
    '/ip4/127.0.0.1/tcp/1',
    '/ip6/::1/tcp/1',
    '/dns4/localhost/tcp/1',
    '/ip4/0.0.0.0/tcp/1',
  ]

  function dialled(dialLoopback: boolean, addresses: readonly string[]): readonly string[] {
    const target = new Target({ dialLoopback })
    target.claim(encodeRecordClaim(recordOf(new TestSigner(3), { addresses })))
    for (let i = 0; i < 10; i++) target.tick(100)
    return target.outputs.flatMap((output) =>
      output.type === 'link-wanted' ? output.addresses : [],
    )
  }

  test('local addresses of others are dialled by local nodes only', () => {
    expect(dialled(false, LOCAL)).toEqual([])
    expect(dialled(false, [...LOCAL, '/ip4/10.0.0.7/tcp/1'])).toEqual(['/ip4/10.0.0.7/tcp/1'])
    expect(dialled(true, LOCAL)).toEqual(LOCAL)
  })

  test('failed members are dialled for ever, at most five a second and node', () => {
    const target = new Target()
    target.claim(encodeRecordClaim(recordOf(target.peer)))
    for (let i = 0; i < 60; i++) {
      const dead = new TestSigner(100 + i)
      target.claim(encodeRecordClaim(recordOf(dead)), accuse(target.peer, dead))
    }
    const dials = (): number => target.outputs.filter(({ type }) => type === 'link-wanted').length
    const perSecond: number[] = []
    for (let second = 0; second < 300; second++) {
      const before = dials()
      for (let i = 0; i < 10; i++) {
        const from = target.outputs.length
        target.say(withClaims(encodeClaimsHeader(), []), 100)
        for (const output of target.outputs.slice(from)) {
          if (output.type !== 'link-wanted') continue
          const input = { type: 'dial-failed', peer: output.peer, end: 'timeout' } as const
          target.core.handle(input, target.now)
        }
        target.drain()
      }
      perSecond.push(dials() - before)
    }
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(6)
    expect(perSecond.slice(-60).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(60)
  })
})
