import type { Datastore } from 'interface-datastore'
import type { Libp2pOptions } from 'libp2p'
import type { Lane, Millis, Protocol } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { checkNumber } from '../../base/options.ts'
import type { InvitePort } from './invite-port.ts'

const KIB = 1024
const MIB = 1024 * KIB

export type HostProfile = 'local' | 'lan' | 'wan'

/** The store of DHT records, as foreign Kademlia peers may see it. Keys and records are raw bytes. */
export interface RecordPort {
  /** The record to serve for a key, or undefined. */
  lookup(key: Uint8Array): Uint8Array | undefined
  /** Validates, selects against what is stored and stores. Must not reject. */
  offer(key: Uint8Array, record: Uint8Array): Promise<'stored' | 'stale' | 'refused'>
  /** Whether a record that a foreign peer sent is worth reading. @default by size alone */
  validate?(key: Uint8Array, record: Uint8Array): boolean
  /** Index of the newest of several valid records. @default the first */
  select?(key: Uint8Array, records: readonly Uint8Array[]): number
}

/** What an application adds to the libp2p node of its own. */
export interface Libp2pExtras {
  /** Dialled by beside ours, such as WebRTC between pages. What they listen to is not told to other members. */
  readonly transports?: Libp2pOptions['transports']
  /** By name: `node.libp2p.services.NAME`. The names of ours are taken: ping, identify, pong, kad. */
  readonly services?: Libp2pOptions['services']
}

export interface HostOptions {
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array
  /** 1 … 64 characters of a-z, 0-9, `-`, `_`, `.`; part of every protocol name. */
  readonly network: string
  /** Shared secret, at least 32 bytes: only holders are admitted. @default anybody is admitted */
  readonly networkKey?: Uint8Array
  /** Admits peers by capabilities too, and shows ours where there is no network key. @default none */
  readonly invites?: InvitePort
  readonly profile: HostProfile
  /** Multiaddrs to listen on: TCP, or a WebSocket over it (`/ws`). None: nobody can dial this host. */
  readonly listen: readonly string[]
  /** Whose pages may connect by WebSocket, besides loopback's: as `https://example.org`, `*` all. @default none */
  readonly origins?: readonly string[]
  /** Multiaddrs told to others instead of the listening ones. @default none */
  readonly announce?: readonly string[]
  /** Version of the agent, told to admitted peers. */
  readonly version: string
  readonly records: RecordPort
  /** What the libp2p node has besides what is made here. @default nothing */
  readonly extras?: Libp2pExtras
  /** Where libp2p keeps its own data (peer store). @default memory */
  readonly datastore?: Datastore
  readonly limits?: Partial<HostLimits>
}

/** Every bound of the host. Bytes, milliseconds, counts; trade: larger admits more and costs memory. */
export interface HostLimits {
  /** Connections at once. @default 256 */
  readonly connectionsMax: number
  /** Connections others may open here, of connectionsMax. @default 192 (75 %) */
  readonly inboundMax: number
  /** Connections one address may open a second. @default local 1,000, lan 200, wan 20 */
  readonly inboundPerSecond: number
  /** Handshakes under way at once. @default 128 */
  readonly pendingMax: number
  /** Handshakes under way at once from one address. @default 4 (wan), 32 (local and lan: NAT and labs) */
  readonly pendingPerAddress: number
  /** A handshake slower than this is closed. @default 3,000; local: 10,000 */
  readonly upgradeTimeoutMs: Millis
  /** A hello slower than this is closed. @default 3,000; local: 10,000 */
  readonly helloTimeoutMs: Millis
  /** A dial, all addresses together. @default 5,000; local: 12,000 */
  readonly dialTimeoutMs: Millis
  /** One address of a dial. @default 2,500; local: 10,000 */
  readonly addressTimeoutMs: Millis
  /** Dials at once. @default 16 */
  readonly dialsMax: number
  /** Addresses tried for one peer, and answers tried for one DNS name. @default 16 */
  readonly addressesMax: number
  /** Bytes waiting for one peer, all lanes together. @default 1 MiB */
  readonly queueBytesMax: number
  /** Bytes of sync and kv under way to a peer beyond which bulk waits, at least 64 KiB. @default 128 KiB */
  readonly bulkInFlightBytesMax: number
  /** Redundant connections between one pair live at least this long. @default 1,000 */
  readonly retireAfterMs: Millis
  /** Connections one peer may hold here. @default 4 */
  readonly connectionsPerPeer: number
  /** Malformed frames within offenceWindowMs that lead to a ban. @default 5 */
  readonly offencesMax: number
  /** @default 60,000 */
  readonly offenceWindowMs: Millis
  /** @default 600,000 */
  readonly banMs: Millis
  /** Multiplexer pings and resets a peer may send a second. @default 50 each */
  readonly muxerControlPerSecond: number
  /** Streams a peer may open a second, bursts of four times as many; kad-dht opens one a request. @default 50 */
  readonly streamsPerSecond: number
  /** kad-dht requests served a second for one peer. @default 50 */
  readonly kadPerSecond: number
}

