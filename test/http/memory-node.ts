import {
  type ConvergedInfo,
  type Dht,
  type DhtKey,
  type DhtKeyPage,
  type DhtPageOptions,
  type DhtValue,
  type GroupHandle,
  HearsayError,
  type HearsayNode,
  type LibraryMetric,
  type MemberExplanation,
  type MemberInfo,
  type NodeEvent,
  type PeerId,
  type PutOptions,
  type PutResult,
  QuorumError,
  type ReplicatedInfo,
  type StatusInfo,
} from '../../src/index.ts'
import { checkTags } from '../../src/membership/options.ts'
import { localNode } from '../node/local-node.ts'

/** A node without network and disk: replicated state is the real one, members and values are made up. */
export interface MemoryNode extends HearsayNode {
  /** Tells all subscribers. */
  emit(event: NodeEvent): void
  readonly subscribers: number
  readonly joined: readonly string[]
  readonly faults: readonly string[]
  /** Live members beside this node that store values. */
  replicas: number
  /** Further live members that only read. */
  observers: number
  /** While false, `converged` waits. */
  hasConverged: boolean
  library: readonly LibraryMetric[]
  /** Linked members that hold what was written; `replicated` waits for more. */
  holders: number
  /** Distinct digests that it says live members have. */
  digests: number
  /** Thrown by the next write. */
  failure: Error | undefined
  /** Options of all calls of the DHT. */
  readonly dhtOptions: readonly object[]
}

const PEER_ID = '12D3KooWGzBXWNvHpLWxz7qNwbGvLJcFQrBqW1Lu6xY6cPZSeadM' as PeerId

class MemoryDht implements Dht {
  readonly #values = new Map<string, { bytes: Uint8Array; version: string }>()
  readonly #node: { readonly replicas: number; readonly failure: Error | undefined }
  #version = 0

  constructor(node: { readonly replicas: number; readonly failure: Error | undefined }) {
    this.#node = node
  }

  readonly options: object[] = []

  async put(key: string, value: string | Uint8Array, options: PutOptions = {}) {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    const result = this.#write(key, options)
    this.#values.set(key, { bytes, version: result.version })
    return result
  }

  async get(key: string, options: { readonly signal?: AbortSignal } = {}) {
    this.options.push(options)
    options.signal?.throwIfAborted()
    if (key === 'slow') return unanswered(options.signal)
    const found = this.#values.get(key)
    return found === undefined ? undefined : dhtValue(key, found)
  }

  putMany(entries: Iterable<readonly [string, string | Uint8Array]>, options: PutOptions = {}) {
    return Promise.all(Array.from(entries, ([key, value]) => this.put(key, value, options)))
  }

  getMany(keys: Iterable<string>) {
    return Promise.all(Array.from(keys, (key) => this.get(key)))
  }

  async *list() {
    yield* this.page().keys
  }

