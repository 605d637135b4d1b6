/**
 * kad-dht without a fork: a libp2p service is a function of components, so it gets components of
 * its own. Its datastore is the record port, its registrar serves admitted peers at a bounded rate,
 * its connection manager waits for admission, its peer store tells few addresses of each peer (and keeps no tags:
 * quiet-peer-store.ts), and its ping is answered by what membership believes.
 */
import {
  type Connection,
  type DialTarget,
  isPeerId,
  type PeerId as Libp2pPeerId,
  type PeerStore,
  type Stream,
  type StreamHandler,
  serviceCapabilities,
} from '@libp2p/interface'
import {
  type KadDHT,
  type KadDHTComponents,
  kadDHT,
  passthroughMapper,
  type SelectFn,
  type ValidateFn,
} from '@libp2p/kad-dht'
import type { Ping } from '@libp2p/ping'
import type { Admissions } from './admissions.ts'
import { GuardedDatastore } from './guarded-datastore.ts'
import type { HostLimits, RecordPort } from './options.ts'
import { TokenBucket } from './token-bucket.ts'
import { toldAddresses } from './told-addresses.ts'

/** An envelope around a value of 64 KiB. */
const RECORD_BYTES_MAX = 72 * 1024
/** First segments of the keys that records live under: shared, owned, immutable. */
const NAMESPACES = ['k', 'o', 'h'] as const
const KAD_STREAMS_MAX = 32
/** Kademlia's k: peers of a bucket, and those that a lookup finds. */
export const KAD_BUCKET_PEERS = 20
const TIMEOUT = { minTimeout: 400, maxTimeout: 2000, timeoutMultiplier: 2, failureMultiplier: 1.1 }

export interface KadOptions {
  readonly network: string
  readonly limits: HostLimits
  readonly records: RecordPort
  readonly admissions: Admissions
  readonly dropped: (reason: string) => void
  /** Somebody asks over an admitted connection. */
  readonly asked: (connection: Connection) => void
}

export function kadProtocol(network: string): string {
  return `/hearsay/${network}/kad/1.0.0`
}

/** Components whose registrar hands streams of admitted connections only to a service's handlers. */
export function admittedOnly<T extends { registrar: KadDHTComponents['registrar'] }>(
  components: T,
  options: Pick<KadOptions, 'admissions' | 'dropped'> &
    Partial<Pick<KadOptions, 'asked'>> & {
      readonly perSecond: number
      /** Kademlia is for those that hold records: an observer would only bring some. @default false */
      readonly refusesObservers?: boolean
    },
): T {
  const { admissions, dropped, perSecond, asked, refusesObservers = false } = options
  const { registrar } = components
  const isPaced = connectionPace(perSecond)
  const isAllowed = (connection: Connection): boolean => {
    if (!admissions.isAdmitted(connection) || !isPaced(connection)) return false
    if (refusesObservers && admissions.of(connection)?.isObserver === true) return false
    asked?.(connection)
    return true
  }
  const guarded: KadDHTComponents['registrar'] = Object.create(registrar, {
    handle: {
      value: (...[protocol, handler, init]: Parameters<typeof registrar.handle>) =>
        registrar.handle(protocol, guardHandler(handler, isAllowed, dropped), init),
    },
  })
  return Object.create(components, { registrar: { value: guarded } })
}

/** A token bucket a connection, with bursts of four seconds' worth. */
function connectionPace(perSecond: number): (connection: Connection) => boolean {
  const buckets = new WeakMap<Connection, TokenBucket>()
  return (connection) => {
    const bucket = buckets.get(connection) ?? new TokenBucket(perSecond, 4 * perSecond)
    buckets.set(connection, bucket)
    return bucket.take(performance.now())
  }
}

function guardHandler(
  handler: StreamHandler,
  isAllowed: (connection: Connection) => boolean,
  dropped: (reason: string) => void,
): StreamHandler {
  return (stream: Stream, connection: Connection) => {
    if (isAllowed(connection)) return handler(stream, connection)
    dropped('Kademlia or identify stream refused')
    stream.abort(new Error('Not admitted, or too many requests'))
    return undefined
  }
}

