import { crc32 as native } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32, createCrc32 } from '../../../src/adapters/store/crc32.ts'

it('is the CRC-32 of zlib, with and without Node.js', () => {
  const own = createCrc32()
  // The check value of the polynomial.
  expect(own('123456789')).toBe(0xcb_f4_39_26)
  const data = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'grapheme' }))
  const before = fc.integer({ min: 0, max: 0xff_ff_ff_ff })
  fc.assert(
    fc.property(data, before, (bytes, start) => {
      expect(own(bytes, start)).toBe(native(bytes, start))
      expect(crc32(bytes, start)).toBe(native(bytes, start))
    }),
  )
})
