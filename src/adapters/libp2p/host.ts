/**
 * The libp2p host: the platform's transports, noise, yamux, our framed protocols and kad-dht, with every guard
 * and limit in one place. Protocols above it see a LinkPort; nothing here knows what the frames mean.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { type Identify, type IdentifyComponents, identify } from '@libp2p/identify'
import type { Ed25519PrivateKey, Libp2p, Listener } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { Ping } from '@libp2p/ping'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { assert } from '../../base/assert.ts'
import type { PeerId } from '../../base/ids.ts'
import { parsePeerId } from '../../base/peer-id.ts'
import type { LinkPort, SearchQuery, SearchResult } from '../../engine/ports.ts'
import { Admissions } from './admissions.ts'
import { Bans } from './bans.ts'
import { ForeignPeers } from './foreign-peers.ts'
import { Gater } from './gater.ts'
import type { HostPlatform, TransportFactory } from './host-platform.ts'
import { admittedOnly, createKad, createMembershipPing } from './kad.ts'
import { type FedMember, KadFeed } from './kad-feed.ts'
import { KadSearch } from './kad-search.ts'
import { libp2pLogger } from './libp2p-logger.ts'
import { type LibraryMetric, LibraryMetrics } from './library-metrics.ts'
import { Links, OVERLAY_TAG } from './links.ts'
import { checkListenAddresses, listenError } from './listen-error.ts'
import { guardMuxer } from './muxer-guard.ts'
import { inOneWrite } from './one-write.ts'
import {
  checkHostOptions,
  type HostLimits,
  type HostOptions,
  MUXER_BYTES_MAX,
  READ_BUFFER_BYTES_MAX,
} from './options.ts'
import { tellable } from './own-addresses.ts'
import { PeerStoreSweep } from './peer-store-sweep.ts'
import { Pong, type Registrar } from './pong.ts'
import { quietPeerStore } from './quiet-peer-store.ts'
import { routingTableOf } from './routing-table.ts'
import { TrafficCounter } from './traffic-counter.ts'

export type { HostLimits, HostOptions, RecordPort } from './options.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const STREAMS_IN_MAX = 64
const STREAMS_OUT_MAX = 128

export interface Host {
  readonly links: LinkPort
  readonly peerId: PeerId
  readonly libp2p: Libp2p
  /** Multiaddrs without /p2p that accept connections; empty before start. */
  listenAddresses(): readonly string[]
  /** The alive members: into Kademlia's routing table and the peer store; all others leave it. */
  feed(members: readonly FedMember[]): void
  /** Through Kademlia. Never rejects. */
  search(query: SearchQuery): Promise<SearchResult>
  /** What libp2p counts. Never rejects. */
  metrics(): Promise<readonly LibraryMetric[]>
  /** Bytes of frames by protocol since creation. */
  traffic(): { sent: Record<string, number>; received: Record<string, number> }
  /** @throws {HearsayError} ERR_LISTEN */
  start(): Promise<void>
  /** Says goodbye and closes everything; may be called twice. */
  stop(): Promise<void>
  /** Cuts every connection and closes the listeners at once, as a killed process would. */
  crash(): Promise<void>
}

/** @throws {HearsayError} ERR_CONFIG, ERR_ADDRESS; {RangeError|TypeError} limits, seed */
export async function openHost(options: HostOptions, platform: HostPlatform): Promise<Host> {
  const limits = checkHostOptions(options)
  checkListenAddresses(options.listen, 'listen')
  checkListenAddresses(options.announce ?? [], 'announce')
  const privateKey = await generateKeyPairFromSeed('Ed25519', options.seed)
  const self = parsePeerId(privateKey.publicKey.toString())
  assert(self !== undefined, 'an Ed25519 key has an Ed25519 peer id')
  const { lookupName } = platform
  const parts = new HostParts(options, { limits, self, lookupName })
  const { bans, dropped } = parts
  const { listen, origins = [] } = options
  const transports = await platform.transports({ listen, origins, limits, bans, dropped })
  const made = { parts, limits, privateKey, platform, transports }
  const libp2p = await createNode(options, made)
  quietPeerStore(libp2p.peerStore, libp2p.peerId, OVERLAY_TAG)
  await parts.links.attach(libp2p)
  return new NodeHost(options, { parts, libp2p })
}