type Timeouts = Pick<
  HostLimits,
  'upgradeTimeoutMs' | 'helloTimeoutMs' | 'dialTimeoutMs' | 'addressTimeoutMs'
>

const TIMEOUTS: Timeouts = {
  upgradeTimeoutMs: 3000,
  helloTimeoutMs: 3000,
  dialTimeoutMs: 5000,
  addressTimeoutMs: 2500,
}
/**
 * Nothing gets lost on one machine, but it may be short of processor time: a handshake takes ten to twelve turns of
 * the event loops of both ends, and with fifty nodes in one process a turn takes up to a second.
 */
const LOCAL_TIMEOUTS: Timeouts = {
  upgradeTimeoutMs: 10_000,
  helloTimeoutMs: 10_000,
  dialTimeoutMs: 12_000,
  addressTimeoutMs: 10_000,
}

const INBOUND_PER_SECOND: Record<HostProfile, number> = { local: 1000, lan: 200, wan: 20 }

export function defaultHostLimits(profile: HostProfile): HostLimits {
  return {
    connectionsMax: 256,
    inboundMax: 192,
    inboundPerSecond: INBOUND_PER_SECOND[profile],
    pendingMax: 128,
    pendingPerAddress: profile === 'wan' ? 4 : 32,
    ...(profile === 'local' ? LOCAL_TIMEOUTS : TIMEOUTS),
    dialsMax: 16,
    addressesMax: 16,
    queueBytesMax: MIB,
    bulkInFlightBytesMax: 128 * KIB,
    retireAfterMs: 1000,
    connectionsPerPeer: 4,
    offencesMax: 5,
    offenceWindowMs: 60_000,
    banMs: 600_000,
    muxerControlPerSecond: 50,
    streamsPerSecond: 50,
    kadPerSecond: 50,
  }
}

/** Largest frame body by protocol. */
export const FRAME_BYTES_MAX: Readonly<Record<Protocol | 'hello', number>> = {
  hello: 8 * KIB,
  member: 4 * KIB,
  kv: 264 * KIB,
  sync: 256 * KIB,
}

/** Streams one connection may open towards us, by protocol. */
export const STREAMS_MAX: Readonly<Record<Protocol | 'hello', number>> = {
  hello: 1,
  member: 2,
  sync: 4,
  kv: 16,
}

/** Share of a peer's queue that other lanes cannot take. */
export const QUEUE_RESERVE: Readonly<Record<Lane, number>> = {
  probe: 1 / 16,
  control: 1 / 8,
  user: 1 / 8,
  bulk: 0,
}

export const PROTOCOLS: readonly Protocol[] = ['member', 'sync', 'kv']
/** yamux frame and window; the smallest window that yamux allows. */
export const MUXER_BYTES_MAX: number = 256 * KIB
/** Above a paused stream's window, so that an honest peer never overruns it. */
export const READ_BUFFER_BYTES_MAX: number = 512 * KIB
/** Every so many bytes of sync and kv the reader reports (PROTOCOL.md): a window must hold two reports. */
export const REPORT_BYTES: number = 32 * KIB
const OWN_SERVICES: ReadonlySet<string> = new Set(['ping', 'identify', 'pong', 'kad'])
export const NETWORK_KEY_BYTES_MIN = 32
export const SEED_BYTES = 32

/** `/hearsay/NETWORK/NAME/1` */
export function protocolId(network: string, name: Protocol | 'hello'): string {
  return `/hearsay/${network}/${name}/1`
}

/** @throws {HearsayError} ERR_CONFIG; {TypeError|RangeError} a limit that is no positive number */
export function checkHostOptions(options: HostOptions): HostLimits {
  if (!/^[a-z0-9._-]{1,64}$/.test(options.network)) {
    throw new HearsayError('ERR_CONFIG', `Cannot use network name: ${options.network}`, {
      hint: 'Use 1 to 64 characters of a-z, 0-9, "-", "_" and "."',
    })
  }
  const key = options.networkKey
  if (key !== undefined && key.length < NETWORK_KEY_BYTES_MIN) {
    throw new HearsayError('ERR_CONFIG', `Cannot use network key: ${key.length} bytes`, {
      hint: `Use at least ${NETWORK_KEY_BYTES_MIN} random bytes`,
    })
  }
  for (const name of Object.keys(options.extras?.services ?? {})) {
    if (!OWN_SERVICES.has(name)) continue
    throw new HearsayError('ERR_CONFIG', `Cannot add libp2p service: the name is taken: ${name}`, {
      hint: 'Give it another name',
    })
  }
  if (options.seed.length !== SEED_BYTES) {
    throw new RangeError(`Cannot use option seed: expected 32 bytes: ${options.seed.length}`)
  }
  const limits: HostLimits = { ...defaultHostLimits(options.profile), ...options.limits }
  for (const [name, value] of Object.entries(limits)) {
    checkNumber(`limits.${name}`, value, { min: 1, max: 2 ** 31, isInteger: true })
  }
  const name = 'limits.bulkInFlightBytesMax'
  checkNumber(name, limits.bulkInFlightBytesMax, { min: 2 * REPORT_BYTES, max: 2 ** 31 })
  return limits
}
