import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, hex } from '../../src/base/bytes.ts'
import {
  CHUNK_BYTES,
  decodeManifest,
  encodeManifest,
  LARGE_VALUE_BYTES_MAX,
} from '../../src/records/manifest.ts'
import { VALUE_BYTES_MAX } from '../../src/records/record.ts'

const hash = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)

describe('manifest', () => {
  it('decodeManifest() takes back what encodeManifest() wrote', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 * CHUNK_BYTES }), (bytes) => {
        const count = Math.ceil(bytes / CHUNK_BYTES)
        const given = { bytes, chunks: Array.from({ length: count }, (_, i) => hash(i)) }
        const value = { ...given, chunkBytes: CHUNK_BYTES }
        expect(decodeManifest(encodeManifest(given))).toEqual({ ok: true, value })
      }),
    )
  })

  it('never throws, and wants as many hashes as the bytes take', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeManifest(bytes)
      }),
    )
    const short = encodeManifest({ bytes: CHUNK_BYTES + 1, chunks: [hash(1)] })
    expect(decodeManifest(short)).toEqual({ ok: false, reason: 'bytes end early' })
  })

  it('of the largest value fits into one record', () => {
    const chunks = Array.from({ length: LARGE_VALUE_BYTES_MAX / CHUNK_BYTES }, () => hash(1))
    const largest = encodeManifest({ bytes: LARGE_VALUE_BYTES_MAX, chunks })
    expect(decodeManifest(largest).ok).toBe(true)
    expect(largest.length).toBeLessThan(VALUE_BYTES_MAX)
    const more = encodeManifest({ bytes: LARGE_VALUE_BYTES_MAX + 1, chunks })
    expect(decodeManifest(more).ok).toBe(false)
  })

  it('keeps its bytes (golden)', () => {
    const chunks = [hash(0x11), hash(0x22)]
    expect(hex(encodeManifest({ bytes: 262_145, chunks }))).toBe(
      `02818010${'11'.repeat(32)}${'22'.repeat(32)}`,
    )
  })

  it('of format 1 is still read: its chunks have 64 KiB', () => {
    const bytes = fromHex(`01818004${'11'.repeat(32)}${'22'.repeat(32)}`) ?? new Uint8Array()
    const value = { bytes: 65_537, chunkBytes: 65_536, chunks: [hash(0x11), hash(0x22)] }
    expect(decodeManifest(bytes)).toEqual({ ok: true, value })
  })
})
