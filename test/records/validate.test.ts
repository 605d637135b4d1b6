import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import {
  type DhtRecord,
  decodeRecord,
  RECORD_TTL_MS_MAX,
  type RecordDraft,
  sealRecord,
} from '../../src/records/record.ts'
import { STAMP_AHEAD_MS_MAX, validate } from '../../src/records/validate.ts'
import { ed25519Signer } from './ed25519-signer.ts'

const signer = ed25519Signer(1)
const reader = ed25519Signer(2)
const NOW = Date.UTC(2026, 0, 1)

function sealed(changes: Partial<RecordDraft> = {}): DhtRecord {
  const draft: RecordDraft = {
    namespace: 'k',
    key: 'a',
    value: utf8('b'),
    stamp: stampAt(NOW),
    expiresAt: NOW + 1_000,
    ...changes,
  }
  return sealRecord(draft, signer)
}

describe('validate', () => {
  it('passes a sound record, whoever reads it', () => {
    expect(validate(sealed(), NOW, reader)).toBe(undefined)
    expect(validate(sealed({ value: undefined }), NOW, reader)).toBe(undefined)
  })

  it('refuses a record from its expiry on', () => {
    expect(validate(sealed({ expiresAt: NOW + 1 }), NOW, reader)).toBe(undefined)
    expect(validate(sealed({ expiresAt: NOW }), NOW, reader)).toBe('expired')
  })

  it('refuses a version more than ten minutes ahead', () => {
    const limit = NOW + STAMP_AHEAD_MS_MAX
    expect(validate(sealed({ stamp: stampAt(limit) }), NOW, reader)).toBe(undefined)
    expect(validate(sealed({ stamp: stampAt(limit + 1) }), NOW, reader)).toBe(
      'version ahead of time',
    )
  })

  it('refuses an expiry that would occupy replicas for ever', () => {
    const limit = NOW + RECORD_TTL_MS_MAX + STAMP_AHEAD_MS_MAX
    expect(validate(sealed({ expiresAt: limit }), NOW, reader)).toBe(undefined)
    expect(validate(sealed({ expiresAt: limit + 1 }), NOW, reader)).toBe('expiry too far ahead')
  })

  it('refuses every change of a signed byte', () => {
    const { bytes } = sealed()
    for (let at = 0; at < bytes.length; at++) {
      const spoilt = bytes.slice()
      spoilt[at] = (spoilt[at] ?? 0) ^ 1
      const decoded = decodeRecord(spoilt)
      if (decoded.ok)
        expect(validate(decoded.value, NOW, reader), `byte ${at}`).toBeTypeOf('string')
    }
  })

  it('refuses an unknown namespace', () => {
    const bytes = sealed().bytes.slice()
    bytes[1] = 0x78
    const decoded = decodeRecord(bytes)
    expect(decoded.ok && validate(decoded.value, NOW, reader)).toBe('unknown namespace')
  })
})
