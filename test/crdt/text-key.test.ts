import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { hash32, LANE_LOW } from '../../src/base/hash32.ts'
import { TextKey } from '../../src/crdt/text-key.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

test('TextKey.put() makes the bytes of a text and their hash', () => {
  const key = new TextKey()
  fc.assert(
    fc.property(text, (value) => {
      const bytes = utf8(value)
      expect(key.put(value)).toBe(true)
      expect(key.key.bytes.subarray(key.keyStart, key.keyEnd)).toEqual(bytes)
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      expect(key.keyHash).toBe(hash32(view, 0, bytes.length, LANE_LOW))
    }),
  )
})

test('TextKey.put() refuses a lone surrogate, wherever it is', () => {
  const key = new TextKey()
  for (const before of ['', 'a', 'abcd', 'abcdefg', 'ä']) {
    for (const after of ['', 'z', 'wxyz', 'ß']) {
      expect(key.put(`${before}\ud800${after}`)).toBe(false)
      expect(key.put(`${before}\udc00${after}`)).toBe(false)
    }
  }
})
