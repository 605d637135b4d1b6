import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { hex } from '../../src/base/bytes.ts'
import { signAccusation, verifyAccusation } from '../../src/membership/accusation.ts'
import {
  branchesFrames,
  decodeFrame,
  encodeAccusationClaim,
  encodeBuckets,
  encodeCastClaim,
  encodeClaimsHeader,
  encodeDigestClaim,
  encodeLeftAck,
  encodePingRequest,
  encodeProbeHeader,
  encodeRecordClaim,
  encodeRelayVerdict,
  encodeView,
  FRAME_BYTES_MAX,
  leavesFrames,
  withClaims,
} from '../../src/membership/frame.ts'
import {
  decodeRecord,
  fittingAddresses,
  type MemberRecord,
  RECORD_BYTES_MAX,
  signRecord,
  verifyRecord,
} from '../../src/membership/record.ts'
import { TestSigner } from './signer.ts'

const signer = new TestSigner(1)
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
const counter = fc.integer({ min: 1, max: 2 ** 48 })
const accusation = fc.record({
  kind: fc.constantFrom('suspect' as const, 'refused' as const, 'failed' as const),
  subject: bytes(32),
  accuser: bytes(32),
  epoch: counter,
  incarnation: counter,
  signature: bytes(64),
})
const digest = fc.record({ subject: bytes(32), epoch: counter, counter, digest: bytes(16) })
const record: fc.Arbitrary<MemberRecord> = fc.record({
  publicKey: fc.constant(signer.publicKey),
  epoch: counter,
  incarnation: counter,
  status: fc.constantFrom('alive' as const, 'degraded' as const, 'left' as const),
  bootNonce: bytes(8),
  rival: fc.option(bytes(8), { nil: undefined }),
  protocol: fc.constant({ min: 1, max: 3 }),
  name: fc.string({ unit: 'binary', maxLength: 16 }),
  addresses: fc
    .array(fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }), { maxLength: 8 })
    .map(fittingAddresses),
  tags: fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 }), { maxKeys: 16 }),
})

