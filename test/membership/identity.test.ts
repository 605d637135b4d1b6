import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { compareBytes, hex } from '../../src/base/bytes.ts'
import { seededRandom } from '../../src/base/random.ts'
import { bootNonce } from '../../src/membership/boot-nonce.ts'
import { encodeClaimsHeader, encodeRecordClaim, withClaims } from '../../src/membership/frame.ts'
import { Membership, type MembershipOutput } from '../../src/membership/membership.ts'
import { type MemberRecord, signRecord } from '../../src/membership/record.ts'
import { TestSigner } from './signer.ts'
import { type TestNode, World, type WorldOptions } from './world.ts'

const NOW = Date.UTC(2026, 0, 1)
const NETWORK = 'test'

function count(node: TestNode, type: MembershipOutput['type']): number {
  return node.outputs.filter(({ output }) => output.type === type).length
}

describe('bootNonce()', () => {
  test('holds the time, and bytes that differ at one instant', () => {
    const random = seededRandom(1)
    const [a, b] = [bootNonce(random, 0x0102_0304_0506), bootNonce(random, 0x0102_0304_0506)]
    expect(hex(a).slice(0, 12)).toBe('010203040506')
    expect(hex(a)).not.toBe(hex(b))
    expect(compareBytes(a, bootNonce(random, 0x0102_0304_0507))).toBeLessThan(0)
    expect(hex(bootNonce(random, -5)).slice(0, 12)).toBe('000000000000')
  })
})

describe('two processes with one key', () => {
  const faults: readonly (readonly [string, WorldOptions])[] = [
    ['over sound links', {}],
    ['when a quarter of the frames vanish', { loss: 0.25 }],
    ['when frames come late, twice and out of order', { latencyMs: [1, 200], duplicates: 0.3 }],
  ]
  test.each(faults)('%s: the younger one ends, the other is alive at all', (_, options) => {
    for (let seed = 1; seed <= 20; seed++) {
      const { loss = 0, ...rest } = options
      const world = World.settled(4, { seed, ...rest }, 5_000)
      const original = present(world.nodes[seed % 4], 'a node')
      const clone = world.clone(original)
      const others = world.nodes.filter(({ id }) => id !== original.id)
      world.loss = loss
      world.start(clone, others)
      world.until(() => count(clone, 'gave-way') > 0, 30_000)
      world.loss = 0
      world.until(() => world.isAgreed(), 15_000)
      world.run(30_000)
      expect(world.isAgreed(), `seed ${seed}`).toBe(true)
      expect([original.isUp, clone.isUp]).toEqual([true, false])
      expect(count(original, 'gave-way')).toBe(0)
      expect(count(original, 'alarm')).toBeGreaterThan(0)
      // Not more often than every 10 s.
      expect(count(original, 'alarm')).toBeLessThanOrEqual(4)
    }
  })

  test('one that was killed before it gave way does not stay ahead of the other', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = World.settled(4, { seed }, 3_000)
      const original = present(world.nodes[1], 'a node')
      const clone = world.clone(original)
      world.start(clone, [present(world.nodes[0], 'a node')])
      world.run(2 * seed)
      world.kill(clone)
      world.until(() => world.isAgreed(), 15_000)
    }
  })
})

/** One core with one linked peer that may repeat anything that the core's key has ever signed. */
class Repeater {
  readonly signer: TestSigner = new TestSigner(1)
  readonly peer: TestSigner = new TestSigner(2)
  readonly core: Membership
  readonly outputs: MembershipOutput[] = []
  now: number = NOW

  constructor() {
    this.core = new Membership({
      signer: this.signer,
      random: seededRandom(1),
      network: NETWORK,
      name: 'target',
      protocol: { min: 1, max: 1 },
      dialLoopback: false,
    })
    this.core.start(this.now)
    const remoteAddress = '/ip4/10.0.0.2/tcp/9'
    const { peerId: peer } = this.peer
    this.core.handle({ type: 'link-up', peer, remoteAddress, direction: 'inbound' }, this.now)
    this.#drain()
  }

  /** The nonce of this very boot, as anybody hears it. */
  get nonce(): Uint8Array {
    return this.core.introduce().claims.record.bootNonce
  }

