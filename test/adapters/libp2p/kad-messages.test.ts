import { describe, expect, it } from 'vitest'
import { ForeignNode } from '../../../scripts/interop/foreign-node.ts'
import {
  decodeKadMessage,
  encodeKadMessage,
  KAD_TYPES,
  type KadMessage,
  prefixed,
} from '../../../scripts/interop/kad-messages.ts'
import { fromHex, fromUtf8, hex, utf8 } from '../../../src/base/bytes.ts'
import { peerIdBytes, peerIdFromPublicKey } from '../../../src/base/peer-id.ts'
import { KEY, Records, routes } from './kad-mesh.ts'
import { ask, askFor, messages } from './raw-kad.ts'
import { type TestHost, TestHosts } from './test-host.ts'

const RECEIVED_AT = '2026-01-01T00:00:00.000000000Z'
const RECORD = { key: KEY, value: utf8('red'), receivedAt: RECEIVED_AT }
/** CIDv1 raw of a SHA-256. */
const CID = Uint8Array.from([1, 0x55, 0x12, 32, ...new Uint8Array(32).fill(0xaa)])
/** Some member, on port 1 of this machine. */
const MEMBER_KEY = new Uint8Array(32).fill(1)
const MEMBER_ADDRESS = '/ip4/127.0.0.1/tcp/1'
const MEMBER = {
  id: peerIdBytes(MEMBER_KEY),
  addresses: [Uint8Array.of(4, 127, 0, 0, 1, 6, 0, 1)],
}

const MEMBER_HEX =
  '0a260024080112200101010101010101010101010101010101010101010101010101010101010101' +
  '1208047f000001060001'
const CID_HEX = `122401551220${'aa'.repeat(32)}`
const KEY_HEX = '12082f6b2f636f6c6f72'
const RECORD_HEX =
  '1a2f0a082f6b2f636f6c6f7212037265642a1e' +
  '323032362d30312d30315430303a30303a30302e3030303030303030305a'

/** The golden vectors of PROTOCOL.md: requests, and what a node answers that knows the member and the record. */
const GOLDEN: readonly [string, KadMessage, { request: string; answer: string | undefined }][] = [
  [
    'PUT_VALUE',
    { type: KAD_TYPES.putValue, key: KEY, record: RECORD },
    { request: KEY_HEX + RECORD_HEX, answer: KEY_HEX + RECORD_HEX },
  ],
  [
    'GET_VALUE',
    { type: KAD_TYPES.getValue, key: KEY },
    { request: `0801${KEY_HEX}`, answer: `0801${KEY_HEX}${RECORD_HEX}4232${MEMBER_HEX}` },
  ],
  [
    'ADD_PROVIDER',
    { type: KAD_TYPES.addProvider, key: CID, providers: [MEMBER] },
    { request: `0802${CID_HEX}4a32${MEMBER_HEX}`, answer: undefined },
  ],
  [
    'GET_PROVIDERS',
    { type: KAD_TYPES.getProviders, key: CID },
    { request: `0803${CID_HEX}`, answer: `0803${CID_HEX}4232${MEMBER_HEX}` },
  ],
  [
    'FIND_NODE',
    { type: KAD_TYPES.findNode, key: KEY },
    { request: `0804${KEY_HEX}`, answer: `08044232${MEMBER_HEX}` },
  ],
  ['PING', { type: KAD_TYPES.ping }, { request: '0805', answer: '0805' }],
]

/** When a record was received is of now: only its place is golden. */
function timeless(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined
  const message = decodeKadMessage(bytes)
  const { record } = message
  if (record === undefined) return hex(bytes)
  const time = hex(utf8(record.receivedAt))
  return hex(bytes).replace(time, hex(utf8(RECEIVED_AT)))
}

/** A host that knows a member, and one that asks it. */
class Pair implements AsyncDisposable {
  readonly #hosts = new TestHosts()
  readonly records = new Records()
  readonly foreign: ForeignNode
  readonly host: TestHost

  static async create(members: readonly (readonly string[])[] = [[MEMBER_ADDRESS]]): Promise<Pair> {
    const hosts = new TestHosts()
    const records = new Records()
    const host = await hosts.create({ records, seed: new Uint8Array(32).fill(9) })
    const fed = members.map((addresses, i) => {
      return { peer: peerIdFromPublicKey(new Uint8Array(32).fill(i + 1)), addresses }
    })
    host.host.feed(fed)
    await routes(host.host.libp2p, fed.length)
    const seed = new Uint8Array(32).fill(8)
    const foreign = await ForeignNode.start({ network: 'test', seed, isServer: false })
    return new Pair({ hosts, records, host, foreign })
  }

  private constructor(parts: {
    hosts: TestHosts
    records: Records
    host: TestHost
    foreign: ForeignNode
  }) {
    this.#hosts = parts.hosts
    this.records = parts.records
    this.host = parts.host
    this.foreign = parts.foreign
  }