interface Known {
  readonly limits: HostLimits
  readonly self: PeerId
  readonly lookupName: HostPlatform['lookupName']
}

/** What exists before libp2p does. */
class HostParts {
  readonly self: PeerId
  readonly limits: HostLimits
  readonly admissions = new Admissions()
  readonly traffic = new TrafficCounter()
  readonly metrics = new LibraryMetrics()
  readonly bans: Bans
  readonly links: Links
  feed: KadFeed | undefined
  foreign: ForeignPeers | undefined

  constructor(options: HostOptions, known: Known) {
    this.self = known.self
    this.limits = known.limits
    this.bans = new Bans(known.limits, () => performance.now())
    this.links = new Links({
      self: known.self,
      network: options.network,
      networkKey: options.networkKey,
      invites: options.invites,
      limits: known.limits,
      lookupName: known.lookupName,
      traffic: this.traffic,
      admissions: this.admissions,
      bans: this.bans,
    })
  }

  dropped = (reason: string): void => this.links.dropped(reason)

  isAlive(text: string): boolean {
    const peer = parsePeerId(text)
    return peer !== undefined && (this.links.isLinked(peer) || this.isMember(peer))
  }

  isMember(text: string): boolean {
    const peer = parsePeerId(text)
    return peer !== undefined && this.feed?.has(peer) === true
  }
}

type HostLibp2p = Libp2p<{ ping: Ping; identify: Identify; kad: KadDHT }>

interface NodeParts {
  readonly parts: HostParts
  readonly limits: HostLimits
  readonly privateKey: Ed25519PrivateKey
  readonly platform: HostPlatform
  readonly transports: readonly TransportFactory[]
}

function createNode(
  options: HostOptions,
  { parts, limits, privateKey, platform, transports }: NodeParts,
): Promise<HostLibp2p> {
  const { admissions, dropped } = parts
  const inboundConnections = (): number =>
    admissions.all().filter((wire) => wire.direction === 'inbound').length
  const logger = libp2pLogger(platform.debug)
  const encrypter = noise(platform.crypto === undefined ? {} : { crypto: platform.crypto })
  return createLibp2p({
    start: false,
    ...(logger === undefined ? {} : { logger }),
    privateKey,
    nodeInfo: {
      name: 'hearsay',
      version: options.version,
      userAgent: `hearsay/${options.version}`,
    },
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    ...(options.datastore === undefined ? {} : { datastore: options.datastore }),
    // The defaults forget a network overnight.
    peerStore: { maxAddressAge: 7 * DAY_MS, maxPeerAge: 30 * DAY_MS },
    connectionMonitor: { enabled: false },
    metrics: () => parts.metrics,
    connectionGater: new Gater({ limits, bans: parts.bans, inboundConnections, dropped }),
    connectionManager: {
      maxConnections: limits.connectionsMax,
      inboundConnectionThreshold: limits.inboundPerSecond,
      maxIncomingPendingConnections: limits.pendingMax,
      inboundUpgradeTimeout: limits.upgradeTimeoutMs,
      inboundStreamProtocolNegotiationTimeout: limits.helloTimeoutMs,
      outboundStreamProtocolNegotiationTimeout: limits.helloTimeoutMs,
      maxParallelDials: limits.dialsMax,
      maxPeerAddrsToDial: limits.addressesMax,
      dialTimeout: limits.dialTimeoutMs,
      addressDialTimeout: limits.addressTimeoutMs,
      // Nothing is ever tagged keep-alive here; were it, one try is all it gets.
      reconnectRetries: 0,
    },
    transports: [...transports, ...(options.extras?.transports ?? [])],
    connectionEncrypters: [(components) => inOneWrite(encrypter(components))],
    streamMuxers: [
      () =>
        guardMuxer(
          yamux({
            // Membership pings over every link; a second ping tells nobody anything.
            enableKeepAlive: false,
            maxInboundStreams: STREAMS_IN_MAX,
            maxOutboundStreams: STREAMS_OUT_MAX,
            streamOptions: {
              initialStreamWindowSize: MUXER_BYTES_MAX,
              maxStreamWindowSize: MUXER_BYTES_MAX,
              maxReadBufferLength: READ_BUFFER_BYTES_MAX,
              // Streams live as long as their link.
              inactivityTimeout: DAY_MS,
            },
          })(),
          { limits, offended: dropped },
        ),
    ],
    services: {
      ...options.extras?.services,
      ping: () => createMembershipPing((peer) => parts.isAlive(peer.toString())),
      identify: (components: IdentifyComponents): Identify =>
        identify({ runOnConnectionOpen: false })(
          admittedOnly(components, { admissions, dropped, perSecond: limits.kadPerSecond }),
        ),
      pong: (components: { registrar: Registrar }) =>
        new Pong(admittedOnly(components, { admissions, dropped, perSecond: limits.kadPerSecond })),
      kad: createKad({
        network: options.network,
        limits,
        records: options.records,
        admissions,
        dropped,
        asked: (connection) => parts.foreign?.asked(connection),
      }),
    },
  })
}