  repeat(change: Partial<MemberRecord>): void {
    const { record } = this.core.introduce().claims
    const { bytes } = signRecord(this.signer, NETWORK, {
      publicKey: this.signer.publicKey,
      epoch: record.epoch,
      incarnation: 0,
      status: 'alive',
      bootNonce: nonceAt(-1_000),
      protocol: { min: 1, max: 1 },
      name: 'twin',
      addresses: ['/ip4/10.0.0.7/tcp/1'],
      tags: {},
      ...change,
    })
    const claims = withClaims(encodeClaimsHeader(), [encodeRecordClaim(bytes)])
    this.core.handle({ type: 'frame', peer: this.peer.peerId, bytes: claims }, this.now)
    this.#drain()
  }

  /** Ticks when the core asks for it. */
  run(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const at = this.core.nextDeadline()
      if (at === undefined || at > end) break
      this.now = Math.max(this.now, at)
      this.core.handle({ type: 'tick' }, this.now)
      this.#drain()
    }
    this.now = end
  }

  of(type: MembershipOutput['type']): MembershipOutput[] {
    return this.outputs.filter((output) => output.type === type)
  }

  #drain(): void {
    for (let output = this.core.poll(); output !== undefined; output = this.core.poll()) {
      this.outputs.push(output)
    }
  }
}

function nonceAt(offsetMs: number): Uint8Array {
  return bootNonce(seededRandom(offsetMs), NOW + offsetMs)
}

describe('a record of our own key from another boot', () => {
  test('is outbid, and ends nobody as long as it does not name this very boot', () => {
    const target = new Repeater()
    const { epoch } = target.core.self
    target.repeat({ epoch: epoch + 5 })
    expect(target.core.self).toMatchObject({ epoch: epoch + 6, incarnation: 0 })
    // Lives that fought each other once, repeated in their order by somebody.
    target.repeat({ epoch: epoch + 9, rival: nonceAt(-2_000) })
    target.repeat({ epoch: epoch + 11, bootNonce: nonceAt(-2_000), rival: nonceAt(-1_000) })
    expect(target.core.self.epoch).toBe(epoch + 12)
    expect(target.of('gave-way')).toEqual([])
    expect(target.of('alarm')).toEqual([])
  })

  test('of an older process that names this one ends it: it says nothing any more', () => {
    const target = new Repeater()
    const { epoch } = target.core.self
    target.repeat({ epoch: epoch + 1, rival: target.nonce })
    expect(target.of('gave-way')).toEqual([
      { type: 'gave-way', addresses: ['/ip4/10.0.0.7/tcp/1'] },
    ])
    expect(target.core.self.epoch).toBe(epoch)
    expect(target.core.nextDeadline()).toBeUndefined()
    const before = target.outputs.length
    target.core.handle({ type: 'leave' }, target.now)
    target.core.handle({ type: 'addresses', addresses: ['/ip4/10.0.0.9/tcp/1'] }, target.now)
    target.repeat({ epoch: epoch + 7 })
    target.run(60_000)
    expect(target.outputs).toHaveLength(before)
  })

  test('of a younger process is outbid each time, with an alarm each ten seconds', () => {
    const target = new Repeater()
    for (let i = 0; i < 20; i++) {
      const { epoch } = target.core.self
      target.repeat({ epoch: epoch + 1, bootNonce: nonceAt(1_000), rival: target.nonce })
      target.run(500)
      expect(target.core.self.epoch).toBe(epoch + 2)
    }
    expect(target.of('gave-way')).toEqual([])
    expect(target.of('alarm')).toHaveLength(1)
  })

  test('is outbid three times at once, then every ten seconds: nobody is shut out', () => {
    const target = new Repeater()
    const epochs = [0, 1, 2, 3].map(() => {
      const ahead = target.core.self.epoch + 10
      target.repeat({ epoch: ahead })
      return target.core.self.epoch - ahead
    })
    expect(epochs).toEqual([1, 1, 1, -10])
    target.run(9_000)
    expect(target.core.self.epoch).toBeLessThan(NOW / 1_000 + 40)
    target.run(2_000)
    expect(target.core.self.epoch).toBe(NOW / 1_000 + 44)
  })

  test('with this boot’s own nonce is that of a snapshot of this process: the nonce changes', () => {
    const target = new Repeater()
    const { nonce } = target
    const { epoch } = target.core.self
    target.run(5_000)
    target.repeat({ epoch, incarnation: 9, bootNonce: nonce })
    expect(target.core.self.epoch).toBe(epoch + 1)
    expect(compareBytes(target.nonce, nonce)).toBeGreaterThan(0)
    expect(target.of('gave-way')).toEqual([])
    target.repeat({ epoch: epoch + 2, bootNonce: nonce, rival: target.nonce })
    expect(target.of('gave-way')).toHaveLength(1)
  })
})
