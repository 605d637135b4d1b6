import { describe, expect, it } from 'vitest'
import { concatBytes, hex, utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import {
  type DhtRecord,
  decodeRecord,
  RECORD_TTL_MS_MAX,
  type RecordDraft,
  sealRecord,
} from '../../src/records/record.ts'
import { hashKey } from '../../src/records/record-key.ts'
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

describe('validate() of immutable records', () => {
  const value = new Uint8Array(1_000).fill(7)
  const key = hashKey(value, signer)

  it('passes a value under its hash, and refuses every change of a byte, the value included', () => {
    const { bytes } = sealed({ namespace: 'h', key, value })
    for (let at = 0; at < bytes.length; at++) {
      const spoilt = bytes.slice()
      spoilt[at] = (spoilt[at] ?? 0) ^ 1
      const decoded = decodeRecord(spoilt)
      if (decoded.ok)
        expect(validate(decoded.value, NOW, reader), `byte ${at}`).toBeTypeOf('string')
    }
    expect(validate(sealed({ namespace: 'h', key, value }), NOW, reader)).toBe(undefined)
  })

  it('signs what comes before the value: as little for a large one', () => {
    const { signed, bytes } = sealed({ namespace: 'h', key, value })
    expect(signed.length).toBeLessThan(130)
    expect(hex(signed)).toBe(hex(bytes.subarray(0, signed.length)))
  })

  it('still passes one that is signed as a whole', () => {
    const { bytes } = sealed({ namespace: 'h', key, value })
    const body = bytes.slice(0, -64)
    body[0] = 1
    const signature = signer.sign(concatBytes([utf8('hearsay record 1\n'), body]))
    const decoded = decodeRecord(concatBytes([body, signature]))
    expect(decoded.ok && validate(decoded.value, NOW, reader)).toBe(undefined)
    const short = decodeRecord(concatBytes([body, bytes.subarray(-64)]))
    expect(short.ok && validate(short.value, NOW, reader)).toBe('bad signature')
  })
})