export function createKad(options: KadOptions): (components: KadDHTComponents) => KadDHT {
  const { network, limits, records, admissions } = options
  const validate: ValidateFn = (key, record) => {
    const isSound = records.validate?.(key, record) ?? record.length <= RECORD_BYTES_MAX
    if (!isSound) throw new Error('Record refused')
  }
  const select: SelectFn = (key, candidates) => records.select?.(key, candidates) ?? 0
  const create = kadDHT({
    protocol: kadProtocol(network),
    clientMode: false,
    // The default mapper strips private addresses and leaves empty tables.
    peerInfoMapper: (peer) => {
      const mapped = passthroughMapper(peer)
      return { ...mapped, multiaddrs: toldAddresses(mapped.multiaddrs, limits.addressesMax) }
    },
    allowQueryWithZeroPeers: true,
    kBucketSize: KAD_BUCKET_PEERS,
    prefixLength: 8,
    disjointPaths: 2,
    initialQuerySelfInterval: 100,
    networkDialTimeout: TIMEOUT,
    pingOldContactTimeout: TIMEOUT,
    pingNewContactTimeout: TIMEOUT,
    maxInboundStreams: KAD_STREAMS_MAX,
    maxOutboundStreams: KAD_STREAMS_MAX,
    validators: Object.fromEntries(NAMESPACES.map((name) => [name, validate])),
    selectors: Object.fromEntries(NAMESPACES.map((name) => [name, select])),
  })
  return (components) => {
    const guarded = admittedOnly(components, {
      ...options,
      perSecond: limits.kadPerSecond,
      refusesObservers: true,
    })
    const { connectionManager } = components
    const allowed = connectionPace(limits.kadPerSecond / 2)
    const manager: KadDHTComponents['connectionManager'] = Object.create(connectionManager, {
      openStream: {
        value: async (
          ...[peer, protocol, init]: Parameters<typeof connectionManager.openStream>
        ) => {
          const connection = await connectionManager.openConnection(peer, init)
          await admissions.admitted(connection)
          // Half of what the other end serves: beyond its limit it would cut the whole link.
          if (!allowed(connection)) throw new Error('Too many requests to one peer')
          return await connection.newStream(protocol, init)
        },
      },
    })
    const derived: KadDHTComponents = Object.create(guarded, {
      datastore: { value: new GuardedDatastore(records) },
      connectionManager: { value: manager },
      peerStore: { value: guardedPeerStore(components.peerStore, limits.addressesMax) },
    })
    return create(derived)
  }
}

/** kad-dht answers requests for values with all addresses that it gets from here. */
function guardedPeerStore(store: PeerStore, addressesMax: number): PeerStore {
  return {
    forEach: (...args) => store.forEach(...args),
    all: (...args) => store.all(...args),
    delete: (...args) => store.delete(...args),
    has: (...args) => store.has(...args),
    get: (...args) => store.get(...args),
    getInfo: async (...args) => {
      const info = await store.getInfo(...args)
      return { ...info, multiaddrs: toldAddresses(info.multiaddrs, addressesMax) }
    },
    save: (...args) => store.save(...args),
    patch: (...args) => store.patch(...args),
    merge: (...args) => store.merge(...args),
    consumePeerRecord: (...args) => store.consumePeerRecord(...args),
  }
}

/** Stands in for the ping service: a peer is reachable when membership or a link says so. */
export function createMembershipPing(isAlive: (peer: Libp2pPeerId) => boolean): Ping {
  const ping = {
    [serviceCapabilities]: ['@libp2p/ping'],
    // The round trip is not measured here.
    ping: async (peer: DialTarget): Promise<number> => {
      if (isPeerId(peer) && isAlive(peer)) return 0
      throw new Error('Not known to be alive')
    },
  }
  return ping
}
