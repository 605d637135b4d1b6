import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex } from '../../src/base/bytes.ts'
import {
  type Capability,
  decodeCapability,
  INVITE_TTL_MS_MAX,
  isSigned,
  type SignedCapability,
  signCapability,
} from '../../src/invites/capability.ts'
import { readInvite, writeInvite } from '../../src/invites/invite-token.ts'
import { type Court, judge, type Verdict } from '../../src/invites/judge.ts'
import { Ledger, type LedgerEntry } from '../../src/invites/ledger.ts'
import {
  decodeLedgerEntry,
  encodeLedgerEntry,
  isEntrySigned,
  LEDGER_ENTRY_BYTES_MAX,
} from '../../src/invites/ledger-codec.ts'
import { signRevocation } from '../../src/invites/revocation.ts'
import { rootSeed } from '../../src/invites/root-key.ts'
import { ADA, BOB, capabilityOf, filled, KEY, ROOT, SECRET } from './capabilities.ts'

const STATEMENT = Uint8Array.of(1, 2, 3)
const EMPTY = new Uint8Array(0)

const capability = (change: Partial<Capability> = {}): SignedCapability => capabilityOf(ADA, change)

function ofSecret(change: Partial<Capability> = {}): SignedCapability {
  return capability({ audience: { type: 'secret', publicKey: SECRET.publicKey }, ...change })
}

function redeemed(by: { publicKey: Uint8Array }, redeemedAt: number): LedgerEntry {
  const audience = { type: 'redeemed', publicKey: by.publicKey, redeemedAt } as const
  return { type: 'redemption', capability: capability({ audience }) }
}

function revoked(
  subject: Parameters<typeof signRevocation>[1]['subject'],
  revokedAt = 2_000,
  until = 6_000,
): LedgerEntry {
  const revocation = signRevocation(ROOT, { network: 'test', subject, revokedAt, until })
  return { type: 'revocation', revocation }
}

const INVITE = { type: 'invite', id: new Uint8Array(16).fill(9) } as const

function court(entries: readonly LedgerEntry[] = [], isHolder = true): Court {
  const ledger = new Ledger()
  for (const entry of entries) ledger.add(entry, 0)
  return { network: 'test', rootKey: ROOT.publicKey, ledger, signer: ADA, isHolder }
}

function shownBy(
  peer: { publicKey: Uint8Array },
  shown: SignedCapability,
  {
    at = court(),
    signature = EMPTY,
    now = 3_000,
  }: Partial<{ at: Court; signature: Uint8Array; now: number }> = {},
): string {
  const verdict: Verdict = judge(
    at,
    { capability: shown.bytes, signature },
    { publicKey: peer.publicKey, statement: STATEMENT, now },
  )
  return verdict.type === 'refused' ? verdict.refusal : verdict.type
}

describe('rootSeed()', () => {
  it('is the one of PROTOCOL.md, another for another network and key', () => {
    expect(hex(rootSeed(KEY, 'test'))).toMatchInlineSnapshot(
      `"6de30e2c378b3e6a5e30d0ad1903272b0bc4e1d48dccfa810855dd02fd82fbf4"`,
    )
    expect(rootSeed(KEY, 'other')).not.toEqual(rootSeed(KEY, 'test'))
    expect(rootSeed(filled(8), 'test')).not.toEqual(rootSeed(KEY, 'test'))
  })
})