describe('codecs', () => {
  test('a record round-trips and verifies in its own network only', () => {
    fc.assert(
      fc.property(record, (value) => {
        const signed = signRecord(signer, 'net', value)
        const decoded = decodeRecord(signed.bytes)
        if (!decoded.ok) throw new Error(decoded.reason)
        expect({ ...decoded.value, tags: { ...decoded.value.tags } }).toEqual({
          ...signed,
          tags: { ...signed.tags },
        })
        expect(verifyRecord(signer, 'net', decoded.value)).toBe(true)
        expect(verifyRecord(signer, 'other', decoded.value)).toBe(false)
      }),
      { numRuns: 100 },
    )
  })

  test('no bit of a record can be changed', () => {
    const value = signRecord(signer, 'net', {
      publicKey: signer.publicKey,
      epoch: 3,
      incarnation: 4,
      status: 'alive',
      bootNonce: new Uint8Array(8),
      protocol: { min: 1, max: 1 },
      name: 'ada',
      addresses: ['/ip4/10.0.0.1/tcp/1'],
      tags: { role: 'test' },
    })
    for (let bit = 0; bit < value.bytes.length * 8; bit++) {
      const changed = value.bytes.slice()
      changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      const decoded = decodeRecord(changed)
      if (decoded.ok) expect(verifyRecord(signer, 'net', decoded.value)).toBe(false)
    }
  })

  test('the longest record fits its limit and a frame', () => {
    const addresses = Array.from({ length: 16 }, (_, i) => String(i).padEnd(256, 'x'))
    const tags = Object.fromEntries(
      Array.from({ length: 16 }, (_, i) => [`${i}`.padEnd(16, 'k'), 'v'.repeat(16)]),
    )
    const signed = signRecord(signer, 'net', {
      publicKey: signer.publicKey,
      epoch: 2 ** 48,
      incarnation: 2 ** 48,
      status: 'alive',
      bootNonce: new Uint8Array(8),
      rival: new Uint8Array(8),
      protocol: { min: 0, max: 65_535 },
      name: 'n'.repeat(64),
      addresses: fittingAddresses(addresses),
      tags,
    })
    expect(signed.bytes.length).toBeLessThanOrEqual(RECORD_BYTES_MAX)
    expect(decodeRecord(signed.bytes).ok).toBe(true)
  })

  test('an accusation verifies for its own words only', () => {
    const claim = signAccusation(signer, 'net', {
      kind: 'suspect',
      subject: new Uint8Array(32),
      epoch: 1,
      incarnation: 2,
    })
    expect(verifyAccusation(signer, 'net', claim)).toBe(true)
    expect(verifyAccusation(signer, 'net', { ...claim, kind: 'failed' })).toBe(false)
    expect(verifyAccusation(signer, 'net', { ...claim, incarnation: 3 })).toBe(false)
    expect(verifyAccusation(signer, 'other', claim)).toBe(false)
  })

  test('probes and claims round-trip', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('ping' as const, 'ack' as const),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.boolean(),
        fc.option(bytes(16), { nil: undefined }),
        fc.array(accusation, { maxLength: 5 }),
        fc.array(digest, { maxLength: 5 }),
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 3 }),
        fc.array(fc.record({ subject: bytes(32), epoch: counter, highest: counter }), {
          maxLength: 3,
        }),
        (type, sequence, isFloodWanted, own, accusations, digests, records, casts) => {
          const told = { epoch: 7, counter: own === undefined ? 0 : 9, digest: own }
          const claims = [
            ...accusations.map(encodeAccusationClaim),
            ...digests.map(encodeDigestClaim),
            ...records.map(encodeRecordClaim),
            ...casts.map(encodeCastClaim),
          ]
          const header = encodeProbeHeader({ type, sequence, isFloodWanted, digest: told })
          const expected = [
            ...accusations.map((value) => ({ type: 'accusation', accusation: value })),
            ...digests.map((value) => ({ type: 'digest', digest: value })),
            ...records.map((value) => ({ type: 'record', bytes: value })),
            ...casts.map((value) => ({ type: 'cast', cast: value })),
          ]
          expect(decodeFrame(withClaims(header, claims))).toEqual({
            ok: true,
            value: { type, sequence, isFloodWanted, digest: told, claims: expected },
          })
          expect(decodeFrame(withClaims(encodeClaimsHeader(), claims))).toEqual({
            ok: true,
            value: { type: 'claims', claims: expected },
          })
        },
      ),
    )
  })

  test('decoders never throw on random or truncated bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.integer({ min: 0, max: 13 }),
        (tail, type) => {
          const frame = Uint8Array.of(type, ...tail)
          decodeFrame(frame)
          decodeRecord(tail)
        },
      ),
      { numRuns: 5_000 },
    )
    const whole = withClaims(encodeClaimsHeader(), [encodeRecordClaim(new Uint8Array(200))])
    for (let length = 0; length < whole.length; length++) {
      expect(decodeFrame(whole.subarray(0, length)).ok).toBe(false)
    }
  })

  test('hashes of any number of branches and leaves fit frames and round-trip', () => {
    const branch = fc.record({ part: fc.nat({ max: 63 }), hashes: bytes(256) })
    const leaf = fc.record({
      leaf: fc.nat({ max: 2_047 }),
      hashes: fc.nat({ max: 255 }).map((count) => new Uint8Array(8 * count).fill(count)),
    })
    fc.assert(
      fc.property(
        fc.array(branch, { maxLength: 40 }),
        fc.array(leaf, { maxLength: 60 }),
        fc.boolean(),
        (branches, leaves, isReply) => {
          const decoded = [...branchesFrames(branches), ...leavesFrames(leaves, isReply)].map(
            (frame) => {
              expect(frame.length).toBeLessThanOrEqual(FRAME_BYTES_MAX)
              const read = decodeFrame(frame)
              if (!read.ok) throw new Error(read.reason)
              return read.value
            },
          )
          const read = decoded.flatMap((frame) => (frame.type === 'branches' ? frame.branches : []))
          expect(read).toEqual(branches)
          const found = decoded.flatMap((frame) => (frame.type === 'leaves' ? frame.leaves : []))
          expect(found).toEqual(leaves)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('frames above 4 KiB, above 64 claims and with trailing bytes are refused', () => {
    expect(decodeFrame(new Uint8Array(FRAME_BYTES_MAX + 1)).ok).toBe(false)
    const claim = encodeRecordClaim(new Uint8Array(1))
    const count = (claims: number): boolean =>
      decodeFrame(
        withClaims(
          encodeClaimsHeader(),
          Array.from({ length: claims }, () => claim),
        ),
      ).ok
    expect(count(64)).toBe(true)
    expect(count(65)).toBe(false)
    expect(decodeFrame(Uint8Array.of(...encodeLeftAck(1, 2), 0)).ok).toBe(false)
  })
})

function only(frames: readonly Uint8Array[]): Uint8Array {
  expect(frames).toHaveLength(1)
  return present(frames[0], 'a frame')
}

describe('golden bytes', () => {
  const key = new Uint8Array(32).fill(0xaa)
  const golden: readonly (readonly [string, Uint8Array, string])[] = [
    [
      'ping',
      withClaims(
        encodeProbeHeader({
          type: 'ping',
          sequence: 300,
          isFloodWanted: true,
          digest: { epoch: 5, counter: 2, digest: new Uint8Array(16).fill(0xdd) },
        }),
        [],
      ),
      `0101ac020502${'dd'.repeat(16)}00`,
    ],
    [
      'ack without a digest',
      withClaims(
        encodeProbeHeader({
          type: 'ack',
          sequence: 1,
          isFloodWanted: false,
          digest: { epoch: 5, counter: 0, digest: undefined },
        }),
        [],
      ),
      '02000105' + '0000',
    ],
    [
      'ping-request',
      encodePingRequest({ sequence: 1, target: key, budgetMs: 500 }),
      `0301${'aa'.repeat(32)}f403`,
    ],
    ['relay-verdict', encodeRelayVerdict(1, 'unlinked'), '040102'],
    [
      'claims',
      withClaims(encodeClaimsHeader(), [
        encodeRecordClaim(Uint8Array.of(1, 2, 3)),
        encodeAccusationClaim({
          kind: 'refused',
          subject: key,
          accuser: new Uint8Array(32).fill(0xbb),
          epoch: 5,
          incarnation: 1,
          signature: new Uint8Array(64).fill(0xcc),
        }),
        encodeDigestClaim({ subject: key, epoch: 5, counter: 2, digest: new Uint8Array(16) }),
        encodeCastClaim({ subject: key, epoch: 5, highest: 300 }),
      ]),
      `0504` +
        `0103010203` +
        `0202${'aa'.repeat(32)}${'bb'.repeat(32)}0501${'cc'.repeat(64)}` +
        `03${'aa'.repeat(32)}0502${'00'.repeat(16)}` +
        `04${'aa'.repeat(32)}05ac02`,
    ],
    [
      'view',
      encodeView(new Uint8Array(8).fill(1), new Uint8Array(8).fill(2)),
      `06${'01'.repeat(8)}${'02'.repeat(8)}`,
    ],
    [
      'buckets',
      encodeBuckets({
        isReply: true,
        views: new Uint8Array(256).fill(1),
        digests: new Uint8Array(256).fill(2),
      }),
      `0701${'01'.repeat(256)}${'02'.repeat(256)}`,
    ],
    ['left-ack', encodeLeftAck(5, 3), '080503'],
    [
      'branches',
      only(
        branchesFrames([
          { part: 3, hashes: new Uint8Array(256).fill(1) },
          { part: 63, hashes: new Uint8Array(256).fill(2) },
        ]),
      ),
      `090203${'01'.repeat(256)}3f${'02'.repeat(256)}`,
    ],
    [
      'leaves',
      only(
        leavesFrames(
          [
            { leaf: 300, hashes: new Uint8Array(16).fill(7) },
            { leaf: 2_047, hashes: new Uint8Array(0) },
          ],
          true,
        ),
      ),
      `0a0102012c02${'07'.repeat(16)}07ff00`,
    ],
  ]
  test.each(golden)('%s', (_, encoded, expected) => {
    expect(hex(encoded)).toBe(expected)
    expect(decodeFrame(encoded).ok).toBe(true)
  })

  test.each([
    ['alive', undefined, '00', '09'.repeat(8)],
    ['left', undefined, '01', '09'.repeat(8)],
    ['degraded', undefined, '02', '09'.repeat(8)],
    ['alive', 7, '80', '09'.repeat(8) + '07'.repeat(8)],
    ['left', 7, '81', '09'.repeat(8) + '07'.repeat(8)],
    ['degraded', 7, '82', '09'.repeat(8) + '07'.repeat(8)],
  ] as const)('record of status %s, rival %s', (status, rival, code, nonces) => {
    const signed = signRecord(signer, 'net', {
      publicKey: signer.publicKey,
      epoch: 5,
      incarnation: 300,
      status,
      bootNonce: new Uint8Array(8).fill(9),
      rival: rival === undefined ? undefined : new Uint8Array(8).fill(rival),
      protocol: { min: 1, max: 2 },
      name: 'ada',
      addresses: ['/ip4/10.0.0.1/tcp/1'],
      tags: { b: '2', a: '1' },
    })
    const body = hex(signed.bytes.subarray(0, -64))
    expect(body).toBe(
      `${hex(signer.publicKey)}05ac02${code}${nonces}0001000203616461` +
        `01132f6970342f31302e302e302e312f7463702f3102016101310162` +
        '0132',
    )
  })
})
