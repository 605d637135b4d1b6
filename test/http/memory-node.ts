import { createHash } from 'node:crypto'
import {
  type ConvergedInfo,
  type Counter,
  type Dht,
  type DhtValue,
  type GroupHandle,
  HearsayError,
  type HearsayNode,
  type Json,
  type MapHandle,
  type MemberInfo,
  type NodeEvent,
  type ObjectInfo,
  type ObjectType,
  type PeerId,
  type PutOptions,
  type PutResult,
  QuorumError,
  type Register,
  type SetHandle,
  type StatusInfo,
  type Transaction,
} from '../../src/index.ts'
import type { Operation } from '../../src/node/operations.ts'
import { collectOperations, operationResults } from '../../src/node/transaction.ts'

type JsonObject = { readonly [key: string]: Json }

/** A node without network and disk: one process holds all the state. Enough to serve every route for real. */
export interface MemoryNode extends HearsayNode {
  /** Tells all subscribers. */
  emit(event: NodeEvent): void
  readonly subscribers: number
  readonly joined: readonly string[]
  readonly faults: readonly string[]
  /** Live members beside this node that store values. */
  replicas: number
  /** While false, `converged` waits. */
  hasConverged: boolean
  /** Thrown by the next write. */
  failure: Error | undefined
}

const PEER_ID = '12D3KooWGzBXWNvHpLWxz7qNwbGvLJcFQrBqW1Lu6xY6cPZSeadM' as PeerId

class MemoryCounter implements Counter {
  #sum = 0n
  readonly #onChange: () => Promise<void>

  constructor(onChange: () => Promise<void>) {
    this.#onChange = onChange
  }

  async add(amount: number | bigint = 1, options: { readonly growOnly?: boolean } = {}) {
    if (options.growOnly === true && amount < 0) {
      throw new HearsayError('ERR_INVALID', 'Cannot subtract from a G-counter')
    }
    await this.#onChange()
    this.#sum += BigInt(amount)
  }

  get value(): number | bigint {
    const asNumber = Number(this.#sum)
    return Number.isSafeInteger(asNumber) ? asNumber : this.#sum
  }
}

class MemorySet implements SetHandle {
  readonly #values = new Set<string>()
  readonly #onChange: () => Promise<void>

  constructor(onChange: () => Promise<void>) {
    this.#onChange = onChange
  }

  async add(values: string | readonly string[]) {
    await this.#onChange()
    const before = this.size
    for (const value of typeof values === 'string' ? [values] : values) this.#values.add(value)
    return this.size - before
  }

  async remove(values: string | readonly string[]) {
    await this.#onChange()
    const before = this.size
    for (const value of typeof values === 'string' ? [values] : values) this.#values.delete(value)
    return before - this.size
  }

  has(value: string) {
    return this.#values.has(value)
  }

  get size() {
    return this.#values.size
  }

  get values() {
    return [...this.#values].sort()
  }
}

class MemoryRegister implements Register {
  value: Json | undefined
  readonly #onChange: () => Promise<void>

  constructor(onChange: () => Promise<void>) {
    this.#onChange = onChange
  }

  async set(value: Json) {
    await this.#onChange()
    this.value = value
  }

  get siblings() {
    return this.value === undefined ? [] : [this.value]
  }
}

class MemoryMap implements MapHandle {
  readonly #leaves = new Map<string, Json>()
  readonly #onChange: () => Promise<void>

  constructor(onChange: () => Promise<void>) {
    this.#onChange = onChange
  }

  async set(path: readonly string[], value: Json) {
    await this.#onChange()
    this.#leaves.set(JSON.stringify(path), value)
  }

  async remove(path: readonly string[]) {
    await this.#onChange()
    const prefix = JSON.stringify(path).slice(0, -1)
    const below = [...this.#leaves.keys()].filter((key) => key.startsWith(prefix))
    for (const key of below) this.#leaves.delete(key)
    return below.length
  }

  at(path: readonly string[]): Json | undefined {
    let found: Json | undefined = this.value
    for (const key of path) {
      if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key))
        return undefined
      found = (found as JsonObject)[key]
    }
    return found
  }

