import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes, hex } from '../../../src/base/bytes.ts'
import { signAnswer, verifyAnswer } from '../../../src/membership/casts/answer.ts'
import {
  decodeCast,
  isPiece,
  piecesOf,
  signCast,
  verifyCast,
} from '../../../src/membership/casts/cast.ts'
import {
  type CastFrame,
  decodeCastFrame,
  encodeCastFrame,
} from '../../../src/membership/casts/cast-frame.ts'
import { CAST_BYTES_MAX } from '../../../src/membership/casts/cast-limits.ts'
import { FRAME_BYTES_MAX } from '../../../src/membership/frame.ts'
import { TestSigner } from '../signer.ts'

const signer = new TestSigner(1)
const raw = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
const counter = fc.integer({ min: 1, max: 2 ** 48 })

const content = fc.record({
  epoch: counter,
  sequence: counter,
  backlog: fc.constant(0),
  name: fc.string({ unit: 'binary', minLength: 1, maxLength: 16 }),
  asking: fc.option(
    fc.record({
      withinMs: fc.integer({ min: 1, max: 600_000 }),
      relayFactor: fc.integer({ min: 1, max: 3 }),
    }),
    { nil: undefined },
  ),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 1_024 }),
    fc.integer({ min: 1_025, max: 65_536 }).map((length) => new Uint8Array(length).fill(length)),
  ),
})

describe('casts', () => {
  test('round-trip, verify in their own network only, and their pieces make up the payload', () => {
    fc.assert(
      fc.property(content, (value) => {
        const signed = signCast(signer, 'net', value)
        const decoded = decodeCast(signed.bytes)
        if (!decoded.ok) throw new Error(decoded.reason)
        expect(decoded.value).toEqual(signed)
        expect(verifyCast(signer, 'net', decoded.value)).toBe(true)
        expect(verifyCast(signer, 'other', decoded.value)).toBe(false)
        const pieces = piecesOf(value.payload)
        expect(pieces.every((bytes, i) => isPiece(signed, i, bytes))).toBe(true)
        const whole = signed.inline ?? concatBytes(pieces)
        expect(Buffer.from(whole).equals(value.payload)).toBe(true)
        expect(signed.bytes.length).toBeLessThanOrEqual(CAST_BYTES_MAX)
      }),
      { numRuns: 100 },
    )
  })

  test('no bit of one can be changed', () => {
    const asking = { withinMs: 2_000, relayFactor: 2 }
    const place = { epoch: 3, sequence: 4, backlog: 1, name: 'ada', asking }
    const { bytes } = signCast(signer, 'net', { ...place, payload: Uint8Array.of(1, 2) })
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      const decoded = decodeCast(changed)
      if (decoded.ok) expect(verifyCast(signer, 'net', decoded.value)).toBe(false)
    }
  })

  test('an answer verifies for its own words only', () => {
    const answer = signAnswer(signer, 'net', {
      asker: new Uint8Array(32),
      ...{ epoch: 1, sequence: 2, status: 'ok', payload: Uint8Array.of(1) },
    })
    expect(verifyAnswer(signer, 'net', answer)).toBe(true)
    expect(verifyAnswer(signer, 'net', { ...answer, status: 'failed' })).toBe(false)
    expect(verifyAnswer(signer, 'net', { ...answer, sequence: 3 })).toBe(false)
    expect(verifyAnswer(signer, 'other', answer)).toBe(false)
  })
})

