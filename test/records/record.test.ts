import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, concatBytes, fromUtf8, hex, utf8 } from '../../src/base/bytes.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import {
  authorOf,
  decodeRecord,
  IMMUTABLE_BYTES_MAX,
  isSignedByAuthor,
  RECORD_BYTES_MAX,
  sealRecord,
  VALUE_BYTES_MAX,
  versionText,
} from '../../src/records/record.ts'
import {
  hashKey,
  KEY_BYTES_MAX,
  keyFault,
  recordId,
  recordKey,
} from '../../src/records/record-key.ts'
import { ed25519Signer } from './ed25519-signer.ts'

const signer = ed25519Signer(1)
const NOW = Date.UTC(2026, 0, 1)

const draft = fc.record({
  namespace: fc.constant('k' as const),
  key: fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }).filter((key) => {
    return keyFault(key) === undefined
  }),
  value: fc.option(fc.uint8Array({ maxLength: 2_000 }), { nil: undefined }),
  stamp: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  expiresAt: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
})

describe('record', () => {
  it('decodeRecord() takes back what sealRecord() wrote', () => {
    fc.assert(
      fc.property(draft, (given) => {
        const decoded = decodeRecord(sealRecord(given, signer).bytes)
        expect(decoded.ok).toBe(true)
        if (!decoded.ok) return
        const { key, stamp, expiresAt, namespace, author, value } = decoded.value
        expect({ key, stamp, expiresAt, namespace }).toEqual({
          key: given.key,
          stamp: given.stamp,
          expiresAt: given.expiresAt,
          namespace: 'k',
        })
        expect(value === undefined).toBe(given.value === undefined)
        expect(hex(value ?? new Uint8Array())).toBe(hex(given.value ?? new Uint8Array()))
        expect(hex(author)).toBe(hex(signer.publicKey))
        expect(isSignedByAuthor(decoded.value, signer)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('decodeRecord() never throws on random bytes and knows one spelling only', () => {
    const { bytes } = sealRecord(
      { namespace: 'k', key: 'a', value: utf8('b'), stamp: 7, expiresAt: 9 },
      signer,
    )
    fc.assert(
      fc.property(
        fc.nat({ max: bytes.length - 1 }),
        fc.nat({ max: 255 }),
        fc.uint8Array({ maxLength: 200 }),
        (at, byte, noise) => {
          const spoilt = bytes.slice()
          spoilt[at] = byte
          const decoded = decodeRecord(spoilt)
          if (decoded.ok && compareBytes(spoilt, bytes) !== 0) {
            expect(isSignedByAuthor(decoded.value, signer)).toBe(false)
          }
          decodeRecord(noise)
          expect(decodeRecord(bytes.subarray(0, at)).ok).toBe(false)
          expect(decodeRecord(concatBytes([bytes, spoilt.subarray(0, 1)])).ok).toBe(false)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('decodeRecord() refuses what it cannot name', () => {
    const { bytes } = sealRecord(
      { namespace: 'k', key: 'a', value: undefined, stamp: 7, expiresAt: 9 },
      signer,
    )
    const reasonAt = (at: number, byte: number): string => {
      const spoilt = bytes.slice()
      spoilt[at] = byte
      const decoded = decodeRecord(spoilt)
      return decoded.ok ? 'ok' : decoded.reason
    }
    expect(reasonAt(0, 2)).toBe('unknown record format')
    expect(reasonAt(0, 3)).toBe('unknown record format')
    expect(reasonAt(2, 3)).toBe('unknown record flags')
    expect(reasonAt(1, 0x6f)).toBe('ok')
    const valued = sealRecord(
      { namespace: 'k', key: 'a', value: utf8('b'), stamp: 7, expiresAt: 9 },
      signer,
    ).bytes.slice()
    valued[2] = 1
    expect(decodeRecord(valued)).toEqual({ ok: false, reason: 'tombstone with a value' })
  })

  it('sealRecord() fits the largest record into RECORD_BYTES_MAX and refuses a larger one', () => {
    const largest = sealRecord(
      {
        namespace: 'h',
        key: 'k'.repeat(KEY_BYTES_MAX),
        value: new Uint8Array(IMMUTABLE_BYTES_MAX),
        stamp: Number.MAX_SAFE_INTEGER,
        expiresAt: Number.MAX_SAFE_INTEGER,
      },
      signer,
    )
    expect(largest.bytes.length).toBe(RECORD_BYTES_MAX)
    const value = new Uint8Array(VALUE_BYTES_MAX + 1)
    for (const namespace of ['k', 'o'] as const) {
      const draft = { namespace, key: 'k', value, stamp: 1, expiresAt: 1 }
      expect(() => sealRecord(draft, signer)).toThrow(RangeError)
    }
    const more = new Uint8Array(IMMUTABLE_BYTES_MAX + 1)
    expect(() =>
      sealRecord({ namespace: 'h', key: 'k', value: more, stamp: 1, expiresAt: 1 }, signer),
    ).toThrow(RangeError)
  })

  it('keyFault() names empty, malformed and oversized keys', () => {
    expect(keyFault('')).toBe('empty')
    expect(keyFault('\ud800')).toBe('malformed')
    expect(keyFault('é'.repeat(513))).toBe('oversized')
    expect(keyFault('é'.repeat(512))).toBe(undefined)
    expect(keyFault('/../ any\u0000 string')).toBe(undefined)
  })

  it('recordKey() is the Kademlia key and recordId() its SHA-256', () => {
    expect(fromUtf8(recordKey({ namespace: 'k', key: 'grüße', author: new Uint8Array(32) }))).toBe(
      '/k/grüße',
    )
    expect(hex(recordId(recordKey({ namespace: 'k', key: 'a', author: new Uint8Array(32) })))).toBe(
      '7753d87ad01bb007433db06c019da8965bc4178a28f4ecb6bbab7600edd6194c',
    )
  })

  it('versionText() has a fixed width and orders as stamps do', () => {
    const author = authorOf(
      sealRecord({ namespace: 'k', key: 'a', value: undefined, stamp: 1, expiresAt: 1 }, signer),
    )
    const early = versionText(stampAt(NOW), author)
    const late = versionText(stampAt(NOW + 1), author)
    expect(early < late).toBe(true)
    expect(early).toMatch(/^[0-9a-f]{14}-[1-9A-HJ-NP-Za-km-z]{8}$/)
    expect(early.endsWith(signer.peerId.slice(-8))).toBe(true)
    expect(versionText(Number.MAX_SAFE_INTEGER, author).length).toBe(early.length)
  })

  it('keeps the bytes of the wire (golden)', () => {
    const value = sealRecord(
      {
        namespace: 'k',
        key: 'greeting',
        value: utf8('hello'),
        stamp: stampAt(NOW),
        expiresAt: NOW + 1_000,
      },
      signer,
    )
    const tombstone = sealRecord(
      { namespace: 'k', key: 'é', value: undefined, stamp: 1, expiresAt: 300 },
      signer,
    )
    expect(hex(value.bytes)).toMatchInlineSnapshot(
      `"016b00086772656574696e677c7decf358b43ca6ea274be2fda3ce1b553a86cc2910651152c8cc7c793ee954808080da88e93ae8d7eab6b7330568656c6c6f0e38de87607b7b7bd2c46df9f8298d27ca630db800759910843472dd37997d9950a79fa367cc5cdb49b77ab1ee44a76e495c4d8b9152fe2d1a294bc672f27508"`,
    )
    expect(hex(tombstone.bytes)).toMatchInlineSnapshot(
      `"016b0102c3a97c7decf358b43ca6ea274be2fda3ce1b553a86cc2910651152c8cc7c793ee95401ac0200ef8a4b7e048a1815a99bb45c3e0d6a95ba8070a3ba647fcb593ca48060617654ac4644ef1943fa1a755a74303cb8f7087851ff39d49c7265620d7dc1e1dac806"`,
    )
    expect(
      hex(recordId(recordKey({ namespace: 'k', key: 'greeting', author: new Uint8Array(32) }))),
    ).toMatchInlineSnapshot(`"8bd15bfeb514786aefff2e7cce305849f7b00854bfdce8abd0c65488787641e3"`)
  })
})

describe('golden owned and immutable records', () => {
  it('keep their keys and bytes', () => {
    const owned = sealRecord(
      { namespace: 'o', key: 'status', value: utf8('x'), stamp: 1, expiresAt: 2 },
      signer,
    )
    const key = hashKey(utf8('x'), signer)
    const immutable = sealRecord(
      { namespace: 'h', key, value: utf8('x'), stamp: 1, expiresAt: 2 },
      signer,
    )
    expect(fromUtf8(recordKey(owned))).toMatchInlineSnapshot(
      `"/o/12D3KooWJCL6KdUXJs7Uf8GhLA3wAos4hKnZEYqnZvgC16jgdmt7/status"`,
    )
    expect(fromUtf8(recordKey(immutable))).toMatchInlineSnapshot(
      `"/h/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"`,
    )
    expect(hex(recordId(recordKey(owned)))).toMatchInlineSnapshot(
      `"475fb619d4e3a40eb92416f485f02c11f992a426563b3221c4e22d91bea5786f"`,
    )
    expect(hex(owned.bytes)).toMatchInlineSnapshot(
      `"016f00067374617475737c7decf358b43ca6ea274be2fda3ce1b553a86cc2910651152c8cc7c793ee9540102017858af2db40d45cea7a482f4057896ed09cdb20c5813aedac986ac072d708c4c71b8c6998619f2ad48b53e62017cf7df5def3a04bb9876e54a71a4ba4fe247d403"`,
    )
    expect(hex(immutable.bytes)).toBe(
      [
        '02680040326437313136343262373236623034343031363237636139666261633332663563383533',
        '306662313930336363346462303232353837313739323161343838317c7decf358b43ca6ea274be2',
        'fda3ce1b553a86cc2910651152c8cc7c793ee954010201785b125e3d52a7b7d49bd68a65d4c516bd',
        '829ca2a3a542fabe7a24dd978304d46c2c595a69f9a499c63203d1b666fe7b0ed0095b99e7d9eddd',
        '4bd163cfa814b305',
      ].join(''),
    )
  })
})