class NodeHost implements Host {
  readonly links: LinkPort
  readonly peerId: PeerId
  readonly libp2p: Libp2p
  readonly #options: HostOptions
  readonly #parts: HostParts
  readonly #feed: KadFeed
  readonly #search: KadSearch
  readonly #sweep: PeerStoreSweep
  readonly #listeners = new Set<Listener>()
  #told = ''
  #ending: Promise<void> | undefined

  constructor(options: HostOptions, { parts, libp2p }: { parts: HostParts; libp2p: HostLibp2p }) {
    this.#options = options
    this.#parts = parts
    this.links = parts.links
    this.peerId = parts.self
    this.libp2p = libp2p
    const { kad, identify: identity } = libp2p.services
    parts.foreign = new ForeignPeers({
      isMember: (text) => parts.isMember(text),
      identify: (connection) => identity.identify(connection),
    })
    const table = routingTableOf(kad)
    this.#sweep = new PeerStoreSweep(libp2p.peerStore, async (peer) => {
      const isConnected = libp2p.getConnections(peer).length > 0
      return (
        isConnected || parts.isMember(peer.toString()) || (await table.find(peer)) !== undefined
      )
    })
    this.#feed = new KadFeed(libp2p, {
      table,
      addressesMax: parts.limits.addressesMax,
      wrote: (peer) => this.#sweep.wrote(peer),
    })
    this.#search = new KadSearch({ libp2p, kad, table })
    parts.feed = this.#feed
    libp2p.addEventListener('transport:listening', (event) => this.#listeners.add(event.detail))
    libp2p.addEventListener('transport:close', (event) => this.#listeners.delete(event.detail))
    libp2p.addEventListener('self:peer:update', () => this.#tellAddresses())
  }

  listenAddresses(): readonly string[] {
    const addresses = [...this.#listeners].flatMap((listener) => listener.getAddrs())
    return [...new Set(addresses.map((address) => address.toString()))]
  }

  search(query: SearchQuery): Promise<SearchResult> {
    return this.#search.search(query)
  }

  feed(members: readonly FedMember[]): void {
    this.#feed.feed(members.filter(({ peer }) => peer !== this.peerId))
  }

  metrics(): Promise<readonly LibraryMetric[]> {
    return this.#parts.metrics.read()
  }

  traffic(): { sent: Record<string, number>; received: Record<string, number> } {
    return this.#parts.traffic.snapshot()
  }

  async start(): Promise<void> {
    try {
      await this.libp2p.start()
    } catch (error) {
      throw listenError(error, this.#options.listen)
    }
    this.#sweep.start()
    this.#parts.links.started(this.listenAddresses())
    this.#tellAddresses()
  }

  stop(): Promise<void> {
    this.#ending ??= this.#end('close')
    return this.#ending
  }

  crash(): Promise<void> {
    this.#ending ??= this.#end('abort')
    return this.#ending
  }

  async #end(how: 'close' | 'abort'): Promise<void> {
    this.#feed.stop()
    this.#sweep.stop()
    await this.#parts.links.stop(how)
    await this.libp2p.stop()
  }

  #tellAddresses(): void {
    const { announce, profile } = this.#options
    const isAnnounced = announce !== undefined && announce.length > 0
    const addresses = isAnnounced ? announce : tellable(this.listenAddresses(), profile)
    const told = addresses.join(' ')
    if (addresses.length === 0 || told === this.#told) return
    this.#told = told
    this.#parts.links.addresses(addresses)
  }
}
