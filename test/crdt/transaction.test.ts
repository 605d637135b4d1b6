import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../../src/base/bytes.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import {
  decodeTransaction,
  decodeTransactionHead,
  encodeTransaction,
  groupSeed,
} from '../../src/crdt/transaction.ts'
import { Writer } from './written.ts'

const SEED = groupSeed('main')
const object = fc.constantFrom('a', 'b', 'ü')
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    type: fc.constant('counter-add' as const),
    object,
    amount: fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }),
  }),
  fc.record({
    type: fc.constantFrom('set-add' as const, 'set-remove' as const),
    object,
    values: fc.array(fc.constantFrom('x', 'y', ''), { maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('register-set' as const), object, value: fc.integer() }),
  fc.record({
    type: fc.constant('map-set' as const),
    object,
    path: fc.array(fc.constantFrom('p', 'q'), { minLength: 1, maxLength: 4 }),
    value: fc.integer(),
  }),
  fc.record({
    type: fc.constant('map-remove' as const),
    object,
    path: fc.array(fc.constantFrom('p', 'q'), { maxLength: 3 }),
  }),
)

/** A transaction with every kind of event and with kills. */
function sample(): Uint8Array {
  const writer = new Writer()
  writer.write([
    { type: 'set-add', object: 'guests', values: ['ada', 'bob'] },
    { type: 'register-set', object: 'motto', value: 'one' },
  ])
  const bytes = writer.write([
    { type: 'counter-add', object: 'visits', amount: 3n },
    { type: 'set-add', object: 'guests', values: ['eve'] },
    { type: 'set-remove', object: 'guests', values: ['ada'] },
    { type: 'register-set', object: 'motto', value: { deep: [1, null] } },
    { type: 'map-set', object: 'profile', path: ['name', 'first'], value: 'Ada' },
  ])
  if (bytes === undefined) throw new Error('nothing was written')
  return bytes
}

describe('transaction bytes', () => {
  test('are the golden ones', () => {
    expect(hex(sample())).toBe(
      [
        '0100f7943eadbfd509d5cea417ea90d208cf0405818080da88e93a15c5540e0df0fecd0200067669',
        '7369747302030601066775657374730365766501010001010902056d6f74746f117b226465657022',
        '3a5b312c6e756c6c5d7d010001030a030770726f66696c6502046e616d6505666972737405224164',
        '612277eba7294e9509b0',
      ].join(''),
    )
  })

  test('decode and encode to themselves, whatever was written', () => {
    fc.assert(
      fc.property(fc.array(fc.array(operation, { minLength: 1, maxLength: 5 })), (transactions) => {
        const writer = new Writer()
        for (const operations of transactions) writer.write(operations)
        for (const bytes of writer.log) {
          const decoded = decodeTransaction(bytes, SEED)
          if (!decoded.ok) throw new Error(decoded.reason)
          expect(encodeTransaction(decoded.value, SEED)).toEqual(bytes)
        }
      }),
    )
  })

  test('are refused when cut anywhere', () => {
    const bytes = sample()
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeTransaction(bytes.subarray(0, length), SEED).ok).toBe(false)
    }
  })

  test('are refused when any bit is flipped', () => {
    const bytes = sample()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = bytes.slice()
      const at = bit >>> 3
      copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7))
      expect(decodeTransaction(copy, SEED).ok).toBe(false)
    }
  })

  test('are refused with anything behind them, and in another group', () => {
    const bytes = sample()
    expect(decodeTransaction(Uint8Array.of(...bytes, 0), SEED).ok).toBe(false)
    expect(decodeTransaction(bytes, groupSeed('other')).ok).toBe(false)
    expect(decodeTransaction(bytes, SEED).ok).toBe(true)
  })

  test('never make the decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeTransaction(bytes, SEED).ok).toBe(false)
        expect(typeof decodeTransactionHead(bytes).ok).toBe('boolean')
      }),
    )
  })

  test('of one add of a 16-byte key stay small', () => {
    const bytes = new Writer().write([
      { type: 'set-add', object: 's', values: ['0123456789abcdef'] },
    ])
    expect(bytes?.length).toBeLessThanOrEqual(64)
  })
})
