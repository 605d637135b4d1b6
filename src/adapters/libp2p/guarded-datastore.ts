import { NotFoundError } from '@libp2p/interface'
import { Record as KadRecord } from '@libp2p/kad-dht'
import type { Batch, Datastore, Pair } from 'interface-datastore'
import type { Key } from 'interface-datastore/key'
import { fromString } from 'uint8arrays/from-string'
import type { RecordPort } from './options.ts'

const RECORD_PREFIX = '/dht/record/'

/**
 * What kad-dht believes to be its datastore. Records go through the record port, which validates,
 * selects and bounds them; everything else (provider records) is neither stored nor found.
 */
export class GuardedDatastore implements Datastore {
  readonly #records: RecordPort

  constructor(records: RecordPort) {
    this.#records = records
  }

  /** @throws {NotFoundError} as kad-dht expects */
  get(key: Key): Uint8Array {
    const name = recordKey(key)
    const value = name === undefined ? undefined : this.#records.lookup(name)
    if (name === undefined || value === undefined) throw new NotFoundError('Not found')
    return new Uint8Array(new KadRecord(name, value, new Date()).serialize())
  }

  /** @throws {Error} when the record is refused or stale: kad-dht then tells the writer so */
  async put(key: Key, bytes: Uint8Array): Promise<Key> {
    const name = recordKey(key)
    if (name === undefined) return key
    const record = KadRecord.deserialize(bytes)
    const outcome = await this.#records.offer(name, new Uint8Array(record.value))
    if (outcome !== 'stored') throw new Error(`Record not stored: ${outcome}`)
    return key
  }

  has(key: Key): boolean {
    const name = recordKey(key)
    return name !== undefined && this.#records.lookup(name) !== undefined
  }

  /** kad-dht deletes what it believes to be expired: expiry is the store's own business. */
  delete(): void {}

  async *putMany(source: Iterable<Pair> | AsyncIterable<Pair>): AsyncGenerator<Key> {
    for await (const { key, value } of source) yield await this.put(key, value)
  }

  async *getMany(source: Iterable<Key> | AsyncIterable<Key>): AsyncGenerator<Pair> {
    for await (const key of source) yield { key, value: this.get(key) }
  }

  async *deleteMany(source: Iterable<Key> | AsyncIterable<Key>): AsyncGenerator<Key> {
    for await (const key of source) yield key
  }

  batch(): Batch {
    const pairs: Pair[] = []
    return {
      put: (key, value) => pairs.push({ key, value }),
      delete: () => {},
      commit: async () => {
        for (const { key, value } of pairs) await this.put(key, value)
      },
    }
  }

  /** Provider records are all that kad-dht ever queries, and there are none. */
  async *query(): AsyncGenerator<Pair> {}

  async *queryKeys(): AsyncGenerator<Key> {}
}

function recordKey(key: Key): Uint8Array | undefined {
  const text = key.toString()
  if (!text.startsWith(RECORD_PREFIX)) return undefined
  try {
    return fromString(text.slice(RECORD_PREFIX.length), 'base32')
  } catch {
    return undefined
  }
}