  get value(): JsonObject {
    const root: Record<string, Json> = {}
    for (const [text, value] of this.#leaves) {
      let at: Record<string, Json> = root
      const path: string[] = JSON.parse(text)
      for (const key of path.slice(0, -1)) {
        at[key] ??= {}
        at = at[key] as Record<string, Json>
      }
      at[path.at(-1) ?? ''] = value
    }
    return root
  }
}

class MemoryGroup implements GroupHandle {
  readonly name: string
  readonly #handles = new Map<string, Counter | SetHandle | Register | MapHandle>()
  readonly #written = new Map<string, ObjectInfo>()
  readonly #onChange: (object: ObjectInfo) => void

  constructor(name: string, onChange: (object: ObjectInfo) => void) {
    this.name = name
    this.#onChange = onChange
  }

  counter(name: string): Counter {
    return this.#handle('counter', name, MemoryCounter)
  }

  set(name: string): SetHandle {
    return this.#handle('set', name, MemorySet)
  }

  register(name: string): Register {
    return this.#handle('register', name, MemoryRegister)
  }

  map(name: string): MapHandle {
    return this.#handle('map', name, MemoryMap)
  }

  objects() {
    return [...this.#written.values()]
  }

  async transact(build: (transaction: Transaction) => void) {
    const operations = collectOperations(build)
    const results: { changed: number }[] = []
    for (const operation of operations) results.push({ changed: await this.#apply(operation) })
    return { group: this.name, results: operationResults(operations, results) }
  }

  async #apply(operation: Operation): Promise<number> {
    const { object } = operation
    switch (operation.type) {
      case 'counter-add': {
        const { amount, growOnly = false } = operation
        await this.counter(object).add(amount, { growOnly })
        return 1
      }
      case 'set-add':
        return await this.set(object).add(operation.values)
      case 'set-remove':
        return await this.set(object).remove(operation.values)
      case 'register-set':
        await this.register(object).set(operation.value)
        return 1
      case 'map-set':
        await this.map(object).set(operation.path, operation.value)
        return 1
      case 'map-remove':
        return await this.map(object).remove(operation.path)
      default:
        throw new TypeError(`Cannot transact: not in memory: ${operation.type}`)
    }
  }

  #handle<T extends Counter | SetHandle | Register | MapHandle>(
    type: ObjectType,
    name: string,
    make: new (onChange: () => Promise<void>) => T,
  ): T {
    if (name.length > 4096) throw new HearsayError('ERR_LIMIT', 'Cannot use a name above 4 KiB')
    const key = `${type} ${name}`
    const found = this.#handles.get(key)
    if (found !== undefined) return found as T
    const handle = new make(async () => {
      this.#written.set(key, { name, type, group: this.name })
      this.#onChange({ name, type, group: this.name })
    })
    this.#handles.set(key, handle)
    return handle
  }
}

class MemoryDht implements Dht {
  readonly #values = new Map<string, { bytes: Uint8Array; version: string }>()
  readonly #node: { readonly replicas: number; readonly failure: Error | undefined }
  #version = 0

  constructor(node: { readonly replicas: number; readonly failure: Error | undefined }) {
    this.#node = node
  }

  async put(key: string, value: string | Uint8Array, options: PutOptions = {}) {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    const result = this.#write(key, options)
    this.#values.set(key, { bytes, version: result.version })
    return result
  }

  async get(key: string, options: { readonly signal?: AbortSignal } = {}) {
    options.signal?.throwIfAborted()
    if (key === 'slow') return unanswered(options.signal)
    const found = this.#values.get(key)
    return found === undefined ? undefined : dhtValue(key, found)
  }

  async delete(key: string, options: PutOptions = {}) {
    const result = this.#write(key, options)
    this.#values.delete(key)
    return result
  }

  #write(key: string, options: PutOptions): PutResult {
    if (this.#node.failure !== undefined) throw this.#node.failure
    const copies = this.#node.replicas + 1
    const required = options.level === 'one' ? 1 : options.level === 'all' ? 3 : 2
    if (copies < required) {
      throw new QuorumError('Cannot store the value', { acks: copies, required })
    }
    this.#version += 1
    const replicas = Array.from({ length: copies }, (_, index) => `n${index}`)
    const version = String(this.#version)
    return { key, version, acks: copies, required, replicas, elapsedMs: 1 }
  }
}

function dhtValue(
  key: string,
  { bytes, version }: { bytes: Uint8Array; version: string },
): DhtValue {
  const value = new TextDecoder().decode(bytes)
  return {
    ...{ key, bytes, version, value, author: PEER_ID, from: 'n0', elapsedMs: 1 },
    text: () => value,
    json: () => JSON.parse(value),
  }
}

function unanswered(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason))
  })
}

