import { connect, type Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { describe, expect, it } from 'vitest'
import { encodeFrame, FrameReader } from '../../../src/adapters/libp2p/frame-reader.ts'
import { Hello } from '../../../src/adapters/libp2p/hello.ts'
import { messageChunks } from '../../../src/adapters/libp2p/message-bytes.ts'
import { protocolId } from '../../../src/adapters/libp2p/options.ts'
import type { Lane, Protocol } from '../../../src/base/core.ts'
import type { PeerId } from '../../../src/base/ids.ts'
import { parsePeerId } from '../../../src/base/peer-id.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { type TestHost, TestHosts } from './test-host.ts'

const CLOSED_WITHIN_MS = 5000

/** A plain TCP client that says something and waits until it is cut off. */
class Client implements AsyncDisposable {
  readonly socket: Socket
  readonly #closed: Promise<void>

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('error', () => {})
    this.socket.resume()
    this.#closed = new Promise((resolve, reject) => {
      const late = (): void => reject(new Error('Still open'))
      const timer = setTimeout(late, CLOSED_WITHIN_MS)
      this.socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  closed(): Promise<void> {
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.#closed
  }
}

interface Sink {
  bytes: number
  readonly bodies: Uint8Array[]
  streams: number
  wake: () => void
}

async function until(sink: Sink, condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      sink.wake = resolve
    })
  }
}

/** A libp2p node without any of our guards: what it sends is up to the test. */
class Stranger implements AsyncDisposable {
  readonly node: Libp2p
  readonly peer: PeerId

  constructor(node: Libp2p) {
    this.node = node
    const peer = parsePeerId(node.peerId.toString())
    if (peer === undefined) throw new Error('not an Ed25519 peer')
    this.peer = peer
  }

  static async create(): Promise<Stranger> {
    const node = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
    })
    return new Stranger(node)
  }

  dial(host: TestHost): Promise<Connection> {
    return this.node.dial(multiaddr(host.address), { force: true })
  }

  /** Takes streams of a protocol and keeps what comes on them, without ever reporting it. */
  async sink(protocol: Protocol): Promise<Sink> {
    const sink: Sink = { bytes: 0, bodies: [], streams: 0, wake: () => {} }
    await this.node.handle(protocolId('test', protocol), (stream) => {
      sink.streams += 1
      const reader = new FrameReader(2 ** 20)
      stream.addEventListener('message', (event) => {
        for (const chunk of messageChunks(event)) {
          sink.bytes += chunk.length
          reader.push(chunk, (body) => sink.bodies.push(body))
        }
        sink.wake()
      })
    })
    return sink
  }

  /** Passes the hello as an honest dialler would. */
  async admitted(host: TestHost): Promise<{ connection: Connection; control: Stream }> {
    const connection = await this.dial(host)
    const control = await connection.newStream(protocolId('test', 'hello'))
    const hello = new Hello({
      role: 'dialler',
      self: this.peer,
      remote: host.peer,
      network: 'test',
      networkKey: undefined,
      nonce: new Uint8Array(32).fill(1),
      session: new Uint8Array(8).fill(2),
      isLinked: () => false,
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    const reader = new FrameReader(8192)
    control.addEventListener('message', (event) => {
      for (const chunk of messageChunks(event)) {
        reader.push(chunk, (body) => {
          const step = hello.receive(body)
          if (step.reply !== undefined) control.send(encodeFrame(step.reply))
          if (step.outcome?.type === 'admitted') resolve()
        })
      }
    })
    const { reply } = hello.start()
    if (reply !== undefined) control.send(encodeFrame(reply))
    await promise
    return { connection, control }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop()
  }
}

type Closing = Pick<Connection, 'status'> & {
  addEventListener(type: 'close', listener: () => void): void
}

function closed(target: Closing): Promise<void> {
  if (target.status !== 'open') return Promise.resolve()
  return new Promise((resolve) => {
    target.addEventListener('close', () => resolve())
  })
}

async function expectHonestDial(hosts: TestHosts, target: TestHost): Promise<void> {
  const honest = await hosts.create()
  honest.host.links.dial(target.peer, [target.address])
  await Promise.all([honest.up(target.peer), target.up(honest.peer)])
}

function randomBytes(length: number): Uint8Array {
  const random = seededRandom(42)
  return Uint8Array.from({ length }, () => random.uint32() & 255)
}

describe('before authentication', () => {
  it.each([
    ['random bytes', randomBytes(5000)],
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['an endless line', new Uint8Array(3000).fill(0xff)],
    ['nine negotiation lines', '\x03/x\n'.repeat(9)],
  ])('cuts off %s at once, counts it, and still links honest peers', async (_name, bytes) => {
    await using hosts = new TestHosts()
    const target = await hosts.create()
    await using client = new Client(target.port)
    client.socket.write(bytes)
    await client.closed()
    await target.until(() => target.dropped().length > 0, 'a count')
    expect(target.dropped()).toEqual(['malformed negotiation'])
    await expectHonestDial(hosts, target)
  })

  it('closes silent and half-open connections in time and serves others meanwhile', async () => {
    await using hosts = new TestHosts()
    const target = await hosts.create({ limits: { upgradeTimeoutMs: 300 } })
    const silent = Array.from({ length: 20 }, () => new Client(target.port))
    const half = new Client(target.port)
    half.socket.end('\x13/multistream/1.0.0\n')
    await expectHonestDial(hosts, target)
    await Promise.all([...silent, half].map((client) => client.closed()))
  })

  it('bounds the handshakes of one address', async () => {
    await using hosts = new TestHosts()
    const target = await hosts.create({ limits: { pendingPerAddress: 3, upgradeTimeoutMs: 500 } })
    const clients = Array.from({ length: 5 }, () => new Client(target.port))
    await target.until(() => target.dropped().length === 2, 'two refusals')
    expect(new Set(target.dropped())).toEqual(new Set(['too many handshakes at once']))
    await Promise.all(clients.map((client) => client.closed()))
    await expectHonestDial(hosts, target)
  })
})

describe('before admission', () => {
  it('resets streams of every protocol but hello', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const target = await hosts.create()
    const connection = await stranger.dial(target)
    for (const protocol of ['member', 'sync', 'kv'] as const) {
      const stream = await connection.newStream(protocolId('test', protocol))
      await closed(stream)
    }
    for (const id of ['/hearsay/test/kad/1.0.0', '/ipfs/id/1.0.0']) {
      await closed(await connection.newStream(id))
    }
    expect(target.ofType('up')).toEqual([])
    await target.until(() => target.dropped().length === 5, 'five counts')
  })

  it('closes a connection that says no hello in time', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const target = await hosts.create({ limits: { helloTimeoutMs: 200 } })
    await closed(await stranger.dial(target))
    expect(target.ofType('up')).toEqual([])
  })

  it.each([
    ['an unknown message', encodeFrame(Uint8Array.of(99))],
    ['a proof before the open', encodeFrame(Uint8Array.of(3, 0, 0))],
    ['an oversized frame', Uint8Array.of(0, 0, 0x20, 1)],
    ['an empty frame', Uint8Array.of(0, 0, 0, 0)],
  ])('closes on %s and counts it', async (_name, bytes) => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const target = await hosts.create()
    const connection = await stranger.dial(target)
    const stream = await connection.newStream(protocolId('test', 'hello'))
    stream.send(bytes)
    await closed(connection)
    await target.until(() => target.dropped().length === 1, 'a count')
    expect(target.ofType('up')).toEqual([])
  })
})

