import type { Stream } from '@libp2p/interface'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Hello, type HelloOutcome, type HelloStep } from '../../../src/adapters/libp2p/hello.ts'
import { decodeHello, encodeHello } from '../../../src/adapters/libp2p/hello-messages.ts'
import type { InvitePort } from '../../../src/adapters/libp2p/invite-port.ts'
import { hex } from '../../../src/base/bytes.ts'
import { publicKeyOf } from '../../../src/base/peer-id.ts'
import type { SignedCapability } from '../../../src/invites/capability.ts'
import { judge } from '../../../src/invites/judge.ts'
import { Ledger } from '../../../src/invites/ledger.ts'
import { ADA, BOB, capabilityOf, filled, KEY, ROOT, SECRET } from '../../invites/capabilities.ts'
import { TestHosts } from './test-host.ts'

const NOW = 3_000

const holderOf = (of: { publicKey: Uint8Array }): SignedCapability =>
  capabilityOf(of, { role: 'holder', issuedAt: 0, expiresAt: undefined })
const ONE_TIME = capabilityOf(SECRET, { audience: { type: 'secret', publicKey: SECRET.publicKey } })

/** A port that shows what it is told to, and redeems when it holds the key. */
function port(own: SignedCapability, ledger = new Ledger()): InvitePort {
  const isHolder = own.role === 'holder'
  return {
    isHolder,
    show: (statement) => ({
      capability: own.bytes,
      signature: own === ONE_TIME ? SECRET.sign(statement) : new Uint8Array(0),
    }),
    judge: (peer, shown, statement) => {
      const court = { network: 'test', rootKey: ROOT.publicKey, ledger, signer: ADA, isHolder }
      const publicKey = publicKeyOf(peer) ?? new Uint8Array(0)
      return judge(court, shown, { publicKey, statement, now: NOW })
    },
    redeem: (peer, { id, role }, done) => {
      const publicKey = publicKeyOf(peer) ?? new Uint8Array(0)
      const audience = { type: 'redeemed', publicKey, redeemedAt: NOW } as const
      done({ type: 'admitted', capability: capabilityOf(ADA, { id, role, audience }) })
    },
    granted: () => {},
    admitted: () => {},
    refused: () => {},
    standing: () => undefined,
    ledger: {
      hash: () => undefined,
      entries: () => [],
      learn: () => 'old',
      listen: () => {},
    },
  }
}

interface End {
  readonly invites?: InvitePort
  readonly networkKey?: Uint8Array
}

function hello(role: 'dialler' | 'acceptor', { invites, networkKey }: End): Hello {
  const isDialler = role === 'dialler'
  return new Hello({
    role,
    self: isDialler ? ADA.peerId : BOB.peerId,
    remote: isDialler ? BOB.peerId : ADA.peerId,
    network: 'test',
    networkKey,
    invites,
    nonce: new Uint8Array(32).fill(isDialler ? 3 : 4),
    session: new Uint8Array(8).fill(isDialler ? 5 : 6),
    isLinked: () => false,
  })
}

/** Carries messages between two ends until both are silent. */
function run(
  a: End,
  b: End,
): {
  readonly outcomes: (HelloOutcome | undefined)[]
  readonly grants: (Uint8Array | undefined)[]
  readonly messages: Uint8Array[]
} {
  const ends = [hello('dialler', a), hello('acceptor', b)]
  const outcomes: (HelloOutcome | undefined)[] = [undefined, undefined]
  const grants: (Uint8Array | undefined)[] = [undefined, undefined]
  const messages: Uint8Array[] = []
  const apply = (at: number, step: HelloStep): void => {
    if (step.wait !== undefined) step.wait((next) => apply(at, next))
    outcomes[at] = step.outcome ?? outcomes[at]
    grants[at] = step.grant ?? grants[at]
    if (step.reply === undefined) return
    messages.push(step.reply)
    const to = 1 - at
    const next = ends[to]?.receive(step.reply)
    if (next !== undefined) apply(to, next)
  }
  apply(0, ends[0]?.start() ?? {})
  return { outcomes, grants, messages }
}

const KEYED = { networkKey: KEY }
const HOLDER_A = { networkKey: KEY, invites: port(holderOf(ADA)) }
const HOLDER_B = { networkKey: KEY, invites: port(holderOf(BOB)) }
const GUEST_A = { invites: port(capabilityOf(ADA)) }
const GUEST_B = { invites: port(capabilityOf(BOB)) }

function types(ends: ReturnType<typeof run>): unknown {
  return ends.outcomes.map((outcome) => outcome?.type)
}

