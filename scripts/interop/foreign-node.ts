/**
 * A libp2p node that is none of ours: plain libp2p and, unless it is told otherwise, plain kad-dht under the
 * name of our Kademlia. All it knows of this project is what PROTOCOL.md asks of a foreign peer: the hello, and
 * that it takes a member stream and may ignore what comes there.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { type Identify, identify } from '@libp2p/identify'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { type KadDHT, Record as KadRecord, kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { Key } from 'interface-datastore/key'
import { createLibp2p } from 'libp2p'
import { toString as asString } from 'uint8arrays/to-string'
import { type DhtRecord, decodeRecord } from '../../src/records/record.ts'
import { select } from '../../src/records/select.ts'

/** The range of protocol versions that a foreign peer claims, from it to it. */
export const PROTOCOL_VERSION = 3
/** What it says in its turn. */
const OPEN = 1
const CHALLENGE = 2
const PROOF = 3
const ADMIT = 4
const NAMESPACES = ['k', 'o', 'h'] as const
const WAIT_MS_MAX = 10_000

export type ForeignLibp2p = Libp2p<{ identify: Identify; ping: Ping; kad: KadDHT }>

export interface ForeignOptions {
  readonly network: string
  /** Ed25519, 32 bytes. */
  readonly seed: Uint8Array
  /** @default true; false: it asks and does not answer */
  readonly isServer?: boolean
}

export class ForeignNode implements AsyncDisposable {
  readonly libp2p: ForeignLibp2p
  readonly #network: string

  static async start({ network, seed, isServer = true }: ForeignOptions): Promise<ForeignNode> {
    const libp2p = await createLibp2p({
      privateKey: await generateKeyPairFromSeed('Ed25519', seed),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      services: {
        // After the hello: whatever else comes before it is refused.
        identify: identify({ runOnConnectionOpen: false }),
        ping: ping(),
        kad: kadDHT({
          protocol: `/hearsay/${network}/kad/1.0.0`,
          clientMode: !isServer,
          peerInfoMapper: passthroughMapper,
          allowQueryWithZeroPeers: true,
          validators: Object.fromEntries(NAMESPACES.map((name) => [name, async () => {}])),
          selectors: Object.fromEntries(NAMESPACES.map((name) => [name, selectLatest])),
        }),
      },
    })
    const node = new ForeignNode(libp2p, network)
    await node.#serve()
    return node
  }

  private constructor(libp2p: ForeignLibp2p, network: string) {
    this.libp2p = libp2p
    this.#network = network
  }

  get address(): string {
    const [address] = this.libp2p.getMultiaddrs()
    if (address === undefined) throw new Error('Cannot tell an address: the node does not listen')
    return address.toString()
  }

  /** Connects, says hello, asks who answers and takes it into the routing table. */
  async join(address: string): Promise<Connection> {
    const connection = await this.connect(address)
    await this.libp2p.services.identify.identify(connection)
    const table = Reflect.get(this.libp2p.services.kad, 'routingTable')
    const deadline = performance.now() + WAIT_MS_MAX
    while ((await table.find(connection.remotePeer)) === undefined) {
      if (performance.now() > deadline) throw new Error('Waited in vain: no place in the table')
      await new Promise((resolve) => setImmediate(resolve))
    }
    return connection
  }

  /** Connects and says hello. */
  async connect(address: string): Promise<Connection> {
    const connection = await this.libp2p.dial(multiaddr(address))
    const stream = await connection.newStream(`/hearsay/${this.#network}/hello/1`)
    const { promise, resolve } = Promise.withResolvers<void>()
    readFrames(stream, (body) => {
      if (body[0] === CHALLENGE) writeFrame(stream, Uint8Array.of(PROOF, 0, 0))
      if (body[0] === ADMIT) resolve()
    })
    writeFrame(stream, this.#introduction(OPEN))
    await inTime(promise, 'no admission')
    return connection
  }

  /** Puts a record as kad-dht does: here, and at the peers closest to its key. @returns how many took it */
  async put(key: Uint8Array, value: Uint8Array): Promise<number> {
    let taken = 0
    for await (const event of this.libp2p.services.kad.put(key, value)) {
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') taken += 1
    }
    return taken
  }

  /** Keeps a record here alone, for whoever asks. */
  async keep(key: Uint8Array, value: Uint8Array): Promise<void> {
    const { datastore } = Reflect.get(this.libp2p.services.kad, 'components')
    const name = `/dht/record/${asString(key, 'base32')}`
    await datastore.put(new Key(name, false), new KadRecord(key, value, new Date()).serialize())
  }

  /** The first value that an answer carries. */
  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    for await (const event of this.libp2p.services.kad.get(key)) {
      if (event.name === 'PEER_RESPONSE' && event.record !== undefined) return event.record.value
    }
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.libp2p.stop()
  }

  async #serve(): Promise<void> {
    await this.libp2p.handle(`/hearsay/${this.#network}/hello/1`, (stream) => {
      readFrames(stream, (body) => {
        if (body[0] === OPEN) writeFrame(stream, this.#introduction(CHALLENGE))
        if (body[0] === PROOF) writeFrame(stream, Uint8Array.of(ADMIT, 0))
      })
    })
    await this.libp2p.handle(`/hearsay/${this.#network}/member/1`, (stream) => {
      stream.addEventListener('message', () => {})
    })
  }

  #introduction(type: number): Uint8Array {
    const name = new TextEncoder().encode(this.#network)
    const nonce = crypto.getRandomValues(new Uint8Array(32))
    const session = crypto.getRandomValues(new Uint8Array(8))
    const head = [type, PROTOCOL_VERSION, PROTOCOL_VERSION, name.length, ...name]
    return Uint8Array.from([...head, ...nonce, ...session, 0])
  }
}

/** A get of kad-dht's fails when what it selects is refused by those who hold a later one. */
function selectLatest(_: Uint8Array, envelopes: readonly Uint8Array[]): number {
  let best: { readonly record: DhtRecord; readonly at: number } | undefined
  for (const [at, bytes] of envelopes.entries()) {
    const decoded = decodeRecord(bytes)
    if (!decoded.ok) continue
    const record = decoded.value
    if (best === undefined || select(record, best.record).order > 0) best = { record, at }
  }
  return best?.at ?? 0
}

/** Calls for each frame: a big-endian length of four bytes, and the body. */
function readFrames(stream: Stream, take: (body: Uint8Array) => void): void {
  let rest = new Uint8Array(0)
  stream.addEventListener('message', ({ data }) => {
    rest = Uint8Array.from([...rest, ...data.subarray()])
    for (;;) {
      const length = rest.length < 4 ? -1 : lengthOf(rest)
      if (length < 0 || rest.length < 4 + length) return
      take(rest.slice(4, 4 + length))
      rest = rest.slice(4 + length)
    }
  })
}

function lengthOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
}

function writeFrame(stream: Stream, body: Uint8Array): void {
  const frame = new Uint8Array(4 + body.length)
  new DataView(frame.buffer).setUint32(0, body.length)
  frame.set(body, 4)
  stream.send(frame)
}

function inTime<Value>(promise: Promise<Value>, what: string): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`Waited in vain: ${what}`)), WAIT_MS_MAX)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