export function memoryNode(
  options: { readonly name?: string; readonly chaos?: boolean } = {},
): MemoryNode {
  const name = options.name ?? 'n0'
  const listeners = new Set<(event: NodeEvent) => void>()
  const groups = new Map<string, MemoryGroup>()
  const joined: string[] = []
  const faults: string[] = []
  const emit = (event: NodeEvent): void => {
    for (const listener of listeners) listener(event)
  }
  const group = (groupName: string): MemoryGroup => {
    const made = groups.get(groupName)
    if (made !== undefined) return made
    const fresh = new MemoryGroup(groupName, ({ name: object, type: objectType, group: of }) => {
      if (node.failure !== undefined) throw node.failure
      emit({ at: 1, type: 'object-changed', object, objectType, group: of, origin: 'local' })
    })
    groups.set(groupName, fresh)
    return fresh
  }
  const digest = (of = 'main'): string => {
    const names = JSON.stringify(group(of).objects())
    return createHash('sha256').update(names).digest('hex').slice(0, 32)
  }
  const member = (label: string, peerId: PeerId): MemberInfo => ({
    ...{ name: label, peerId, state: 'alive', incarnation: 0, addresses: [], tags: {} },
    ...{ protocol: 1, digest: digest(), since: new Date(0).toISOString() },
  })
  const self = (): MemberInfo => member(name, PEER_ID)
  const others = (): readonly MemberInfo[] =>
    Array.from({ length: node.replicas }, (_, i) => member(`n${i + 1}`, `peer-${i + 1}` as PeerId))
  const node: MemoryNode = {
    ...{ name, peerId: PEER_ID, network: 'hearsay', emit, joined, faults },
    ...{ replicas: 2, hasConverged: true, failure: undefined },
    get subscribers() {
      return listeners.size
    },
    dht: new MemoryDht({
      get replicas() {
        return node.replicas
      },
      get failure() {
        return node.failure
      },
    }),
    members: {
      list: () => [self(), ...others()],
      get self() {
        return self()
      },
      viewHash: 'abcd',
    },
    chaos: options.chaos === true ? chaosLog(faults) : undefined,
    counter: (object) => group('main').counter(object),
    set: (object) => group('main').set(object),
    register: (object) => group('main').register(object),
    map: (object) => group('main').map(object),
    group,
    objects: () => group('main').objects(),
    groups: () => [...new Set(['main', ...groups.keys()])],
    transact: (build) => group('main').transact(build),
    status: () => status(node),
    traffic: () => ({ sent: {}, received: {} }),
    digest,
    converged: async ({ signal, group: of } = {}): Promise<ConvergedInfo> => {
      if (!node.hasConverged) return unanswered(signal)
      return { converged: true, digest: digest(of), members: node.replicas + 1, elapsedMs: 1 }
    },
    join: (addresses) => {
      for (const address of addresses) {
        if (!address.includes(':') && !address.startsWith('/')) {
          throw new HearsayError('ERR_ADDRESS', `Cannot join: no address: ${address}`)
        }
      }
      joined.push(...addresses)
    },
    leave: async () => undefined,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    events: () => {
      throw new HearsayError('ERR_UNSUPPORTED', 'Cannot iterate events of a node in memory')
    },
    stop: async () => emit({ at: 1, type: 'stopped' }),
    crash: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
  return node
}

function chaosLog(faults: string[]): NonNullable<HearsayNode['chaos']> {
  return {
    block: (peers) => void faults.push(`block ${peers.join(' ')}`),
    loss: (share) => void faults.push(`loss ${share}`),
    latency: (ms) => void faults.push(`latency ${ms}`),
    pause: () => void faults.push('pause'),
    resume: () => void faults.push('resume'),
    heal: () => void faults.push('heal'),
  }
}

function status(node: MemoryNode): StatusInfo {
  return {
    ...{ name: node.name, peerId: node.peerId, network: node.network, version: '0', uptimeMs: 1 },
    members: { alive: node.replicas + 1, suspect: 0, failed: 0, left: 0 },
    groups: [],
    dht: { records: 0, bytes: 0, replication: 3, mode: 'one-hop' },
    store: { bytes: 0, full: false, tornBytes: 0, damagedRows: 0 },
    degraded: false,
    listen: [],
    drops: {},
  }
}