describe('Hello with invites', () => {
  it.each([
    ['an invited dialler and a holder', GUEST_A, HOLDER_B],
    ['a holder and an invited acceptor', HOLDER_A, GUEST_B],
    ['two that were invited', GUEST_A, GUEST_B],
    ['two holders', HOLDER_A, HOLDER_B],
    ['a holder and one that knows of no invites', HOLDER_A, KEYED],
    ['one that knows of no invites and a holder', KEYED, HOLDER_B],
  ])('admits %s', (_name, a, b) => {
    expect(types(run(a, b))).toEqual(['admitted', 'admitted'])
  })

  it('tells each end what the other was admitted for, and nothing of holders among themselves', () => {
    const [dialler, acceptor] = run(GUEST_A, HOLDER_B).outcomes
    expect(dialler).toMatchObject({ capability: { role: 'holder' }, knowsInvites: true })
    expect(acceptor).toMatchObject({ capability: { role: 'member' }, knowsInvites: true })
    for (const outcome of run(HOLDER_A, HOLDER_B).outcomes) {
      expect(outcome).toMatchObject({ knowsInvites: true })
      expect(outcome).not.toHaveProperty('capability')
    }
    for (const outcome of run(HOLDER_A, KEYED).outcomes) {
      expect(outcome).not.toHaveProperty('knowsInvites')
    }
  })

  it.each([
    ['one that knows of no invites', GUEST_A, KEYED, 'protocol 3 to 3'],
    ['one that was invited and does not speak the old way', KEYED, GUEST_B, 'protocol 4 to 4'],
    ['a network without key', GUEST_A, {}, 'protocol 3 to 3'],
    ['a stranger', {}, GUEST_B, 'protocol 4 to 4'],
    ['an invite of another', { invites: port(capabilityOf(BOB)) }, HOLDER_B, 'another peer'],
    [
      'an expired invite',
      { invites: port(capabilityOf(ADA, { expiresAt: NOW })) },
      GUEST_B,
      'expired',
    ],
    [
      'a one-time invite shown to the invited',
      { invites: port(ONE_TIME) },
      GUEST_B,
      'with the network key',
    ],
    [
      'an acceptor with the invite of another',
      GUEST_A,
      { invites: port(capabilityOf(ADA)) },
      'another peer',
    ],
  ])('rejects %s, and says why', (_name, a, b, reason) => {
    const [dialler, acceptor] = run(a, b).outcomes
    // Whoever is refused last has let the other in before; it hears of it on the open stream.
    const rejected = [dialler, acceptor].filter((outcome) => outcome?.type === 'rejected')
    expect(rejected.length).toBeGreaterThan(0)
    for (const outcome of rejected) {
      expect(outcome).toMatchObject({ reason: expect.stringContaining(reason) })
    }
  })

  it('turns a one-time invite into the own capability of whoever proves it, at either end', () => {
    const [, granted] = run({ invites: port(ONE_TIME) }, HOLDER_B).grants
    expect(granted).toBeDefined()
    const [back] = run(HOLDER_A, { invites: port(ONE_TIME) }).grants
    expect(back).toBeDefined()
  })

  it('takes nothing while an invite is being redeemed', () => {
    const invites: InvitePort = { ...port(holderOf(BOB)), redeem: () => {} }
    const acceptor = hello('acceptor', { networkKey: KEY, invites })
    const { messages } = run({ invites: port(ONE_TIME) }, { networkKey: KEY, invites })
    acceptor.receive(messages[0] ?? new Uint8Array(0))
    const step = acceptor.receive(messages[2] ?? new Uint8Array(0))
    expect(step.wait).toBeDefined()
    expect(acceptor.receive(messages[2] ?? new Uint8Array(0)).outcome?.type).toBe('malformed')
  })

  it('refuses a proof of a one-time invite made for other nonces', () => {
    const [open, , present] = run({ invites: port(ONE_TIME) }, HOLDER_B).messages
    const acceptor = new Hello({
      ...{ role: 'acceptor', self: BOB.peerId, remote: ADA.peerId, network: 'test' },
      ...{ networkKey: KEY, invites: port(holderOf(BOB)), isLinked: () => false },
      nonce: new Uint8Array(32).fill(9),
      session: new Uint8Array(8),
    })
    acceptor.receive(open ?? new Uint8Array(0))
    expect(acceptor.receive(present ?? new Uint8Array(0)).outcome).toMatchObject({
      type: 'rejected',
      reason: expect.stringContaining('secret'),
    })
  })

  it('lets nobody choose how to prove: a holder cannot be asked for less, nor the invited for the key', () => {
    const acceptor = hello('acceptor', HOLDER_B)
    const [open] = run(HOLDER_A, HOLDER_B).messages
    acceptor.receive(open ?? new Uint8Array(0))
    const shown = { capability: capabilityOf(ADA).bytes, signature: new Uint8Array(0) }
    const present = encodeHello({ type: 'present', shown, isLinked: false })
    expect(acceptor.receive(present).outcome?.type).toBe('malformed')
    const other = hello('acceptor', HOLDER_B)
    other.receive(run(GUEST_A, HOLDER_B).messages[0] ?? new Uint8Array(0))
    const proof = encodeHello({ type: 'proof', proof: new Uint8Array(0), isLinked: false })
    expect(other.receive(proof).outcome?.type).toBe('malformed')
  })

  it('shows an acceptor’s capability to nobody who has not been admitted', () => {
    const { messages } = run({ invites: port(capabilityOf(BOB)) }, GUEST_B)
    const told = messages.filter((_message, i) => i % 2 === 1).map(decodeHello)
    expect(told.map((each) => each.ok && each.value.type)).toEqual(['challenge', 'reject'])
  })

  it('takes any bytes without throwing and admits nobody for them', () => {
    const bytes = fc.uint8Array({ maxLength: 400 })
    const messages = fc.oneof(
      bytes,
      fc
        .record({ capability: fc.uint8Array({ maxLength: 256 }), signature: bytes })
        .map((shown) => {
          return encodeHello({ type: 'present', shown, isLinked: false })
        }),
    )
    const opened = run(GUEST_A, HOLDER_B).messages[0] ?? new Uint8Array(0)
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 3 }), (list) => {
        const acceptor = hello('acceptor', HOLDER_B)
        acceptor.receive(opened)
        for (const each of list) expect(acceptor.receive(each).outcome?.type).not.toBe('admitted')
      }),
      { numRuns: 50 },
    )
  })

  it('writes the bytes of PROTOCOL.md', () => {
    expect(run(GUEST_A, HOLDER_B).messages.map(hex)).toMatchInlineSnapshot(`
      [
        "01040404746573740303030303030303030303030303030303030303030303030303030303030303050505050505050501",
        "02030404746573740404040404040404040404040404040404040404040404040404040404040404060606060606060601",
        "087c0104746573740909090909090909090909090909090900008a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5ce8078827dfb6dd830c4ee10b9e9e1c8fdb60790eccb80c734fcf78520841f481f585a66eb14b85aaf525d415b44f28fc78bb265a4a40a6f179bac535a233db0385a9b5070000",
        "097a0104746573740909090909090909090909090909090902008139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b39400007b63b6612bc020e76b0d6fb57e1c8e56e7830119a83f7c7571c7f60e8e9313e801cd5602f407dec3f753b767d8122f5ad297cc837a110c1d991e0765be4c280600",
      ]
    `)
    const ledger = { type: 'ledger', hash: new Uint8Array(8).fill(1), isReply: true } as const
    const entries = { type: 'entries', entries: [Uint8Array.of(1, 2)] } as const
    const grant = { type: 'grant', capability: Uint8Array.of(7) } as const
    const bytes = [ledger, entries, grant].map(encodeHello)
    expect(bytes.map(hex)).toMatchInlineSnapshot(`
      [
        "0b010101010101010101",
        "0c01020102",
        "0a0107",
      ]
    `)
    expect(bytes.map(decodeHello)).toEqual(
      [ledger, entries, grant].map((value) => ({ ok: true, value })),
    )
  })
})

