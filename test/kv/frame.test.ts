import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, utf8 } from '../../src/base/bytes.ts'
import {
  DIGESTS_MAX,
  decodeFrame,
  encodeFrame,
  isWanted,
  KV_FRAME_BYTES_MAX,
  type KvFrame,
  wantedBitmap,
} from '../../src/kv/frame.ts'
import { RECORD_BYTES_MAX } from '../../src/records/record.ts'

const id = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 })
const version = fc.record({
  stamp: id,
  fingerprint: fc.uint8Array({ minLength: 8, maxLength: 8 }),
})
const digest = fc
  .tuple(version, fc.uint8Array({ minLength: 32, maxLength: 32 }))
  .map(([told, place]) => ({ id: place, ...told }))

const frame: fc.Arbitrary<KvFrame> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), id, record: bytes }),
  fc.record({
    type: fc.constant('get' as const),
    id,
    key: bytes,
    known: fc.option(version, { nil: undefined }),
  }),
  fc.record({
    type: fc.constant('digests' as const),
    id,
    digests: fc.array(digest, { maxLength: 20 }),
  }),
  fc.record({ type: fc.constantFrom('stored' as const, 'absent' as const, 'same' as const), id }),
  fc.record({
    type: fc.constant('superseded' as const),
    id,
    record: fc.option(bytes, { nil: undefined }),
  }),
  fc.record({
    type: fc.constant('refused' as const),
    id,
    reason: fc.string({ maxLength: 40 }),
  }),
  fc.record({ type: fc.constant('found' as const), id, record: bytes }),
  fc.record({
    type: fc.constant('wanted' as const),
    id,
    bitmap: fc.uint8Array({ maxLength: 32 }),
  }),
  fc.record({ type: fc.constant('busy' as const), id, retryAfterMs: fc.nat({ max: 60_000 }) }),
)

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each: unknown) => (each instanceof Uint8Array ? hex(each) : each)),
  )
}

describe('kv frame', () => {
  it('decodeFrame() takes back what encodeFrame() wrote', () => {
    fc.assert(
      fc.property(frame, (given) => {
        const decoded = decodeFrame(encodeFrame(given))
        expect(decoded.ok).toBe(true)
        if (decoded.ok) expect(plain(decoded.value)).toEqual(plain(given))
      }),
    )
  })

  it('decodeFrame() never throws, and what it accepts has that one spelling', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 100 }), frame.map(encodeFrame)),
        fc.nat(),
        fc.nat({ max: 255 }),
        (given, at, byte) => {
          const spoilt = given.slice()
          if (spoilt.length > 0) spoilt[at % spoilt.length] = byte
          const decoded = decodeFrame(spoilt)
          if (decoded.ok) expect(hex(encodeFrame(decoded.value))).toBe(hex(spoilt))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('every frame fits into KV_FRAME_BYTES_MAX', () => {
    const largest = encodeFrame({
      type: 'put',
      id: Number.MAX_SAFE_INTEGER,
      record: new Uint8Array(RECORD_BYTES_MAX),
    })
    const digests = Array.from({ length: DIGESTS_MAX }, () => {
      return {
        id: new Uint8Array(32),
        stamp: Number.MAX_SAFE_INTEGER,
        fingerprint: new Uint8Array(8),
      }
    })
    const batch = encodeFrame({ type: 'digests', id: Number.MAX_SAFE_INTEGER, digests })
    expect(largest.length).toBeLessThanOrEqual(KV_FRAME_BYTES_MAX)
    expect(batch.length).toBeLessThanOrEqual(KV_FRAME_BYTES_MAX)
    expect(decodeFrame(largest).ok && decodeFrame(batch).ok).toBe(true)
    const more = encodeFrame({ type: 'digests', id: 1, digests: [...digests, ...digests] })
    expect(decodeFrame(more)).toEqual({ ok: false, reason: 'number above its limit' })
  })

  it('wantedBitmap() sets the bits that isWanted() reads', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: DIGESTS_MAX - 1 })), (picked) => {
        const indexes = picked.sort((a, b) => a - b)
        const bitmap = wantedBitmap(indexes)
        const read = Array.from({ length: DIGESTS_MAX }, (_, i) => i).filter((i) => {
          return isWanted(bitmap, i)
        })
        expect(read).toEqual(indexes)
      }),
    )
  })

  it('keeps the bytes of the wire (golden)', () => {
    const fingerprint = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    const record = Uint8Array.of(0xaa, 0xbb)
    const place = new Uint8Array(32).fill(0x11)
    const frames: KvFrame[] = [
      { type: 'put', id: 1, record },
      { type: 'get', id: 300, key: utf8('/k/a'), known: undefined },
      { type: 'get', id: 300, key: utf8('/k/a'), known: { stamp: 128, fingerprint } },
      { type: 'digests', id: 2, digests: [{ id: place, stamp: 5, fingerprint }] },
      { type: 'stored', id: 1 },
      { type: 'superseded', id: 1, record },
      { type: 'superseded', id: 1, record: undefined },
      { type: 'refused', id: 1, reason: 'expired' },
      { type: 'found', id: 300, record },
      { type: 'absent', id: 300 },
      { type: 'same', id: 300 },
      { type: 'wanted', id: 2, bitmap: Uint8Array.of(0b101) },
      { type: 'busy', id: 2, retryAfterMs: 100 },
    ]
    const lines = frames.map((each) => `${each.type} ${hex(encodeFrame(each))}`)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "put 010102aabb
      get 02ac02042f6b2f6100
      get 02ac02042f6b2f610180010102030405060708
      digests 0302011111111111111111111111111111111111111111111111111111111111111111050102030405060708
      stored 1101
      superseded 120102aabb
      superseded 120100
      refused 13010765787069726564
      found 14ac0202aabb
      absent 15ac02
      same 16ac02
      wanted 17020105
      busy 180264"
    `)
  })
})
