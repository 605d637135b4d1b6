import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, utf8 } from '../../src/base/bytes.ts'
import {
  bitmapOf,
  decodeFrame,
  encodeFrame,
  ITEMS_MAX,
  isMarked,
  KV_FRAME_BYTES_MAX,
  type KvFrame,
} from '../../src/kv/frame.ts'
import { RECORD_BYTES_MAX } from '../../src/records/record.ts'

const id = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 })
const version = fc.record({
  stamp: id,
  fingerprint: fc.uint8Array({ minLength: 8, maxLength: 8 }),
})
const sum = fc.record({ high: fc.nat({ max: 2 ** 31 }), low: fc.nat({ max: 2 ** 31 }) })
const item = fc.record({
  prefix: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  rank: id,
  check: fc.uint8Array({ minLength: 2, maxLength: 2 }),
})
const whole = fc.nat({ max: 8 }).chain((bits) => {
  const bucket = fc.nat({ max: 2 ** bits - 1 })
  return fc.record({ bits: fc.constant(bits), buckets: fc.uniqueArray(bucket, { maxLength: 9 }) })
})
const buckets = fc.nat({ max: 8 }).chain((bits) => {
  const sums = fc.array(sum, { minLength: 2 ** bits, maxLength: 2 ** bits })
  return fc.record({ type: fc.constant('buckets' as const), id, bits: fc.constant(bits), sums })
})

const frame: fc.Arbitrary<KvFrame> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), id, record: bytes }),
  fc.record({
    type: fc.constant('get' as const),
    id,
    key: bytes,
    known: fc.option(version, { nil: undefined }),
  }),
  fc.record({ type: fc.constant('compare' as const), id, count: id, sum }),
  fc.record({
    type: fc.constant('items' as const),
    id,
    whole: fc.option(whole, { nil: undefined }),
    items: fc.array(item, { maxLength: 20 }),
  }),
  buckets,
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
    wanted: fc.uint8Array({ maxLength: 32 }),
    held: fc.uint8Array({ maxLength: 32 }),
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
    const items = Array.from({ length: ITEMS_MAX }, () => {
      return {
        prefix: new Uint8Array(8),
        rank: Number.MAX_SAFE_INTEGER,
        check: new Uint8Array(2),
      }
    })
    const whole = { bits: 8, buckets: Array.from({ length: 256 }, (_, bucket) => bucket) }
    const list = encodeFrame({ type: 'items', id: Number.MAX_SAFE_INTEGER, whole, items })
    expect(largest.length).toBeLessThanOrEqual(KV_FRAME_BYTES_MAX)
    expect(list.length).toBeLessThanOrEqual(40 * 1024)
    expect(decodeFrame(largest).ok && decodeFrame(list).ok).toBe(true)
    const more = encodeFrame({
      type: 'items',
      id: 1,
      whole,
      items: [...items, ...items.slice(0, 1)],
    })
    expect(decodeFrame(more)).toEqual({ ok: false, reason: 'number above its limit' })
  })

  it('refuses buckets that there are not', () => {
    const items = encodeFrame({
      type: 'items',
      id: 1,
      whole: { bits: 1, buckets: [2] },
      items: [],
    })
    expect(decodeFrame(items)).toEqual({ ok: false, reason: 'no such bucket' })
    const buckets = encodeFrame({ type: 'buckets', id: 1, bits: 9, sums: [] })
    expect(decodeFrame(buckets)).toEqual({ ok: false, reason: 'too many buckets' })
  })

  it('bitmapOf() sets the bits that isMarked() reads', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: ITEMS_MAX - 1 })), (picked) => {
        const indexes = picked.sort((a, b) => a - b)
        const bitmap = bitmapOf(indexes)
        const read = Array.from({ length: ITEMS_MAX }, (_, i) => i).filter((i) => {
          return isMarked(bitmap, i)
        })
        expect(read).toEqual(indexes)
      }),
    )
  })

  it('keeps the bytes of the wire (golden)', () => {
    const fingerprint = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    const record = Uint8Array.of(0xaa, 0xbb)
    const sum = { high: 1, low: 2 }
    const items = [{ prefix: new Uint8Array(8).fill(0x11), rank: 5, check: Uint8Array.of(1, 2) }]
    const frames: KvFrame[] = [
      { type: 'put', id: 1, record },
      { type: 'get', id: 300, key: utf8('/k/a'), known: undefined },
      { type: 'get', id: 300, key: utf8('/k/a'), known: { stamp: 128, fingerprint } },
      { type: 'compare', id: 2, count: 300, sum },
      { type: 'items', id: 2, whole: undefined, items },
      { type: 'items', id: 2, whole: { bits: 2, buckets: [1, 3] }, items },
      { type: 'stored', id: 1 },
      { type: 'superseded', id: 1, record },
      { type: 'superseded', id: 1, record: undefined },
      { type: 'refused', id: 1, reason: 'expired' },
      { type: 'found', id: 300, record },
      { type: 'absent', id: 300 },
      { type: 'same', id: 300 },
      { type: 'wanted', id: 2, wanted: Uint8Array.of(0b101), held: Uint8Array.of(0b10) },
      { type: 'busy', id: 2, retryAfterMs: 100 },
      { type: 'buckets', id: 2, bits: 1, sums: [sum, { high: 0, low: 0 }] },
    ]
    const lines = frames.map((each) => `${each.type} ${hex(encodeFrame(each))}`)
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "put 010102aabb
      get 02ac02042f6b2f6100
      get 02ac02042f6b2f610180010102030405060708
      compare 0302ac020000000100000002
      items 040200011111111111111111050102
      items 04020102020103011111111111111111050102
      stored 1101
      superseded 120102aabb
      superseded 120100
      refused 13010765787069726564
      found 14ac0202aabb
      absent 15ac02
      same 16ac02
      wanted 170201050102
      busy 180264
      buckets 19020100000001000000020000000000000000"
    `)
  })
})
