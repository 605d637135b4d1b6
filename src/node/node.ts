import { parseJoinAddress } from '../adapters/libp2p/join-address.ts'
import { hex } from '../base/bytes.ts'
import type { PeerId } from '../base/ids.ts'
import type { Driver } from '../engine/driver.ts'
import { checkTags } from '../membership/options.ts'
import type { BroadcastInfo, QueryHandler, QueryInfo, QueryOptions } from './cast-types.ts'
import { broadcast, query } from './casts.ts'
import type { ChangeFeed } from './change-feed.ts'
import { createDht } from './dht-handle.ts'
import type { Dht } from './dht-types.ts'
import type { EventHub } from './event-hub.ts'
import { followChanges } from './follow-changes.ts'
import { createGroupHandle } from './group-handle.ts'
import type { AccessInfo, Invites } from './invite-types.ts'
import type { MemberHistory } from './member-history.ts'
import type {
  Chaos,
  ConvergedInfo,
  HearsayNode,
  MemberInfo,
  NodeEvent,
  ReplicatedInfo,
  StatusInfo,
  SubscribeOptions,
  Traffic,
} from './node-types.ts'
import type { Questions } from './questions.ts'
import { type Acks, replicaCount, replicated, stopped } from './replicated.ts'
import { request } from './requests.ts'
import type {
  Change,
  Counter,
  GroupHandle,
  MapHandle,
  ObjectInfo,
  Register,
  SetHandle,
  Transaction,
  TransactionInfo,
  UndoableInfo,
  UndoInfo,
  UndoOptions,
  Waiting,
  WatchOptions,
} from './state-types.ts'
import {
  accessInfo,
  bytesOf,
  distinctDigests,
  groupInfos,
  isLive,
  memberCounts,
  memberInfo,
  memberName,
} from './status.ts'
import { tracedDht } from './traced-dht.ts'
import type { Tracing } from './tracing.ts'

/** The parts that createNode has opened and a node closes. */
export interface NodeParts {
  readonly driver: Driver
  readonly name: string
  readonly network: string
  readonly version: string
  readonly replication: number
  readonly dataDir: string | undefined
  readonly chaos: Chaos | undefined
  /** Tells when others hold more of what this node wrote. */
  readonly acks: Acks
  readonly questions: Questions
  readonly history: MemberHistory
  /** Undefined: nobody wants spans. */
  readonly tracing: Tracing | undefined
  /** Resolves when connections are accepted. */
  listening(): Promise<void>
  listenAddresses(): readonly string[]
  traffic(): Traffic
  readonly invites: Invites
  access(): AccessInfo
  libp2p(): HearsayNode['libp2p']
  libp2pMetrics: HearsayNode['libp2pMetrics']
  store(): Omit<StatusInfo['store'], 'path'>
  backup(signal: AbortSignal | undefined): AsyncIterable<Uint8Array>
  /** Closes everything in reverse order of opening, after pending commits are on disk. */
  close(): Promise<void>
  /** Ends everything at once; pending commits are lost as in a crash. */
  abort(): Promise<void>
}

/** The known value changes of an observer that failed are reported, never thrown into the engine. */
export class Node implements HearsayNode {
  readonly name: string
  readonly peerId: PeerId
  readonly network: string
  readonly dht: Dht
  readonly chaos: Chaos | undefined
  readonly invites: Invites
  readonly members: HearsayNode['members']
  readonly #parts: NodeParts
  readonly #driver: Driver
  readonly #hub: EventHub
  readonly #changes: ChangeFeed
  readonly #main: GroupHandle
  readonly #startedAt = Date.now()
  #stopping: Promise<void> | undefined

