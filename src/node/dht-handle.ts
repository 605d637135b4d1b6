import { fromUtf8, utf8 } from '../base/bytes.ts'
import type { PeerId } from '../base/ids.ts'
import { publicKeyOf } from '../base/peer-id.ts'
import type { Driver } from '../engine/driver.ts'
import type { Command, FoundValue, PutDone } from '../engine/engine-types.ts'
import { RECORD_TTL_MS, RECORD_TTL_MS_MAX, VALUE_BYTES_MAX } from '../records/record.ts'
import { keyPage, listKeys } from './dht-keys.ts'
import type { Dht, DhtKind, DhtReadOptions, DhtValue, PutOptions, PutResult } from './dht-types.ts'
import { type ChunkStore, getChunks, putChunks } from './large-values.ts'
import { request } from './requests.ts'
import { inSlices } from './slices.ts'

/** Chunks live longer than what names them: a minute at least. */
const GRACE_MS = 60_000
/** When they are new, longer by this share of its life: so long a write that was cut off may be finished. */
const SPARE_SHARE = 1 / 8

type Write = Command & { readonly type: 'put' | 'delete' }

/** Values of the DHT through one node. */
export function createDht(driver: Driver, nameOf: (peer: PeerId) => string): Dht {
  const store = (command: Write, signal: AbortSignal | undefined): Promise<PutDone> =>
    request(driver, command, { expected: 'put', signal })
  const write = async (command: Write, signal: AbortSignal | undefined): Promise<PutResult> => {
    const startedAt = performance.now()
    const done = await store(command, signal)
    const { key, version, acks, required, replicas } = done
    return {
      ...{ key, version, acks, required, replicas: replicas.map(nameOf) },
      elapsedMs: elapsedSince(startedAt),
      ...(done.degraded ? { degraded: true } : {}),
      ...(done.superseded ? { superseded: true } : {}),
    }
  }
  const chunks = (options: { ttlMs?: number; signal: AbortSignal | undefined }): ChunkStore => ({
    put: (chunk, isAsked) => {
      const { ttlMs: asked = RECORD_TTL_MS, signal } = options
      const ttlMs = Math.min(RECORD_TTL_MS_MAX, asked + Math.max(GRACE_MS, asked * SPARE_SHARE))
      const enough = isAsked ? { enoughMs: Math.min(ttlMs, asked + GRACE_MS) } : {}
      const kind = { kind: 'immutable', level: 'quorum' } as const
      const chunkOf = { isChunk: true, ttlMs, ...enough }
      return store({ type: 'put', key: '-', value: chunk, ...kind, ...chunkOf }, signal)
    },
    get: async (key) => {
      const command = { type: 'get', key, kind: 'immutable', isLarge: true } as const
      const { found } = await request(driver, command, { expected: 'get', signal: options.signal })
      return found?.value
    },
  })
  return {
    async put(key, value, options = {}) {
      const bytes = typeof value === 'string' ? utf8(value) : value
      const { ttlMs, signal } = options
      const lifetime = ttlMs === undefined ? {} : { ttlMs }
      const command = { type: 'put', key, value: bytes, ...writeOf(options), ...lifetime } as const
      if (bytes.length <= VALUE_BYTES_MAX || options.immutable === true)
        return await write(command, signal)
      const startedAt = performance.now()
      const manifest = await putChunks(bytes, chunks({ ...lifetime, signal }))
      const done = await write({ ...command, value: manifest, isManifest: true }, signal)
      return { ...done, elapsedMs: elapsedSince(startedAt) }
    },
    putMany(entries, options = {}) {
      const put = ([key, value]: readonly [string, string | Uint8Array]) =>
        this.put(key, value, options)
      return inSlices(driver, [...entries], put)
    },
    getMany(keys, options = {}) {
      return inSlices(driver, [...keys], (key) => this.get(key, options))
    },
    list: (options) => listKeys(driver, options),
    page: (options) => keyPage(driver, options),
    async delete(key, options = {}) {
      return await write({ type: 'delete', key, ...writeOf(options) }, options.signal)
    },
    async get(key, options = {}) {
      const startedAt = performance.now()
      const { signal, level } = options
      const command = { type: 'get', key, ...kindOf(options), ...ownerOf(options) } as const
      const leveled = level === undefined ? command : { ...command, level }
      const { found } = await request(driver, leveled, { expected: 'get', signal })
      if (found === undefined) return undefined
      const value = found.isManifest
        ? await getChunks(found.value, chunks({ signal }))
        : found.value
      return dhtValue(
        key,
        { ...found, value },
        { from: nameOf(found.from), elapsedMs: elapsedSince(startedAt) },
      )
    },
  }
}

function writeOf({ level = 'quorum', ifVersion, ...kind }: PutOptions) {
  const conditioned = ifVersion === undefined ? {} : { ifVersion }
  return { level, ...kindOf(kind), ...conditioned }
}

function kindOf({ own = false, immutable = false }: DhtKind): { kind?: 'owned' | 'immutable' } {
  if (own && immutable) throw new TypeError('Cannot use own and immutable together')
  if (immutable) return { kind: 'immutable' }
  return own ? { kind: 'owned' } : {}
}

function ownerOf({ owner, own, immutable }: DhtReadOptions): {
  kind?: 'owned'
  owner?: Uint8Array
} {
  if (owner === undefined) return {}
  if (own === true || immutable === true)
    throw new TypeError('Cannot use owner with own or immutable')
  const publicKey = publicKeyOf(owner)
  if (publicKey === undefined)
    throw new TypeError(`Cannot use owner: expected a peer id: ${owner.slice(0, 80)}`)
  return { kind: 'owned', owner: publicKey }
}

function dhtValue(
  key: string,
  { value: bytes, version, author }: FoundValue,
  told: { readonly from: string; readonly elapsedMs: number },
): DhtValue {
  return {
    ...{ key, bytes, version, author, ...told },
    get value() {
      return fromUtf8(bytes)
    },
    text: () => fromUtf8(bytes),
    json: () => JSON.parse(fromUtf8(bytes)),
  }
}

function elapsedSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 100) / 100
}
