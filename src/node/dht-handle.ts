import { fromUtf8, utf8 } from '../base/bytes.ts'
import type { PeerId } from '../base/ids.ts'
import type { Driver } from '../engine/driver.ts'
import type { Dht, DhtValue, PutOptions, PutResult } from './node-types.ts'
import { request } from './requests.ts'

/** Values of the DHT through one node. */
export function createDht(driver: Driver, nameOf: (peer: PeerId) => string): Dht {
  const write = async (
    command: { type: 'put'; key: string; value: Uint8Array } | { type: 'delete'; key: string },
    options: PutOptions,
  ): Promise<PutResult> => {
    const startedAt = performance.now()
    const { level = 'quorum', ttlMs, signal } = options
    const lifetime = ttlMs === undefined || command.type === 'delete' ? {} : { ttlMs }
    const done = await request(
      driver,
      { ...command, level, ...lifetime },
      { expected: 'put', signal },
    )
    return {
      key: done.key,
      version: done.version,
      acks: done.acks,
      required: done.required,
      replicas: done.replicas.map(nameOf),
      elapsedMs: elapsedSince(startedAt),
      ...(done.degraded ? { degraded: true } : {}),
    }
  }
  return {
    async put(key, value, options = {}) {
      const bytes = typeof value === 'string' ? utf8(value) : value
      return await write({ type: 'put', key, value: bytes }, options)
    },
    async delete(key, options = {}) {
      return await write({ type: 'delete', key }, options)
    },
    async get(key, options = {}) {
      const startedAt = performance.now()
      const { signal } = options
      const { found } = await request(driver, { type: 'get', key }, { expected: 'get', signal })
      if (found === undefined) return undefined
      return dhtValue({
        key,
        bytes: found.value,
        version: found.version,
        author: found.author,
        from: nameOf(found.from),
        elapsedMs: elapsedSince(startedAt),
      })
    },
  }
}

function dhtValue(fields: Omit<DhtValue, 'value' | 'text' | 'json'>): DhtValue {
  return {
    ...fields,
    get value() {
      return fromUtf8(fields.bytes)
    },
    text: () => fromUtf8(fields.bytes),
    json: () => JSON.parse(fromUtf8(fields.bytes)),
  }
}

function elapsedSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 100) / 100
}