describe('frames', () => {
  const place = { sender: raw(32), epoch: counter, sequence: counter }
  const frames: fc.Arbitrary<CastFrame> = fc.oneof(
    fc.record({
      type: fc.constant('cast' as const),
      isRepair: fc.boolean(),
      hops: fc.integer({ min: 0, max: 255 }),
      ageMs: fc.integer({ min: 0, max: 86_400_000 }),
      cast: fc.uint8Array({ maxLength: CAST_BYTES_MAX }),
    }),
    fc.record({
      type: fc.constant('piece' as const),
      ...place,
      index: fc.integer({ min: 0, max: 18 }),
      bytes: fc.uint8Array({ maxLength: 3_584, size: 'max' }),
    }),
    fc.record({
      type: fc.constant('want' as const),
      ranges: fc.array(
        fc
          .record({ sender: raw(32), epoch: counter, first: counter })
          .chain((range) =>
            fc.integer({ min: 0, max: 3 }).map((more) => ({ ...range, last: range.first + more })),
          ),
        { maxLength: 16 },
      ),
    }),
    fc.record({
      type: fc.constant('graft' as const),
      ...place,
      mask: fc.integer({ min: 0, max: 2 ** 19 - 1 }),
    }),
    fc.record({ type: fc.constant('prune' as const) }),
    fc.record({
      type: fc.constant('answer' as const),
      answer: fc.record({
        asker: raw(32),
        epoch: counter,
        sequence: counter,
        responder: raw(32),
        status: fc.constantFrom('ok' as const, 'unknown' as const, 'failed' as const),
        payload: fc.uint8Array({ maxLength: 1_024 }),
        signature: raw(64),
      }),
    }),
  )

  test('round-trip within 4 KiB', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const bytes = encodeCastFrame(frame)
        expect(bytes.length).toBeLessThanOrEqual(FRAME_BYTES_MAX)
        expect(decodeCastFrame(bytes)).toEqual({ ok: true, value: frame })
        for (const length of new Set([0, bytes.length >>> 1, bytes.length - 1])) {
          expect(decodeCastFrame(bytes.subarray(0, length)).ok).toBe(false)
        }
        expect(decodeCastFrame(concatBytes([bytes, Uint8Array.of(0)])).ok).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  test('decoders never throw on random bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.integer({ min: 30, max: 40 }),
        (tail, type) => {
          decodeCastFrame(Uint8Array.of(type, ...tail))
          decodeCast(tail)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  test('a request for more than 64 is refused', () => {
    const want = (last: number): boolean =>
      decodeCastFrame(
        encodeCastFrame({
          type: 'want',
          ranges: [
            { sender: new Uint8Array(32), epoch: 1, first: 1, last: 32 },
            { sender: new Uint8Array(32), epoch: 1, first: 1, last },
          ],
        }),
      ).ok
    expect(want(32)).toBe(true)
    expect(want(33)).toBe(false)
  })
})

describe('golden bytes', () => {
  const sender = new Uint8Array(32).fill(0xaa)
  const key = 'aa'.repeat(32)
  const golden: readonly (readonly [CastFrame, string])[] = [
    [
      { type: 'cast', isRepair: true, hops: 9, ageMs: 300, cast: Uint8Array.of(1, 2, 3) },
      '200109ac0203010203',
    ],
    [
      { type: 'piece', sender, epoch: 5, sequence: 2, index: 18, bytes: Uint8Array.of(9) },
      `21${key}0502120109`,
    ],
    [{ type: 'want', ranges: [{ sender, epoch: 5, first: 2, last: 4 }] }, `2201${key}050202`],
    [{ type: 'graft', sender, epoch: 5, sequence: 2, mask: 0b110 }, `23${key}050206`],
    [{ type: 'prune' }, '24'],
    [
      {
        type: 'answer',
        answer: {
          ...{ asker: sender, epoch: 5, sequence: 2, responder: new Uint8Array(32).fill(0xbb) },
          ...{
            status: 'failed',
            payload: Uint8Array.of(7),
            signature: new Uint8Array(64).fill(0xcc),
          },
        },
      },
      `25${key}0502${'bb'.repeat(32)}020107${'cc'.repeat(64)}`,
    ],
  ]
  test.each(golden)('%o', (frame, expected) => {
    expect(hex(encodeCastFrame(frame))).toBe(expected)
    expect(decodeCastFrame(encodeCastFrame(frame))).toEqual({ ok: true, value: frame })
  })

  test('a broadcast, a question, and the hashes of a large payload', () => {
    const place = { epoch: 5, sequence: 300, backlog: 2, name: 'deploy' }
    const body = (asking: { withinMs: number; relayFactor: number } | undefined, size: number) =>
      hex(
        signCast(signer, 'net', {
          ...{ ...place, asking },
          payload: new Uint8Array(size).fill(1),
        }).bytes.subarray(0, -64),
      )
    const head = `${hex(signer.publicKey)}05ac0202066465706c6f79`
    expect(body(undefined, 2)).toBe(`00${head}020101`)
    expect(body({ withinMs: 2_000, relayFactor: 3 }, 0)).toBe(`01${head}d00f0300`)
    // SHA-256 of 3,584 and of 16 bytes of 01, 16 bytes of each.
    expect(body(undefined, 3_600)).toMatch(new RegExp(`^00${head}901c[0-9a-f]{64}$`))
  })
})
