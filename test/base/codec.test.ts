import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, readText, Writer } from '../../src/base/codec.ts'

describe('codec', () => {
  test('Reader reads back what Writer wrote', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: 'grapheme', maxLength: 50 }).filter((text) => text.isWellFormed()),
        (number, bytes, text) => {
          const frame = new Writer(1)
            .varint(number)
            .bytes(bytes)
            .text(text)
            .uint16(513)
            .uint32(0xfffefdfc)
            .finish()
          const back = decode(frame, (reader) => {
            const values = [
              reader.varint(),
              new Uint8Array(reader.bytes(300)),
              readText(reader, 1000),
              reader.uint16(),
              reader.uint32(),
            ]
            reader.end()
            return values
          })
          expect(back).toEqual({
            ok: true,
            value: [number, bytes, text, 513, 0xfffefdfc],
          })
        },
      ),
    )
  })

  test('decode() never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const outcome = decode(bytes, (reader) => {
          reader.varint(1000)
          readText(reader, 20)
          reader.end()
        })
        expect(typeof outcome.ok).toBe('boolean')
      }),
    )
  })

  test.each([
    ['a varint with a second spelling', Uint8Array.of(0x80, 0x00)],
    ['a varint above 2^53 - 1', new Uint8Array(8).fill(0xff)],
    ['a varint that ends early', Uint8Array.of(0x80)],
  ])('Reader refuses %s', (_name, bytes) => {
    expect(decode(bytes, (reader) => reader.varint()).ok).toBe(false)
  })

  test('Reader refuses a length above the limit before it takes the bytes', () => {
    const bytes = new Writer().bytes(new Uint8Array(11)).finish()
    expect(decode(bytes, (reader) => reader.bytes(10))).toEqual({
      ok: false,
      reason: 'number above its limit',
    })
  })

  test.each([
    ['a cut sequence of three bytes', Uint8Array.of(3, 0xf0, 0x90, 0x80)],
    ['a surrogate', Uint8Array.of(3, 0xed, 0xa0, 0x80)],
    ['an overlong slash', Uint8Array.of(2, 0xc0, 0xaf)],
  ])('Reader refuses text with %s', (_name, bytes) => {
    expect(decode(bytes, (reader) => readText(reader, 10)).ok).toBe(false)
  })

  test('Reader accepts an honest replacement character', () => {
    const bytes = new Writer().text('\ufffd').finish()
    expect(decode(bytes, (reader) => readText(reader, 10))).toEqual({ ok: true, value: '\ufffd' })
  })

  test('Writer refuses what a varint cannot hold', () => {
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => new Writer().varint(value)).toThrow(RangeError)
    }
  })
})