describe('a capability', () => {
  it('has the bytes of PROTOCOL.md', () => {
    expect(hex(capability().bytes)).toMatchInlineSnapshot(
      `"0104746573740909090909090909090909090909090900008a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5ce8078827dfb6dd830c4ee10b9e9e1c8fdb60790eccb80c734fcf78520841f481f585a66eb14b85aaf525d415b44f28fc78bb265a4a40a6f179bac535a233db0385a9b507"`,
    )
    expect(hex(ofSecret({ role: 'observer' }).bytes)).toMatchInlineSnapshot(
      `"010474657374090909090909090909090909090909090101ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1e8078827fb1df12eb5cd0c2c50fccecc1fd43835bf6c6c116aeb2b752872db1470d0b4c3fa2c3b2ed4866de445d2680956d9078199cd45598c61e150405a3b39fa42ce01"`,
    )
    const [entry, other] = [redeemed(ADA, 2_000), revoked(INVITE)]
    expect(hex(encodeLedgerEntry(entry))).toMatchInlineSnapshot(
      `"000104746573740909090909090909090909090909090900028a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5cd00fe80788276c1820e16c17443a8ff3eb9692176b02ddeb02e1859ba7d6b88b7b170e2a8dc0ad3a9cab4fec6a422290e9f0322ed2fc5a12f1bd6786a2ad69a92d193fe1700d"`,
    )
    expect(hex(encodeLedgerEntry(other))).toMatchInlineSnapshot(
      `"010104746573740009090909090909090909090909090909d00ff02e09d0e93e8e1ef09b794cc01bc6fcabd9acd09ccdaefe98624a99456035353dc73fe731e386546e20509acd4b5fbaf62c2fcb55a172da4192813b30c119142707"`,
    )
    const peer = revoked({ type: 'peer', publicKey: ADA.publicKey })
    expect(hex(encodeLedgerEntry(peer))).toMatchInlineSnapshot(
      `"01010474657374018a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5cd00ff02e61a3e637225b2c7803212e8672d4ade6992cf087a54986574184a1704bb035b01dc53a778e1342a409e80083829fc9a261cb56bb6de4f0a3687552053b5b320b"`,
    )
    const token = { rootKey: ROOT.publicKey, capability: ofSecret(), secret: filled(3) }
    expect(writeInvite(token)).toMatchInlineSnapshot(
      `"hearsay-invite-1.qo5SMse3DLno1h1UsQMFlJGJDI3o-0eivlys4Wyj8EMgAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwN8AQR0ZXN0CQkJCQkJCQkJCQkJCQkJCQAB7UkoxijRwsbq6QM4kFmVYSlZJzpcY_k2NsFGFKyHN9HoB4gnEbNSf1zrkslaUkWVmeSeY-k8UkKJxL7StG-sgpdcyJcDSU7JsJMaFfd3MFEsnU5EFdo0Ll8cCEZKydv41YGQAA"`,
    )
  })

  it('comes back from its bytes, and from its line', () => {
    for (const each of [capability(), ofSecret({ role: 'observer' })]) {
      expect(decodeCapability(each.bytes)).toEqual({ ok: true, value: each })
      const secret = each.audience.type === 'secret' ? filled(3) : undefined
      const token = { rootKey: ROOT.publicKey, capability: each, secret }
      expect(readInvite(`${writeInvite(token)}\n`)).toEqual({ ok: true, value: token })
    }
  })

  it('is refused when it lives longer than revocations are kept, or not at all', () => {
    const lives = [INVITE_TTL_MS_MAX + 1, 0, -1].map((life) =>
      capability({ expiresAt: 1_000 + life }),
    )
    expect(lives.map(({ bytes }) => decodeCapability(bytes).ok)).toEqual([false, false, false])
    expect(decodeCapability(capability({ role: 'holder' }).bytes).ok).toBe(false)
    const late = { issuedAt: 2 ** 53 - 2, expiresAt: 2 ** 53 - 1 }
    for (const odd of [late, { network: 'a\u001b[2J' }, { network: '' }]) {
      expect(decodeCapability(capability(odd).bytes).ok).toBe(false)
    }
  })

  it('holds with no bit changed: nothing else is signed', () => {
    const { bytes } = capability()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const decoded = decodeCapability(changed)
      expect(decoded.ok && isSigned(ADA, ROOT.publicKey, decoded.value)).toBe(false)
    }
  })

  it('is read from any bytes without a throw', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.string({ maxLength: 900 }),
        (bytes, text) => {
          expect(decodeCapability(bytes).ok).toBe(false)
          expect(decodeLedgerEntry(bytes).ok).toBe(false)
          expect(readInvite(text).ok).toBe(false)
          expect(readInvite(`hearsay-invite-1.${text}`).ok).toBe(false)
        },
      ),
    )
  })
})