describe('while an invite is being redeemed', () => {
  /** A holder that has dialled somebody with a one-time invite, whose redemption waits for the test. */
  async function redeeming(hosts: TestHosts) {
    let release: (isRedeemed: boolean) => void = () => {}
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    const base = port(holderOf(ADA))
    const invites: InvitePort = {
      ...base,
      redeem: (peer, capability, done) => {
        release = (isRedeemed) => {
          if (isRedeemed) base.redeem(peer, capability, done)
          else done({ type: 'refused', refusal: 'full' })
        }
        ask()
      },
    }
    const holder = await hosts.create({ seed: filled(1), networkKey: KEY, invites })
    const invited = await hosts.create({ seed: filled(2), invites: port(ONE_TIME) })
    holder.host.links.dial(invited.peer, [invited.address])
    await asked
    // It has shown all that it can, and takes the holder for admitted.
    await invited.up(holder.peer)
    const { links } = invited.host
    const to = { peer: holder.peer, lane: 'control' } as const
    links.send({ ...to, protocol: 'member', bytes: new Uint8Array([1, 2, 3]) })
    links.send({ ...to, protocol: 'sync', bytes: new Uint8Array([4]) })
    const isFramed = ({ protocol }: Stream) => /member|sync/.test(protocol)
    const framed = () => {
      const [connection] = holder.host.libp2p.getConnections()
      return connection?.streams.filter(isFramed).length ?? 0
    }
    while (framed() < 2) await new Promise(setImmediate)
    return { holder, invited, release: (isRedeemed: boolean) => release(isRedeemed) }
  }

  it('what the invited sends is kept, and taken once it is admitted', async () => {
    await using hosts = new TestHosts()
    const { holder, release } = await redeeming(hosts)
    expect(holder.ofType('frame')).toEqual([])
    release(true)
    const frames = await holder.frames(2)
    expect(frames.map(({ protocol, bytes }) => [protocol, ...bytes]).toSorted()).toEqual([
      ['member', 1, 2, 3],
      ['sync', 4],
    ])
    expect(holder.dropped()).toEqual([])
  })

  it('and is lost with it when it is not', async () => {
    await using hosts = new TestHosts()
    const { holder, invited, release } = await redeeming(hosts)
    release(false)
    await invited.down(holder.peer)
    expect(holder.ofType('frame')).toEqual([])
    expect(holder.ofType('up')).toEqual([])
  })
})
