import { seededRandom } from '../../src/base/random.ts'
import { type Accusation, signAccusation } from '../../src/membership/accusation.ts'
import {
  encodeAccusationClaim,
  encodeClaimsHeader,
  withClaims,
} from '../../src/membership/frame.ts'
import { Membership, type MembershipOutput } from '../../src/membership/membership.ts'
import { type MemberRecord, signRecord } from '../../src/membership/record.ts'
import { TestSigner } from './signer.ts'

export const NOW: number = Date.UTC(2026, 0, 1)
export const NETWORK = 'test'

/** An encoded record, of the tenth epoch unless told otherwise. */
export function recordOf(signer: TestSigner, change: Partial<MemberRecord> = {}): Uint8Array {
  return signRecord(signer, NETWORK, {
    publicKey: signer.publicKey,
    epoch: 10,
    incarnation: 0,
    status: 'alive',
    bootNonce: new Uint8Array(8),
    protocol: { min: 1, max: 1 },
    name: 'peer',
    addresses: ['/ip4/10.0.0.2/tcp/1'],
    tags: {},
    ...change,
  }).bytes
}

/** One core with one linked peer that may say anything. */
export class Target {
  readonly signer: TestSigner = new TestSigner(1)
  readonly peer: TestSigner = new TestSigner(2)
  readonly core: Membership
  readonly outputs: MembershipOutput[] = []
  now: number = NOW

  constructor(options: { dialLoopback?: boolean } = {}) {
    this.core = new Membership({
      signer: this.signer,
      random: seededRandom(1),
      network: NETWORK,
      name: 'target',
      protocol: { min: 1, max: 1 },
      dialLoopback: options.dialLoopback ?? false,
    })
    this.core.start(this.now)
    this.core.handle(
      {
        type: 'link-up',
        peer: this.peer.peerId,
        remoteAddress: '/ip4/10.0.0.2/tcp/9',
        direction: 'inbound',
      },
      this.now,
    )
    this.drain()
  }

  drain(): void {
    for (let output = this.core.poll(); output !== undefined; output = this.core.poll()) {
      this.outputs.push(output)
    }
  }

  say(bytes: Uint8Array, afterMs = 0): void {
    this.now += afterMs
    this.core.handle({ type: 'frame', peer: this.peer.peerId, bytes }, this.now)
    this.drain()
  }

  claim(...claims: Uint8Array[]): void {
    this.say(withClaims(encodeClaimsHeader(), claims))
  }

  tick(ms: number): void {
    this.now += ms
    this.core.handle({ type: 'tick' }, this.now)
    this.drain()
  }

  drops(reason: string): number {
    return this.outputs.filter((output) => output.type === 'dropped' && output.reason === reason)
      .length
  }

  row(signer: TestSigner): ReturnType<Membership['members']>[number] | undefined {
    return this.core.members().find(({ peerId }) => peerId === signer.peerId)
  }
}

/** An encoded accusation: of a failure, unless told otherwise. */
export function accuse(
  by: TestSigner,
  subject: TestSigner,
  change: Partial<Accusation> = {},
): Uint8Array {
  const accusation = signAccusation(by, NETWORK, {
    kind: change.kind ?? 'failed',
    subject: subject.publicKey,
    epoch: change.epoch ?? 10,
    incarnation: change.incarnation ?? 0,
  })
  return encodeAccusationClaim({ ...accusation, ...change })
}