describe('readInvite()', () => {
  it('refuses a line cut, lengthened, or without the secret it needs', () => {
    const token = { rootKey: ROOT.publicKey, capability: ofSecret(), secret: filled(3) }
    const line = writeInvite(token)
    const bare = writeInvite({ ...token, secret: undefined })
    const lines = [line.slice(0, -4), `${line}AAAA`, bare, 'x'.repeat(700), `${line.slice(0, 40)}!`]
    expect(lines.map((each) => readInvite(each).ok)).toEqual(lines.map(() => false))
  })
})

describe('judge()', () => {
  it('admits the peer that a capability is for, and no other', () => {
    expect(shownBy(ADA, capability())).toBe('admitted')
    expect(shownBy(BOB, capability())).toBe('peer')
  })

  it.each([
    ['another network', capability({ network: 'other' }), 'network'],
    ['an observer that the ledger cannot name', capability({ role: 'observer' }), 'role'],
    ['a forged signature', signCapability(BOB, capability()), 'forged'],
    [
      'a holder that only says so',
      signCapability(ADA, { ...capability({ role: 'holder' }), expiresAt: undefined }),
      'forged',
    ],
  ])('refuses %s', (_name, shown, refusal) => {
    expect(shownBy(ADA, shown)).toBe(refusal)
  })

  it('admits an observer by what goes into the ledger', () => {
    const audience = { type: 'redeemed', publicKey: ADA.publicKey, redeemedAt: 2_000 } as const
    expect(shownBy(ADA, capability({ role: 'observer', audience }))).toBe('admitted')
    expect(shownBy(BOB, capability({ role: 'observer', audience }))).toBe('peer')
    const signature = SECRET.sign(STATEMENT)
    expect(shownBy(ADA, ofSecret({ role: 'observer' }), { signature })).toBe('redeemable')
  })

  it('refuses from the millisecond of the expiry on', () => {
    expect(shownBy(ADA, capability(), { now: 4_999 })).toBe('admitted')
    expect(shownBy(ADA, capability(), { now: 5_000 })).toBe('expired')
  })

  it('takes a secret once it is proved in this very exchange, at holders', () => {
    const signature = SECRET.sign(STATEMENT)
    expect(shownBy(ADA, ofSecret(), { signature })).toBe('redeemable')
    expect(shownBy(ADA, ofSecret(), { signature, at: court([], false) })).toBe('unredeemed')
    expect(shownBy(ADA, ofSecret())).toBe('unproven')
    expect(shownBy(ADA, ofSecret(), { signature: SECRET.sign(Uint8Array.of(9)) })).toBe('unproven')
    expect(shownBy(ADA, ofSecret(), { signature: ADA.sign(STATEMENT) })).toBe('unproven')
    expect(shownBy(ADA, capability(), { signature })).toBe('malformed')
  })

  it('knows a used secret: its user is admitted anew, anybody else is not', () => {
    const signature = SECRET.sign(STATEMENT)
    const at = court([redeemed(ADA, 2_000)], false)
    expect(shownBy(ADA, ofSecret(), { signature, at })).toBe('admitted')
    expect(shownBy(BOB, ofSecret(), { signature, at })).toBe('used')
  })

  it('refuses what was revoked: an invite, or a peer with what it had until then', () => {
    const peer = { type: 'peer', publicKey: ADA.publicKey } as const
    expect(shownBy(ADA, capability(), { at: court([revoked(INVITE)]) })).toBe('revoked')
    const at = court([revoked(peer)])
    expect(shownBy(ADA, capability(), { at })).toBe('revoked')
    expect(shownBy(ADA, capability({ issuedAt: 2_001 }), { at })).toBe('admitted')
    expect(
      shownBy(BOB, capability({ audience: { type: 'peer', publicKey: BOB.publicKey } }), { at }),
    ).toBe('admitted')
  })

  it('gives the first of two peers right that redeemed one secret on two sides of a partition', () => {
    const [first, second] = [redeemed(BOB, 2_000), redeemed(ADA, 2_001)]
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      const at = court(order)
      const shown = (entry: LedgerEntry): SignedCapability =>
        entry.type === 'redemption' ? entry.capability : capability()
      expect(shownBy(BOB, shown(first), { at })).toBe('admitted')
      expect(shownBy(ADA, shown(second), { at })).toBe('used')
    }
  })
})

