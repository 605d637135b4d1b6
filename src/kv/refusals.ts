import type { Millis } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import { IMMUTABLE_BYTES_MAX, RECORD_TTL_MS_MAX, VALUE_BYTES_MAX } from '../records/record.ts'
import { keyFault } from '../records/record-key.ts'
import type { KvInput } from './kv-contract.ts'

/** What a caller hears when a request cannot even begin. */
export type Refusal = HearsayError | TypeError | RangeError

/** What a put of an immutable value may say instead of its hash. */
const ANY_HASH = '-'
const HASH = /^[0-9a-f]{64}$/

export function keyError(key: string): Refusal | undefined {
  switch (keyFault(key)) {
    case 'empty':
      return new TypeError('Cannot use a DHT key: it is empty')
    case 'malformed':
      return new TypeError('Cannot use a DHT key: it holds a lone surrogate')
    case 'oversized':
      return new HearsayError('ERR_LIMIT', 'Cannot use a DHT key: it is longer than 1 KiB')
    case undefined:
      return undefined
  }
}

/** What does not go together in a request. */
export function targetError(
  input: KvInput & { readonly type: 'put' | 'delete' | 'get' },
): Refusal | undefined {
  const { kind = 'shared', key } = input
  if (kind !== 'owned') {
    if (input.owner !== undefined)
      return new TypeError('Cannot use an owner: only owned names have one')
    if (input.type !== 'get' && input.ifVersion !== undefined) {
      return new TypeError('Cannot use ifVersion: only owned names have one writer to compare with')
    }
  } else if (input.type !== 'get' && input.owner !== undefined) {
    return new TypeError('Cannot write under the names of another: only its owner can')
  }
  if (kind !== 'immutable') return undefined
  if (input.type === 'delete') return new TypeError('Cannot delete an immutable value: it expires')
  if (input.type === 'get' && !HASH.test(key)) {
    return new TypeError(
      `Cannot read an immutable value: expected 64 hex digits: ${key.slice(0, 80)}`,
    )
  }
  return undefined
}

/** Whether an immutable value is put under another key than its hash, which is `hashed`. */
export function hashError(
  { kind, key }: KvInput & { readonly type: 'put' },
  hashed: string | undefined,
): Refusal | undefined {
  if (kind !== 'immutable' || key === ANY_HASH || key === hashed) return undefined
  return new TypeError(
    `Cannot store an immutable value: its key is its SHA-256, or "-" for that: ${key.slice(0, 80)}`,
  )
}

export function valueError({
  kind,
  value,
}: KvInput & { readonly type: 'put' }): Refusal | undefined {
  const bytesMax = kind === 'immutable' ? IMMUTABLE_BYTES_MAX : VALUE_BYTES_MAX
  if (value.length <= bytesMax) return undefined
  const message = `Cannot store a DHT value: expected at most ${bytesMax} bytes: ${value.length}`
  return new HearsayError('ERR_LIMIT', message, { hint: 'Split it over several keys' })
}

export function ttlError(ttlMs: Millis): Refusal | undefined {
  if (ttlMs >= 1 && ttlMs <= RECORD_TTL_MS_MAX) return undefined
  return new RangeError(`Cannot use ttlMs: expected 1 … ${RECORD_TTL_MS_MAX}: ${ttlMs}`)
}

export function versionConflict(key: string, why: string): HearsayError {
  return new HearsayError('ERR_VERSION_CONFLICT', `Cannot store ${JSON.stringify(key)}: ${why}`, {
    hint: 'Read it again and decide anew',
  })
}
