import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromUtf8, hex, utf8 } from '../../src/base/bytes.ts'

/** Leads, continuations and edges are likelier than among all bytes. */
const byte = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1),
  fc.constantFrom(0xec, 0xed, 0xee, 0xef, 0xbb, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff),
)
const bytes = fc.array(byte, { maxLength: 12 }).map((list) => Uint8Array.from(list))

describe('UTF-8', () => {
  test('fromUtf8() reads any bytes as the Encoding Standard does', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    fc.assert(
      fc.property(bytes, (given) => {
        expect(fromUtf8(given)).toBe(decoder.decode(given))
      }),
      { numRuns: 5_000 },
    )
  })

  test('utf8() writes any well-formed text as the Encoding Standard does', () => {
    const encoder = new TextEncoder()
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(hex(utf8(text))).toBe(hex(encoder.encode(text)))
        expect(fromUtf8(utf8(text))).toBe(text)
      }),
    )
  })

  test('text that begins with U+FEFF keeps it', () => {
    for (const text of ['\ufeff', '\ufeffa', '\ufeff'.repeat(40)])
      expect(fromUtf8(utf8(text))).toBe(text)
  })

  test('utf8() refuses lone surrogates', () => {
    for (const text of ['\ud800', 'a\udc00b', '\ud800\ud800\udc00']) {
      expect(() => utf8(text)).toThrow('Cannot encode text: it holds a lone surrogate')
    }
  })

  test('long texts are whole', () => {
    for (const text of ['é', '€', '😀', 'a'].map((char) => char.repeat(20_001))) {
      expect(fromUtf8(utf8(text)) === text).toBe(true)
    }
  })
})
