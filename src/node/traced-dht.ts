import { utf8 } from '../base/bytes.ts'
import type { Dht, PutResult } from './dht-types.ts'
import type { Tracing } from './tracing.ts'

/** The same values, with a span around each call. Keys and values are in none: they are the users'. */
export function tracedDht(dht: Dht, tracing: Tracing): Dht {
  return {
    ...dht,
    put: (key, value, options = {}) =>
      tracing.around('hearsay.put', () => dht.put(key, value, options), {
        asked: { 'hearsay.level': options.level ?? 'quorum', 'hearsay.bytes': lengthOf(value) },
        told: stored,
      }),
    delete: (key, options = {}) =>
      tracing.around('hearsay.delete', () => dht.delete(key, options), {
        asked: { 'hearsay.level': options.level ?? 'quorum' },
        told: stored,
      }),
    get: (key, options = {}) =>
      tracing.around('hearsay.get', () => dht.get(key, options), {
        asked: { 'hearsay.level': options.level ?? 'one' },
        told: (found) => ({
          'hearsay.found': found !== undefined,
          'hearsay.bytes': found?.bytes.length ?? 0,
        }),
      }),
  }
}

function stored({ acks, required }: PutResult): Readonly<Record<string, number>> {
  return { 'hearsay.acks': acks, 'hearsay.required': required }
}

function lengthOf(value: string | Uint8Array): number {
  return typeof value === 'string' ? utf8(value).length : value.length
}