describe('Ledger', () => {
  const entries = [
    redeemed(ADA, 2_000),
    redeemed(BOB, 2_001),
    redeemed(BOB, 2_000),
    revoked(INVITE),
    revoked(INVITE, 2_500, 9_000),
    revoked({ type: 'peer', publicKey: ADA.publicKey }),
    revoked({ type: 'peer', publicKey: ADA.publicKey }, 2_500, 6_000),
  ]

  it('is the same whatever the order and however often entries come', () => {
    const whole = new Ledger()
    for (const entry of entries) whole.add(entry, 0)
    fc.assert(
      fc.property(fc.shuffledSubarray([...entries, ...entries], { minLength: 14 }), (order) => {
        const ledger = new Ledger()
        for (const entry of order) ledger.add(entry, 0)
        expect(ledger.hash()).toEqual(whole.hash())
        expect(ledger.size).toBe(3)
      }),
    )
  })

  it('knows who only reads: by the latest invite of each peer, in any order', () => {
    const of = (byte: number, role: 'member' | 'observer', redeemedAt: number): LedgerEntry => {
      const audience = { type: 'redeemed', publicKey: ADA.publicKey, redeemedAt } as const
      return {
        type: 'redemption',
        capability: capability({ id: filled(byte).slice(0, 16), role, audience }),
      }
    }
    const first = of(1, 'member', 2_000)
    const second = of(2, 'observer', 2_001)
    const third = of(3, 'member', 2_002)
    const isObserver = (order: readonly LedgerEntry[]): boolean => {
      const ledger = new Ledger()
      for (const entry of order) ledger.add(entry, 0)
      return ledger.observers().has(hex(ADA.publicKey))
    }
    expect(isObserver([first])).toBe(false)
    fc.assert(
      fc.property(fc.shuffledSubarray([first, second], { minLength: 2 }), (order) => {
        expect(isObserver(order)).toBe(true)
        expect(
          isObserver([...order, revoked({ type: 'invite', id: filled(2).slice(0, 16) })]),
        ).toBe(true)
      }),
    )
    fc.assert(
      fc.property(fc.shuffledSubarray([first, second, third], { minLength: 3 }), (order) => {
        expect(isObserver(order)).toBe(false)
      }),
    )
  })

  it('forgets what is over, and takes nothing that is', () => {
    const ledger = new Ledger()
    for (const entry of entries) ledger.add(entry, 0)
    expect(ledger.purge(6_000)).toHaveLength(2)
    expect(ledger.size).toBe(1)
    expect(ledger.add(redeemed(ADA, 2_000), 6_000)).toBe('over')
    expect(ledger.purge(9_000)).toHaveLength(1)
    expect(ledger.hash()).toEqual(new Uint8Array(8))
  })

  it('is full at its limit, and still takes what replaces an entry', () => {
    const ledger = new Ledger()
    expect(ledger.add(revoked(INVITE), 0, 1)).toBe('new')
    expect(ledger.add(redeemed(ADA, 1), 0, 1)).toBe('full')
    expect(ledger.add(revoked(INVITE, 2_000, 7_000), 0, 1)).toBe('new')
  })

  it('travels: every entry comes back from its bytes, and holds with no bit changed', () => {
    const network = { name: 'test', rootKey: ROOT.publicKey }
    for (const entry of entries) {
      const bytes = encodeLedgerEntry(entry)
      expect(bytes.length).toBeLessThanOrEqual(LEDGER_ENTRY_BYTES_MAX)
      expect(decodeLedgerEntry(bytes)).toEqual({ ok: true, value: entry })
      expect(isEntrySigned(ADA, network, entry)).toBe(true)
      expect(isEntrySigned(ADA, { ...network, name: 'other' }, entry)).toBe(false)
    }
    const bytes = encodeLedgerEntry(revoked(INVITE))
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const decoded = decodeLedgerEntry(changed)
      expect(decoded.ok && isEntrySigned(ADA, network, decoded.value)).toBe(false)
    }
  })
})
