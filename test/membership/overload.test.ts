import { describe, expect, test } from 'vitest'
import { encodeClaimsHeader, encodeRecordClaim, withClaims } from '../../src/membership/frame.ts'
import { Lateness } from '../../src/membership/lateness.ts'
import { TestSigner } from './signer.ts'
import { accuse, NOW, recordOf, Target } from './target.ts'
import { World } from './world.ts'

/** A target whose table holds these too. */
function knowing(...members: readonly TestSigner[]): Target {
  const target = new Target()
  for (const member of [target.peer, ...members]) target.claim(encodeRecordClaim(recordOf(member)))
  // Whoever is heard of as failed at first is failed at once.
  target.tick(1)
  return target
}

describe('what is said often enough', () => {
  test('of one that has failed costs no signature check, is counted and not passed on', () => {
    const [victim, accuser] = [new TestSigner(3), new TestSigner(4)]
    const target = knowing(victim, accuser)
    target.claim(accuse(target.peer, victim))
    for (let i = 0; i < 50; i++) target.tick(100)
    expect(target.row(victim)?.state).toBe('failed')
    const before = [target.signer.verified, target.outputs.length]
    target.claim(accuse(accuser, victim), accuse(accuser, victim, { kind: 'refused' }))
    target.claim(accuse(accuser, victim, { signature: new Uint8Array(64) }))
    expect(target.drops('accusation-excess')).toBe(3)
    const sent = target.outputs.slice(before[1]).filter(({ type }) => type === 'send')
    expect([target.signer.verified, sent.length]).toEqual([before[0], 0])
  })

  test('of a suspect: two believed failure claims, and nobody asks for a third', () => {
    const victim = new TestSigner(3)
    const accusers = [4, 5, 6].map((seed) => new TestSigner(seed))
    const target = knowing(victim, ...accusers)
    for (const accuser of accusers) target.claim(accuse(accuser, victim))
    expect(target.drops('accusation-excess')).toBe(1)
    target.claim(...accusers.map((accuser) => accuse(accuser, victim, { incarnation: 1 })))
    expect(target.drops('accusation-excess')).toBe(1)
  })

  test('failure claims of members in doubt are none: a third is heard', () => {
    const victim = new TestSigner(3)
    const accusers = [4, 5, 6].map((seed) => new TestSigner(seed))
    const target = knowing(victim, ...accusers)
    for (const one of accusers.slice(0, 2))
      target.claim(accuse(target.peer, one, { kind: 'suspect' }))
    for (const accuser of accusers) target.claim(accuse(accuser, victim))
    expect(target.drops('accusation-excess')).toBe(0)
  })

  test('the death of one of 16 is declared by a few, and all know', () => {
    const world = World.settled(16)
    const [, victim, ...rest] = world.nodes
    if (victim === undefined) throw new Error('no victim')
    const others = [...world.nodes.slice(0, 1), ...rest]
    const signedBefore = others.map(({ signer }) => signer.signed)
    world.kill(victim)
    world.until(() => others.every((node) => node.stateOf(victim) === 'failed'), 2_000)
    world.run(3_000)
    const signed = others.map(({ signer }, i) => signer.signed - (signedBefore[i] ?? 0))
    const sum = signed.reduce((total, count) => total + count, 0)
    // Two find its port closed, and few declare it: without waiting ten would, or all fifteen.
    expect(sum).toBeLessThan(9)
    expect(others.some(({ core }) => core.member(victim.id)?.state !== 'failed')).toBe(false)
  })
})

test('a refutation leaves with the frame that asked for it, and is passed on at once', () => {
  const subject = new TestSigner(3)
  const target = knowing(subject)
  const sent = (): number => target.outputs.filter(({ type }) => type === 'send').length
  target.tick(1_000)
  const { epoch, incarnation } = target.core.self
  const before = sent()
  target.claim(accuse(target.peer, target.signer, { epoch, incarnation, kind: 'suspect' }))
  expect(target.core.self.incarnation).toBe(incarnation + 1)
  expect(sent()).toBeGreaterThan(before)
  const link = { remoteAddress: '/ip4/10.0.0.3/tcp/9', direction: 'inbound' } as const
  target.core.handle({ type: 'link-up', peer: subject.peerId, ...link }, target.now)
  target.claim(accuse(target.peer, subject, { kind: 'suspect' }))
  target.tick(500)
  const refutation = [encodeRecordClaim(recordOf(subject, { incarnation: 1 }))]
  const bytes = withClaims(encodeClaimsHeader(), refutation)
  const waiting = sent()
  target.core.handle({ type: 'frame', peer: subject.peerId, bytes }, target.now)
  target.drain()
  expect(sent()).toBeGreaterThan(waiting)
})

describe('lateness', () => {
  test('the worst of it fades by half in two seconds, and small change is none', () => {
    const lateness = new Lateness()
    expect(lateness.ms(NOW)).toBe(0)
    lateness.note(400, NOW)
    lateness.note(50, NOW)
    expect(lateness.ms(NOW)).toBe(400)
    expect(lateness.ms(NOW + 2_000)).toBeCloseTo(200)
    expect(lateness.ms(NOW + 20_000)).toBe(0)
    lateness.note(4_000, NOW + 20_000)
    expect(lateness.ms(NOW + 20_000)).toBe(500)
  })

  test('who is late itself waits longer for an answer before it accuses', () => {
    /** How long a silent peer is alive, when the first timers come so late. */
    const doubtedAfterMs = (lateMs: number): number => {
      const target = knowing()
      for (let i = 0; target.row(target.peer)?.state === 'alive'; i++) {
        const dueInMs = (target.core.nextDeadline() ?? NOW) - target.now
        target.tick(dueInMs + (i < 3 ? lateMs : 0))
      }
      return target.now - NOW
    }
    // What was due itself is put off by as much as it came late: that is no more than three times.
    expect(doubtedAfterMs(200) - doubtedAfterMs(0)).toBeGreaterThan(3 * 200 + 100)
  })
})
