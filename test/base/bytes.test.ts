import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base58, fromBase58 } from '../../src/base/base58.ts'
import { fromHex, fromUtf8, hex, utf8 } from '../../src/base/bytes.ts'

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

describe('base58', () => {
  // draft-msporny-base58-03 §5
  test.each([
    ['48656c6c6f20576f726c6421', '2NEpo7TZRRrLZSi2U'],
    [
      '54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f672e',
      'USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z',
    ],
    ['0000287fb4cd', '11233QC4'],
  ])('of %s', (digits, text) => {
    expect(base58(fromHex(digits) ?? new Uint8Array(0))).toBe(text)
  })

  test('fromBase58() gives back what base58() was given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (given) => {
        const zeros = given.findIndex((value) => value !== 0)
        expect(fromBase58(base58(given))).toEqual(given)
        expect(/^1*/.exec(base58(given))?.[0]).toHaveLength(zeros < 0 ? given.length : zeros)
      }),
    )
  })

  test('fromBase58() refuses what is none', () => {
    for (const text of ['0', 'O', 'I', 'l', 'a b', 'é', '😀', '+']) {
      expect(fromBase58(text)).toBeUndefined()
    }
    expect(fromBase58('')).toEqual(new Uint8Array(0))
  })
})