  constructor(parts: NodeParts, hub: EventHub, changes: ChangeFeed) {
    this.#parts = parts
    this.#driver = parts.driver
    this.#hub = hub
    this.#changes = changes
    this.name = parts.name
    this.network = parts.network
    this.chaos = parts.chaos
    this.invites = parts.invites
    const { engine } = parts.driver
    this.peerId = engine.membership.self.peerId
    const dht = createDht(parts.driver, (peer) => this.#nameOf(peer))
    this.dht = parts.tracing === undefined ? dht : tracedDht(dht, parts.tracing)
    this.#main = createGroupHandle(parts.driver, 'main', changes)
    hub.subscribe((event) => {
      // Another process is this peer: what is acknowledged is kept, and nothing more is said in its name.
      if (event.type === 'fatal' && event.code === 'ERR_IDENTITY') this.stop().catch(() => {})
    })
    this.members = {
      list: (): readonly MemberInfo[] =>
        engine.membership.members().map((member) => memberInfo(engine, member)),
      get self(): MemberInfo {
        return memberInfo(engine, engine.membership.self)
      },
      get viewHash(): string {
        return hex(engine.membership.viewHash())
      },
      get digests(): number {
        return distinctDigests(engine)
      },
      links: () => [...engine.linked],
      heard: (peer) => ({ ...NOTHING_HEARD, ...parts.driver.frames.from(peer) }),
      setTags: async (tags, { signal } = {}): Promise<void> => {
        checkTags(tags)
        await request(parts.driver, { type: 'tags', tags }, { expected: 'tags', signal })
      },
      explain: (who) => parts.history.explain(engine, who),
    }
  }

  counter(name: string): Counter {
    return this.#main.counter(name)
  }

  set(name: string): SetHandle {
    return this.#main.set(name)
  }

  register(name: string): Register {
    return this.#main.register(name)
  }

  map(name: string): MapHandle {
    return this.#main.map(name)
  }

  group(name: string): GroupHandle {
    return name === 'main' ? this.#main : createGroupHandle(this.#driver, name, this.#changes)
  }

  groups(): readonly string[] {
    return [...new Set(['main', ...this.#driver.engine.replication.groups()])]
  }

  objects(): readonly ObjectInfo[] {
    return this.#main.objects()
  }

  transact(
    build: (transaction: Transaction) => void,
    options: Waiting = {},
  ): Promise<TransactionInfo> {
    return this.#main.transact(build, options)
  }

  undo(options: UndoOptions & { readonly group?: string } = {}): Promise<UndoInfo> {
    const { group = 'main', ...rest } = options
    return this.group(group).undo(rest)
  }

  undoable(): readonly UndoableInfo[] {
    return this.#main.undoable()
  }

  watch(options: WatchOptions = {}): AsyncIterable<Change> {
    return followChanges(this.#changes, () => true, options)
  }

  get cursor(): string {
    return this.#changes.cursor
  }

  status(): StatusInfo {
    const { engine } = this.#driver
    const live = engine.membership.members().filter(isLive).length
    const { dataDir } = this.#parts
    return {
      name: this.name,
      peerId: this.peerId,
      network: this.network,
      version: this.#parts.version,
      uptimeMs: Date.now() - this.#startedAt,
      members: memberCounts(engine),
      digests: this.members.digests,
      groups: groupInfos(engine, (peer) => this.#nameOf(peer)),
      dht: { ...engine.kv.stats, replication: this.#parts.replication, mode: engine.kv.mode },
      store: {
        ...(dataDir === undefined ? {} : { path: dataDir }),
        ...this.#parts.store(),
      },
      degraded: live < 2,
      access: accessInfo(this.#parts.access(), engine),
      listen: this.#listen(),
      drops: Object.fromEntries(engine.drops),
      traffic: {
        framesSent: this.#driver.frames.sent,
        framesReceived: this.#driver.frames.received,
        ...bytesOf(this.traffic()),
      },
      broadcasts: engine.membership.castCounts,
    }
  }

  traffic(): Traffic {
    return this.#parts.traffic()
  }

  get libp2p(): HearsayNode['libp2p'] {
    return this.#parts.libp2p()
  }

  libp2pMetrics(): ReturnType<HearsayNode['libp2pMetrics']> {
    return this.#parts.libp2pMetrics()
  }

  digest(group: string = 'main'): string {
    return hex(this.#driver.engine.replication.status(group).digest)
  }

  async converged(options: Waiting & { readonly group?: string } = {}): Promise<ConvergedInfo> {
    const startedAt = performance.now()
    const { signal, group = 'main' } = options
    signal?.throwIfAborted()
    const { engine } = this.#driver
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const check = (): void => {
      if (engine.behind().length === 0) resolve()
    }
    const unsubscribe = this.#hub.subscribe((event) => {
      if (event.type === 'stopped') reject(stopped('wait for convergence'))
      else if (MOVES_CONVERGENCE.has(event.type)) check()
    })
    const abort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      check()
      await promise
    } finally {
      unsubscribe()
      signal?.removeEventListener('abort', abort)
    }
    return {
      converged: true,
      digest: this.digest(group),
      members: engine.membership.members().filter(isLive).length,
      digests: this.members.digests,
      elapsedMs: Math.round((performance.now() - startedAt) * 100) / 100,
    }
  }

  async replicated(
    replicas: number,
    options: Waiting & { readonly group?: string } = {},
  ): Promise<ReplicatedInfo> {
    if (this.#stopping !== undefined) throw stopped('wait for replicas')
    const { replication: ledger } = this.#driver.engine
    return await replicated({ ledger, acks: this.#parts.acks, hub: this.#hub }, replicas, options)
  }

  replicaCount(group: string = 'main'): number {
    return replicaCount(this.#driver.engine.replication, group)
  }

  async listening({ signal }: Waiting = {}): Promise<readonly string[]> {
    signal?.throwIfAborted()
    const { promise, reject } = Promise.withResolvers<never>()
    const abort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#parts.listening(), promise])
    } finally {
      signal?.removeEventListener('abort', abort)
    }
    return this.#listen()
  }

  join(addresses: readonly string[]): void {
    for (const address of addresses) parseJoinAddress(address)
    this.#driver.join(addresses)
  }

  async leave(options: Waiting = {}): Promise<void> {
    await request(this.#driver, { type: 'leave' }, { expected: 'leave', signal: options.signal })
  }

  backup(options: Waiting = {}): AsyncIterable<Uint8Array> {
    return this.#parts.backup(options.signal)
  }

  broadcast(
    name: string,
    payload: string | Uint8Array = '',
    options: Waiting = {},
  ): Promise<BroadcastInfo> {
    return broadcast(this.#driver, { name, payload }, options)
  }

  query(
    name: string,
    payload: string | Uint8Array = '',
    options: QueryOptions = {},
  ): Promise<QueryInfo> {
    const nameOf = (peer: PeerId): string => this.#nameOf(peer)
    return query(this.#driver, { name, payload }, { ...options, nameOf })
  }

  onQuery(name: string, handler: QueryHandler, options: Waiting = {}): () => void {
    return this.#parts.questions.on(name, handler, options)
  }

  subscribe(listener: (event: NodeEvent) => void, options: SubscribeOptions = {}): () => void {
    return this.#hub.subscribe(listener, options)
  }

  events(options: SubscribeOptions = {}): AsyncIterable<NodeEvent> {
    return this.#hub.events(options)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end(() => this.#parts.close())
    return this.#stopping
  }

  crash(): Promise<void> {
    this.#stopping ??= this.#end(() => this.#parts.abort())
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #listen(): readonly string[] {
    return this.#parts.listenAddresses().map((address) => `${address}/p2p/${this.peerId}`)
  }

  async #end(close: () => Promise<void>): Promise<void> {
    await close()
    this.#changes.close()
    this.#hub.emit({ at: Date.now(), type: 'stopped' })
  }

  #nameOf(peer: PeerId): string {
    return memberName(this.#driver.engine, peer)
  }
}

const NOTHING_HEARD = { member: 0, sync: 0, kv: 0 } as const

const MOVES_CONVERGENCE: ReadonlySet<NodeEvent['type']> = new Set([
  'digest-changed',
  'digests-changed',
  'member-changed',
  'member-joined',
])