  /** Cursors are the numbers of keys before. */
  page({ from = '0', limit = 1_000 }: DhtPageOptions = {}): DhtKeyPage {
    if (limit > 10_000) throw new RangeError('Cannot use option limit')
    const end = Number(from) + limit
    const all = [...this.#values].map(([key, { bytes, version }]): DhtKey => {
      return {
        key,
        kind: 'shared',
        version,
        bytes: bytes.length,
        expiresAt: '2026-01-01T00:00:00.000Z',
      }
    })
    const next = end < all.length ? { next: String(end) } : {}
    return { keys: all.slice(Number(from), end), complete: true, ...next }
  }

  async delete(key: string, options: PutOptions = {}) {
    const result = this.#write(key, options)
    this.#values.delete(key)
    return result
  }

  #write(key: string, options: PutOptions): PutResult {
    this.options.push(options)
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
  options: { readonly name?: string; readonly chaos?: boolean; readonly seed?: number } = {},
): MemoryNode {
  const name = options.name ?? 'n0'
  const { node: state, hub } = localNode(options.seed)
  const subscriptions = new Set<() => void>()
  const joined: string[] = []
  const faults: string[] = []
  const group = (groupName: string): GroupHandle => {
    const handle = state.group(groupName)
    const transact: GroupHandle['transact'] = async (build, waiting) => {
      if (node.failure !== undefined) throw node.failure
      return await handle.transact(build, waiting)
    }
    return { ...handle, transact }
  }
  const digest = (of = 'main'): string => state.digest(of)
  const member = (label: string, peerId: PeerId): MemberInfo => ({
    ...{ name: label, peerId, state: 'alive', incarnation: 0, addresses: [], tags: {} },
    ...{ protocol: 1, digest: digest(), since: new Date(0).toISOString() },
  })
  let tags: MemberInfo['tags'] = {}
  const self = (): MemberInfo => ({ ...member(name, PEER_ID), tags })
  const others = (): readonly MemberInfo[] =>
    Array.from({ length: node.replicas + node.observers }, (_, i) => ({
      ...member(`n${i + 1}`, `peer-${i + 1}` as PeerId),
      ...(i < node.replicas ? {} : { role: 'observer' }),
    }))
  const dht = new MemoryDht({
    get replicas() {
      return node.replicas
    },
    get failure() {
      return node.failure
    },
  })
  const node: MemoryNode = {
    ...{ name, peerId: PEER_ID, network: 'hearsay', joined, faults },
    emit: (event) => hub.emit(event),
    ...{ replicas: 2, holders: 2, digests: 1, hasConverged: true, failure: undefined },
    observers: 0,
    library: [],
    get subscribers() {
      return subscriptions.size
    },
    dht,
    dhtOptions: dht.options,
    members: {
      list: () => [self(), ...others()],
      get self() {
        return self()
      },
      viewHash: 'abcd',
      get digests() {
        return node.digests
      },
      links: () => others().map(({ peerId }) => peerId),
      heard: () => ({ member: 1, sync: 2, kv: 3 }),
      setTags: async (wanted) => {
        checkTags(wanted)
        tags = wanted
      },
      explain: (who) => explanation([self(), ...others()], who),
    },
    invites: {
      create: async () => ({
        ...{ id: '0'.repeat(32), network: 'hearsay', role: 'member', invite: 'hearsay-invite-1.x' },
        expiresAt: new Date(0).toISOString(),
      }),
      revoke: async (id) => ({ id, isKnown: true, until: new Date(0).toISOString() }),
      list: async () => ({ invites: [], revocations: [] }),
    },
    chaos: options.chaos === true ? chaosLog(faults) : undefined,
    counter: (object) => group('main').counter(object),
    set: (object) => group('main').set(object),
    register: (object) => group('main').register(object),
    map: (object) => group('main').map(object),
    group,
    objects: () => group('main').objects(),
    groups: () => state.groups(),
    transact: (build) => group('main').transact(build),
    undo: ({ group: of = 'main', ...options } = {}) => group(of).undo(options),
    undoable: () => group('main').undoable(),
    watch: (waiting) => state.watch(waiting),
    get cursor() {
      return state.cursor
    },
    status: () => status(node),
    traffic: () => ({ sent: {}, received: {} }),
    libp2p: undefined,
    libp2pMetrics: async () => node.library,
    digest,
    converged: async ({ signal, group: of } = {}): Promise<ConvergedInfo> => {
      if (!node.hasConverged) return unanswered(signal)
      const { replicas, digests } = node
      return { converged: true, digest: digest(of), members: replicas + 1, digests, elapsedMs: 1 }
    },
    replicated: async (wanted, { signal, group: of = 'main' } = {}): Promise<ReplicatedInfo> => {
      if (node.holders < wanted) return unanswered(signal)
      return { replicated: true, replicas: node.holders, group: of, elapsedMs: 1 }
    },
    replicaCount: () => node.holders,
    listening: async () => [],
    join: (addresses) => {
      for (const address of addresses) {
        if (!address.includes(':') && !address.startsWith('/')) {
          throw new HearsayError('ERR_ADDRESS', `Cannot join: no address: ${address}`)
        }
      }
      joined.push(...addresses)
    },
    leave: async () => undefined,
    backup: (waiting) => state.backup(waiting),
    broadcast: (object, payload) => state.broadcast(object, payload),
    query: (object, payload, waiting) => state.query(object, payload, waiting),
    onQuery: (object, handler, waiting) => state.onQuery(object, handler, waiting),
    subscribe: (listener) => {
      const unsubscribe = hub.subscribe(listener)
      subscriptions.add(unsubscribe)
      return () => {
        subscriptions.delete(unsubscribe)
        unsubscribe()
      }
    },
    events: () => {
      throw new HearsayError('ERR_UNSUPPORTED', 'Cannot iterate events of a node in memory')
    },
    stop: () => state.stop(),
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

function explanation(members: readonly MemberInfo[], who: string): MemberExplanation | undefined {
  const member = members.find(({ name }) => name === who)
  if (member === undefined) return undefined
  const { name, peerId, state, incarnation, since, addresses } = member
  const moment = { at: since, state, epoch: 1, incarnation, evidence: 'own record, told by n1' }
  return {
    ...{ name, peerId, state, epoch: 1, incarnation, since, linked: true, addresses },
    ...{ history: [moment], forgotten: 0, namesakes: [] },
  }
}

function status(node: MemoryNode): StatusInfo {
  return {
    ...{ name: node.name, peerId: node.peerId, network: node.network, version: '0', uptimeMs: 1 },
    members: { alive: node.replicas + 1, suspect: 0, failed: 0, left: 0 },
    digests: node.digests,
    groups: [],
    dht: { records: 0, bytes: 0, replication: 3, mode: 'one-hop' },
    store: { bytes: 0, full: false, tornBytes: 0, damagedRows: 0 },
    degraded: false,
    access: { by: 'open', role: 'member' },
    listen: [],
    drops: {},
    traffic: { framesSent: 0, framesReceived: 0, bytesSent: 0, bytesReceived: 0 },
    broadcasts: {
      ...{ sent: 0, delivered: 0, duplicates: 0, missed: 0, forgotten: 0, late: 0 },
      ...{ stored: 0, storedBytes: 0 },
    },
  }
}
