import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, equalBytes, hex } from '../../src/base/bytes.ts'
import { type DhtRecord, sealRecord } from '../../src/records/record.ts'
import { select } from '../../src/records/select.ts'
import { ed25519Signer } from './ed25519-signer.ts'

const authors = [ed25519Signer(1), ed25519Signer(2), ed25519Signer(3)]

const record: fc.Arbitrary<DhtRecord> = fc
  .record({
    author: fc.constantFrom(...authors),
    stamp: fc.nat({ max: 3 }),
    value: fc.option(fc.uint8Array({ maxLength: 1 }), { nil: undefined }),
    expiresAt: fc.integer({ min: 100, max: 101 }),
  })
  .map(({ author, ...rest }) => sealRecord({ namespace: 'k', key: 'a', ...rest }, author))

function winner(records: readonly DhtRecord[]): DhtRecord | undefined {
  let best: DhtRecord | undefined
  for (const each of records) {
    if (best === undefined || select(each, best).order > 0) best = each
  }
  return best
}

describe('select', () => {
  it('finds the same winner in every order', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 8 }).chain((records) => {
          return fc.tuple(
            fc.constant(records),
            fc.shuffledSubarray(records, { minLength: records.length }),
          )
        }),
        ([records, shuffled]) => {
          const first = winner(records)
          const second = winner(shuffled)
          expect(hex(first?.bytes ?? new Uint8Array())).toBe(hex(second?.bytes ?? new Uint8Array()))
          expect(first?.stamp).toBe(Math.max(...records.map(({ stamp }) => stamp)))
        },
      ),
    )
  })

  it('is antisymmetric, and zero for the same bytes only', () => {
    fc.assert(
      fc.property(record, record, (a, b) => {
        expect(Math.sign(select(a, b).order)).toBe(0 - Math.sign(select(b, a).order))
        expect(select(a, b).order === 0).toBe(equalBytes(a.bytes, b.bytes))
      }),
    )
  })

  it('prefers the bytewise larger of two contents of one version, and reports it', () => {
    fc.assert(
      fc.property(record, record, (a, b) => {
        const isOneVersion = a.stamp === b.stamp && equalBytes(a.author, b.author)
        const { order, isConflict } = select(a, b)
        expect(isConflict).toBe(isOneVersion && !equalBytes(a.bytes, b.bytes))
        if (isConflict) expect(Math.sign(order)).toBe(Math.sign(compareBytes(a.bytes, b.bytes)))
      }),
    )
  })
})
