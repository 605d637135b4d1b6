import { describe, expect, it } from 'vitest'
import { encodeHello, type HelloMessage } from '../../../src/adapters/libp2p/hello-messages.ts'
import { LedgerExchange, type LedgerWire } from '../../../src/adapters/libp2p/ledger-exchange.ts'
import { FRAME_BYTES_MAX } from '../../../src/adapters/libp2p/options.ts'
import { createSigner } from '../../../src/adapters/platform/nodejs-signer.ts'
import { signCapability } from '../../../src/invites/capability.ts'
import { encodeLedgerEntry } from '../../../src/invites/ledger-codec.ts'
import { signRevocation } from '../../../src/invites/revocation.ts'
import { rootSeed } from '../../../src/invites/root-key.ts'
import { InviteDesk } from '../../../src/node/invite-desk.ts'

const ROOT = createSigner(rootSeed(new Uint8Array(32).fill(7), 'test'))
const NOW = 1_000_000

/** One node's ledger and its connections to others; messages wait until `run`. */
class Side {
  readonly desk: InviteDesk
  readonly exchange: LedgerExchange
  readonly wires: FakeWire[] = []
  readonly faults: string[] = []

  constructor(seed: number) {
    this.desk = new InviteDesk({
      network: 'test',
      signer: createSigner(new Uint8Array(32).fill(seed)),
      basis: { type: 'key', root: ROOT },
      disk: { commit: (_writes, done) => done(undefined) },
      now: () => NOW,
      randomSeed: () => crypto.getRandomValues(new Uint8Array(32)),
      createSigner,
      alarm: () => {},
      observers: () => {},
    })
    this.exchange = new LedgerExchange({
      invites: this.desk,
      wires: () => this.wires as unknown as readonly LedgerWire[],
      dropped: (reason) => this.faults.push(reason),
      malformed: (_wire, reason) => this.faults.push(reason),
    })
  }
}

class FakeWire {
  readonly isAdmitted = true
  readonly knowsInvites = true
  readonly sent: HelloMessage[] = []
  readonly peer
  capability: LedgerWire['capability']
  expelled: string | undefined
  to: { side: Side; wire: FakeWire } | undefined

  constructor(peer: LedgerWire['peer']) {
    this.peer = peer
  }

  tell(message: HelloMessage): boolean {
    expect(encodeHello(message).length).toBeLessThanOrEqual(FRAME_BYTES_MAX.hello)
    this.sent.push(message)
    return true
  }

  expel(reason: string): void {
    this.expelled = reason
  }
}

function join(a: Side, b: Side): readonly [FakeWire, FakeWire] {
  const peers = [
    createSigner(new Uint8Array(32).fill(21)).peerId,
    createSigner(new Uint8Array(32).fill(22)).peerId,
  ] as const
  const [toB, toA] = [new FakeWire(peers[1]), new FakeWire(peers[0])]
  toB.to = { side: b, wire: toA }
  toA.to = { side: a, wire: toB }
  a.wires.push(toB)
  b.wires.push(toA)
  a.exchange.admitted(toB as unknown as LedgerWire)
  b.exchange.admitted(toA as unknown as LedgerWire)
  return [toB, toA]
}

/** Delivers until nobody says anything more. @returns messages delivered */
function run(...sides: readonly Side[]): number {
  let count = 0
  for (let moved = true; moved; ) {
    moved = false
    for (const wire of sides.flatMap((side) => side.wires)) {
      const message = wire.sent.shift()
      if (message === undefined || wire.to === undefined) continue
      moved = true
      count += 1
      wire.to.side.exchange.message(wire.to.wire as unknown as LedgerWire, message)
    }
  }
  return count
}

async function revokeMany(side: Side, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await side.desk.issuer?.revoke(i.toString(16).padStart(8, '0').repeat(4))
  }
}

describe('LedgerExchange', () => {
  it('makes two ledgers equal, and then says nothing more', async () => {
    const [a, b] = [new Side(1), new Side(2)]
    await revokeMany(a, 60)
    await b.desk.issuer?.revoke('f'.repeat(32))
    join(a, b)
    run(a, b)
    expect(a.desk.ledger.entries()).toHaveLength(61)
    expect(a.desk.ledger.hash()).toEqual(b.desk.ledger.hash())
    join(a, b)
    expect(run(a, b)).toBe(2)
    expect([...a.faults, ...b.faults]).toEqual([])
  })

  it('passes what is new on to everybody but who told it', async () => {
    const sides = [new Side(1), new Side(2), new Side(3), new Side(4)] as const
    const [a, b, c, d] = sides
    for (const [one, other] of [
      [a, b],
      [b, c],
      [c, d],
      [d, a],
    ] as const)
      join(one, other)
    await a.desk.issuer?.revoke('f'.repeat(32))
    expect(run(...sides)).toBeLessThanOrEqual(5)
    for (const side of sides) expect(side.desk.ledger.entries()).toHaveLength(1)
  })

  it('says nothing while there is nothing to say', () => {
    const [a, b] = [new Side(1), new Side(2)]
    join(a, b)
    expect(run(a, b)).toBe(0)
  })

  it('cuts off whoever a new revocation is about, and nobody else', async () => {
    const [a, b] = [new Side(1), new Side(2)]
    const [toB] = join(a, b)
    const other = createSigner(new Uint8Array(32).fill(22))
    toB.capability = signCapability(ROOT, {
      ...{ network: 'test', role: 'member', issuedAt: NOW - 1, expiresAt: NOW + 60_000 },
      id: new Uint8Array(16).fill(5),
      audience: { type: 'peer', publicKey: other.publicKey },
    })
    await a.desk.issuer?.revoke('0'.repeat(32))
    expect(toB.expelled).toBeUndefined()
    await a.desk.issuer?.revoke('05'.repeat(16))
    expect(toB.expelled).toBe('the invite was revoked')
    // It was told first.
    expect(toB.sent.at(-1)?.type).toBe('entries')
  })

  it('takes nothing that the network key did not sign, and stops reading there', () => {
    const [a, b] = [new Side(1), new Side(2)]
    const [toB] = join(a, b)
    const revocation = {
      ...{ network: 'test', revokedAt: NOW, until: NOW + 1_000 },
      subject: { type: 'invite', id: new Uint8Array(16) },
    } as const
    const signed = (by: typeof ROOT, network = 'test'): Uint8Array =>
      encodeLedgerEntry({
        type: 'revocation',
        revocation: signRevocation(by, { ...revocation, network }),
      })
    const forged = signed(createSigner(new Uint8Array(32).fill(9)))
    for (const entry of [
      forged,
      signed(ROOT, 'other'),
      Uint8Array.of(1, 2, 3),
      new Uint8Array(0),
    ]) {
      const wire = toB as unknown as LedgerWire
      a.exchange.message(wire, { type: 'entries', entries: [entry, signed(ROOT)] })
    }
    expect(a.desk.ledger.entries()).toHaveLength(0)
    expect(a.faults).toHaveLength(4)
  })

  it('sends all it holds to one peer so often and no oftener', async () => {
    const [a, b] = [new Side(1), new Side(2)]
    await revokeMany(a, 1)
    const [toB] = join(a, b)
    toB.sent.length = 0
    for (let i = 0; i < 100; i++) {
      const hash = new Uint8Array(8).fill(i + 1)
      a.exchange.message(toB as unknown as LedgerWire, { type: 'ledger', hash, isReply: true })
    }
    expect(toB.sent).toHaveLength(5)
    expect(a.faults).toHaveLength(95)
  })
})