describe('after admission', () => {
  it('an honest stranger is linked', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const target = await hosts.create()
    const { connection } = await stranger.admitted(target)
    await target.up(stranger.peer)
    const stream = await connection.newStream(protocolId('test', 'kv'))
    stream.send(encodeFrame(Uint8Array.of(7)))
    const [frame] = await target.frames(1)
    expect(frame?.bytes).toEqual(Uint8Array.of(7))
  })

  it('refuses and counts an oversized frame, and keeps the link', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const target = await hosts.create()
    const { connection } = await stranger.admitted(target)
    const stream = await connection.newStream(protocolId('test', 'member'))
    stream.send(Uint8Array.of(0, 0, 0x10, 1, 1, 2, 3))
    await closed(stream)
    expect(target.dropped()).toEqual(['oversized member frame'])
    expect(connection.status).toBe('open')
    expect(target.ofType('down')).toEqual([])
  })

  it('bans a peer at the fifth malformed frame', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const target = await hosts.create()
    const { connection } = await stranger.admitted(target)
    for (let i = 0; i < 5; i++) {
      const stream = await connection.newStream(protocolId('test', 'kv'))
      stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
      await closed(stream)
    }
    await closed(connection)
    expect(await target.down(stranger.peer)).toBe('reset')
    expect(target.dropped().at(-1)).toBe('peer banned')
    const again = stranger.dial(target).then((connected) => closed(connected))
    await again.catch(() => {})
    await target.until(
      () => target.dropped().includes('connection of a banned peer'),
      'the second connection refused',
    )
    await expectHonestDial(hosts, target)
  })

  it('cuts a peer that floods streams', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const target = await hosts.create({ limits: { streamsPerSecond: 5 } })
    const { connection } = await stranger.admitted(target)
    const opening = Array.from({ length: 60 }, () =>
      connection.newStream(protocolId('test', 'kv')).catch(() => undefined),
    )
    await closed(connection)
    await Promise.all(opening)
    expect(target.dropped()).toContain('flood of muxer streams')
    await target.down(stranger.peer)
  })

  it('stops reading a stream whose frames wait, and loses none', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    const count = 120
    const statuses = new Set<string | undefined>()
    b.slow(() => {
      const streams = b.host.libp2p.getConnections().flatMap((each) => each.streams)
      statuses.add(streams.find(({ protocol }) => protocol.endsWith('/sync/1'))?.readStatus)
    })
    const frame = { peer: b.peer, protocol: 'sync', lane: 'user' } as const
    let sent = 0
    while (sent < count) {
      const bytes = new Uint8Array(10_000).fill(sent)
      if (a.host.links.send({ ...frame, bytes })) sent += 1
      else await b.frames(Math.max(0, sent - 60))
    }
    const frames = await b.frames(count)
    expect(frames.map(({ bytes }) => bytes[0])).toEqual(Array.from({ length: count }, (_, i) => i))
    expect(statuses).toEqual(new Set(['readable', 'paused']))
  })

  it('sends a reader that reports nothing 128 KiB of bulk and a piece, and all of the rest', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const [sync, member] = [await stranger.sink('sync'), await stranger.sink('member')]
    const target = await hosts.create()
    await stranger.admitted(target)
    await target.up(stranger.peer)
    const { links } = target.host
    const send = (protocol: Protocol, lane: Lane, bytes: Uint8Array): boolean =>
      links.send({ peer: stranger.peer, protocol, lane, bytes })
    for (let i = 0; i < 30; i++) send('sync', 'bulk', new Uint8Array(16 * 1024 - 4))
    await until(sync, () => sync.bytes >= 128 * 1024)
    for (const lane of ['probe', 'control', 'user'] as const)
      send('member', lane, new Uint8Array(9))
    send('sync', 'user', new Uint8Array(9))
    await until(member, () => member.bodies.length === 3)
    await until(sync, () => sync.bodies.some((body) => body.length === 9))
    expect(sync.bytes).toBe(128 * 1024 + 13)
  })

  it('moves to the next connection although a frame is stuck half sent, and garbles none', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const sync = await stranger.sink('sync')
    const target = await hosts.create()
    const first = await stranger.admitted(target)
    await target.up(stranger.peer)
    const send = (lane: Lane, bytes: Uint8Array): boolean =>
      target.host.links.send({ peer: stranger.peer, protocol: 'sync', lane, bytes })
    send('bulk', new Uint8Array(256 * 1024))
    await until(sync, () => sync.bytes >= 128 * 1024)
    const second = await stranger.admitted(target)
    send('control', Uint8Array.of(7))
    await until(sync, () => sync.bodies.length > 0)
    expect(sync.bodies).toEqual([Uint8Array.of(7)])
    expect(sync.streams).toBe(2)
    // Back on the first connection nothing of the half frame is left either.
    await second.connection.close()
    while (target.host.libp2p.getConnections().length > 1) await new Promise(setImmediate)
    send('control', Uint8Array.of(8))
    await until(sync, () => sync.bodies.length > 1)
    expect(sync.bodies[1]).toEqual(Uint8Array.of(8))
    expect(first.connection.status).toBe('open')
    expect(target.ofType('down')).toEqual([])
  })

  it('a connection lost in the middle of a frame garbles none on the next', async () => {
    await using hosts = new TestHosts()
    await using stranger = await Stranger.create()
    const sync = await stranger.sink('sync')
    const target = await hosts.create({ limits: { retireAfterMs: 60_000 } })
    const first = await stranger.admitted(target)
    await target.up(stranger.peer)
    const send = (lane: Lane, bytes: Uint8Array): boolean =>
      target.host.links.send({ peer: stranger.peer, protocol: 'sync', lane, bytes })
    send('bulk', new Uint8Array(256 * 1024))
    await until(sync, () => sync.bytes >= 128 * 1024)
    await stranger.admitted(target)
    first.connection.abort(new Error('test'))
    send('control', Uint8Array.of(7))
    await until(sync, () => sync.bodies.length > 0)
    expect(sync.bodies).toEqual([Uint8Array.of(7)])
  })

  it('a broken stream is opened again for the next frame', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    const send = (mark: number): boolean =>
      a.host.links.send({ peer: b.peer, protocol: 'kv', lane: 'user', bytes: Uint8Array.of(mark) })
    send(1)
    await b.frames(1)
    const [connection] = b.host.libp2p.getConnections()
    const stream = connection?.streams.find(({ protocol }) => protocol === protocolId('test', 'kv'))
    const mine = a.host.libp2p
      .getConnections()[0]
      ?.streams.find(({ protocol }) => protocol === protocolId('test', 'kv'))
    if (stream === undefined || mine === undefined) throw new Error('no stream')
    stream.abort(new Error('test'))
    await closed(mine)
    send(2)
    const frames = await b.frames(2)
    expect(frames.map(({ bytes }) => bytes[0])).toEqual([1, 2])
    expect(a.ofType('down')).toEqual([])
  })
})
