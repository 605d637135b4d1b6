import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import type { Accusation } from '../../src/membership/accusation.ts'
import {
  ACCUSATIONS_MAX,
  type Claims,
  claimedState,
  equalClaims,
  mergeClaims,
} from '../../src/membership/claims.ts'
import type { SignedRecord } from '../../src/membership/record.ts'

/** Records and accusations of one subject; the lattice never looks at signatures. */
const record: fc.Arbitrary<SignedRecord> = fc
  .record({
    epoch: fc.integer({ min: 1, max: 2 }),
    incarnation: fc.integer({ min: 0, max: 3 }),
    status: fc.constantFrom('alive' as const, 'left' as const),
    variant: fc.integer({ min: 0, max: 1 }),
  })
  .map(({ epoch, incarnation, status, variant }) => ({
    publicKey: new Uint8Array(32),
    epoch,
    incarnation,
    status,
    bootNonce: new Uint8Array(8),
    protocol: { min: 1, max: 1 },
    name: '',
    addresses: [],
    tags: {},
    bytes: Uint8Array.of(epoch, incarnation, status === 'left' ? 1 : 0, variant),
  }))

const accusation: fc.Arbitrary<Accusation> = fc
  .record({
    kind: fc.constantFrom('suspect' as const, 'refused' as const, 'failed' as const),
    accuser: fc.integer({ min: 0, max: 12 }),
    epoch: fc.integer({ min: 1, max: 2 }),
    incarnation: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ kind, accuser, epoch, incarnation }) => ({
    kind,
    epoch,
    incarnation,
    subject: new Uint8Array(32),
    accuser: new Uint8Array(32).fill(accuser),
    signature: new Uint8Array(64),
  }))

const claims: fc.Arbitrary<Claims> = fc
  .tuple(record, fc.array(accusation, { maxLength: 20 }))
  .map(([own, accusations]) =>
    mergeClaims({ record: own, accusations }, { record: own, accusations: [] }),
  )

const RUNS = { numRuns: 3_000 }

describe('mergeClaims()', () => {
  test('is commutative', () => {
    fc.assert(
      fc.property(claims, claims, (a, b) => equalClaims(mergeClaims(a, b), mergeClaims(b, a))),
      RUNS,
    )
  })

  test('is associative', () => {
    fc.assert(
      fc.property(claims, claims, claims, (a, b, c) =>
        equalClaims(mergeClaims(mergeClaims(a, b), c), mergeClaims(a, mergeClaims(b, c))),
      ),
      RUNS,
    )
  })

  test('is idempotent', () => {
    fc.assert(
      fc.property(claims, (a) => equalClaims(mergeClaims(a, a), a)),
      RUNS,
    )
  })

  test('never goes back and keeps few accusations, one per accuser, none below the record', () => {
    fc.assert(
      fc.property(claims, claims, (a, b) => {
        const merged = mergeClaims(a, b)
        expect(equalClaims(mergeClaims(merged, a), merged)).toBe(true)
        expect(merged.accusations.length).toBeLessThanOrEqual(ACCUSATIONS_MAX)
        const accusers = merged.accusations.map(({ accuser }) => accuser[0])
        expect(new Set(accusers).size).toBe(accusers.length)
        for (const { epoch, incarnation } of merged.accusations) {
          const { record } = merged
          const isBelow =
            epoch < record.epoch || (epoch === record.epoch && incarnation < record.incarnation)
          expect(isBelow).toBe(false)
        }
      }),
      RUNS,
    )
  })

  test('order and grouping of many merges do not matter', () => {
    fc.assert(
      fc.property(fc.array(claims, { minLength: 2, maxLength: 6 }), fc.nat(), (all, rotation) => {
        const at = rotation % all.length
        const rotated = [...all.slice(at), ...all.slice(0, at)].reverse()
        return equalClaims(all.reduce(mergeClaims), rotated.reduce(mergeClaims))
      }),
      RUNS,
    )
  })
})

describe('claimedState()', () => {
  const base = present(fc.sample(record, { seed: 1, numRuns: 1 })[0], 'a record')
  const at = (status: 'alive' | 'left', kinds: readonly Accusation['kind'][]): string =>
    claimedState({
      record: { ...base, status, epoch: 1, incarnation: 2 },
      accusations: kinds.map((kind, i) => ({
        kind,
        epoch: 1,
        incarnation: 2,
        subject: new Uint8Array(32),
        accuser: new Uint8Array(32).fill(i),
        signature: new Uint8Array(64),
      })),
    })

  test('left outranks failed, failed suspect, suspect alive', () => {
    expect(at('alive', [])).toBe('alive')
    expect(at('alive', ['suspect'])).toBe('suspect')
    expect(at('alive', ['suspect', 'refused'])).toBe('suspect')
    expect(at('alive', ['suspect', 'failed'])).toBe('failed')
    expect(at('left', ['failed'])).toBe('left')
  })

  test('a higher incarnation clears what was claimed of a lower one', () => {
    const accused: Claims = {
      record: { ...base, status: 'alive', epoch: 1, incarnation: 2 },
      accusations: [
        {
          kind: 'failed',
          epoch: 1,
          incarnation: 2,
          subject: new Uint8Array(32),
          accuser: new Uint8Array(32),
          signature: new Uint8Array(64),
        },
      ],
    }
    const refuted = { ...accused.record, incarnation: 3 }
    expect(claimedState(mergeClaims(accused, { record: refuted, accusations: [] }))).toBe('alive')
  })
})