  connect() {
    return this.foreign.connect(`${this.host.address}/p2p/${this.host.peer}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.foreign[Symbol.asyncDispose]()
    await this.#hosts[Symbol.asyncDispose]()
  }
}

describe('golden vectors', () => {
  it.each(GOLDEN)('%s is spelled as documented', (_name, message, { request }) => {
    expect(hex(encodeKadMessage(message))).toBe(request)
    const decoded = decodeKadMessage(fromHex(request) ?? new Uint8Array(0))
    expect(decoded).toEqual({ closer: [], providers: [], ...message })
  })

  it.each(GOLDEN)('%s is answered as documented', async (_name, message, { request, answer }) => {
    await using pair = await Pair.create()
    pair.records.stored.set(hex(KEY), utf8('red'))
    const connection = await pair.connect()
    const bytes = fromHex(request) ?? new Uint8Array(0)
    if (answer !== undefined) {
      expect(timeless(await ask(connection, bytes))).toBe(answer)
      return
    }
    const stream = await connection.newStream('/hearsay/test/kad/1.0.0')
    // Not answered, and not kept: the next question on the stream tells of no provider.
    const { first } = messages(stream)
    stream.send(prefixed(bytes))
    stream.send(prefixed(encodeKadMessage({ type: KAD_TYPES.getProviders, key: CID })))
    const { type, providers } = decodeKadMessage((await first) ?? new Uint8Array(0))
    expect([message.type, type, providers]).toEqual([2, KAD_TYPES.getProviders, []])
  })

  it('what a node sends is spelled so', async () => {
    await using pair = await Pair.create([])
    const { foreign, host, records } = pair
    const heard = new Map<number, string | undefined>()
    await foreign.libp2p.handle('/hearsay/test/kad/1.0.0', (stream) => {
      messages(stream, (bytes) => {
        const message = decodeKadMessage(bytes)
        if (hex(message.key ?? new Uint8Array(0)) === hex(KEY))
          heard.set(message.type, timeless(bytes))
        const isPut = message.type === KAD_TYPES.putValue
        stream.send(prefixed(isPut ? bytes : encodeKadMessage({ type: message.type, key: KEY })))
      })
    })
    const peer = peerIdFromPublicKey(foreign.libp2p.peerId.toMultihash().digest.subarray(4))
    host.host.feed([{ peer, addresses: [foreign.address.replace(/\/p2p\/.*/, '')] }])
    await routes(host.host.libp2p, 1)
    // kad-dht gives up a request after 400 ms, which a busy machine may need for other things.
    for (let tries = 0; tries < 50 && heard.size < 3; tries++) {
      await host.host.libp2p.contentRouting.put(KEY, utf8('red')).catch(() => {})
      records.stored.clear()
      await host.host.libp2p.contentRouting.get(KEY).catch(() => {})
    }
    const expected = GOLDEN.filter(([name]) =>
      ['PUT_VALUE', 'GET_VALUE', 'FIND_NODE'].includes(name),
    )
    for (const [, { type }, { request }] of expected) expect(heard.get(type)).toBe(request)
  })
})

describe('what implementations in Go ask for', () => {
  it('the key of a message is that of its record', async () => {
    await using pair = await Pair.create()
    pair.records.stored.set(hex(KEY), utf8('red'))
    const connection = await pair.connect()
    const put = { type: KAD_TYPES.putValue, key: KEY, record: { ...RECORD, value: utf8('tan') } }
    for (const message of [{ type: KAD_TYPES.getValue, key: KEY }, put]) {
      const answer = await askFor(connection, encodeKadMessage(message))
      expect(answer.key).toEqual(answer.record?.key)
    }
  })

  it('whoever is asked for itself names somebody', async () => {
    await using pair = await Pair.create([])
    const connection = await pair.connect()
    const key = connection.remotePeer.toMultihash().bytes
    const message = { type: KAD_TYPES.findNode, key }
    const { closer } = await askFor(connection, encodeKadMessage(message))
    expect(closer?.map(({ id }) => hex(id))).toEqual([hex(key)])
    expect(closer?.[0]?.addresses.length).toBe(1)
  })
})

describe('what implementations in Rust ask for', () => {
  it('an answer about twenty peers with many long addresses fits 16 KiB', async () => {
    const long = Array.from({ length: 16 }, (_, i) => {
      return `/ip4/127.0.0.1/tcp/${i + 1}/tls/sni/${'a'.repeat(180)}`
    })
    await using pair = await Pair.create(Array.from({ length: 20 }, () => long))
    const connection = await pair.connect()
    for (const message of [
      { type: KAD_TYPES.findNode, key: MEMBER.id },
      { type: KAD_TYPES.getValue, key: KEY },
      { type: KAD_TYPES.getProviders, key: CID },
    ]) {
      const answer = await ask(connection, encodeKadMessage(message))
      const { closer = [] } = decodeKadMessage(answer ?? new Uint8Array(0))
      expect(closer.length).toBeGreaterThanOrEqual(20)
      expect(closer.every(({ addresses }) => addresses.length > 0)).toBe(true)
      expect(answer?.length).toBeLessThanOrEqual(16 * 1024)
    }
  })

  it('a record without the time of its receipt is taken', async () => {
    await using pair = await Pair.create()
    const connection = await pair.connect()
    const record = { ...RECORD, receivedAt: '' }
    const put = encodeKadMessage({ type: KAD_TYPES.putValue, key: KEY, record })
    await askFor(connection, put)
    expect(fromUtf8(pair.records.lookup(KEY) ?? new Uint8Array(0))).toBe('red')
  })
})
