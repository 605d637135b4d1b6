import { createPrivateKey, createPublicKey } from 'node:crypto'
import { Socket } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { createHost, type HostOptions } from '../../../src/adapters/libp2p/nodejs-host.ts'
import { concatBytes, fromHex } from '../../../src/base/bytes.ts'
import type { Lane, Protocol } from '../../../src/base/core.ts'
import { peerIdFromPublicKey } from '../../../src/base/peer-id.ts'
import { type TestHost, TestHosts } from './test-host.ts'

const LANES: readonly Lane[] = ['probe', 'control', 'user', 'bulk']
const PROTOCOLS: readonly Protocol[] = ['member', 'sync', 'kv']
const KEY = new Uint8Array(32).fill(1)

const base: HostOptions = {
  seed: new Uint8Array(32).fill(9),
  network: 'test',
  profile: 'local',
  listen: ['/ip4/127.0.0.1/tcp/0'],
  version: '0.0.0',
  records: { lookup: () => undefined, offer: async () => 'refused' },
}

function send(
  from: TestHost,
  to: TestHost,
  options: { protocol?: Protocol; lane?: Lane; bytes: Uint8Array },
) {
  const { protocol = 'kv', lane = 'user', bytes } = options
  return from.host.links.send({ peer: to.peer, protocol, lane, bytes })
}

/** Counts the errors that are made, with or without `new`, until they are restored. */
function countRangeErrors(): { restore(): number } {
  const { RangeError: original } = globalThis
  let made = 0
  globalThis.RangeError = new Proxy(original, {
    apply: (target, self, given) => {
      made += 1
      return Reflect.apply(target, self, given)
    },
  })
  return {
    restore: () => {
      globalThis.RangeError = original
      return made
    },
  }
}

describe('createHost()', () => {
  it('has the peer id that base/ids derives from the public key', async () => {
    const { peerId } = await createHost(base)
    const pkcs8 = concatBytes([fromHex('302e020100300506032b657004220420') ?? base.seed, base.seed])
    const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
    expect(peerId).toBe(peerIdFromPublicKey(new Uint8Array(spki.subarray(-32))))
  })

  it.each([
    ['a network name', { network: 'No!' }, 'ERR_CONFIG'],
    ['a short key', { networkKey: new Uint8Array(31) }, 'ERR_CONFIG'],
    ['a listen address', { listen: ['/ip4/1.2.3.4/udp/1'] }, 'ERR_ADDRESS'],
    ['an announce address', { announce: ['localhost:1'] }, 'ERR_ADDRESS'],
  ])('refuses %s', async (_name, options, code) => {
    await expect(createHost({ ...base, ...options })).rejects.toMatchObject({ code })
  })

  it('refuses limits out of range', async () => {
    await expect(createHost({ ...base, limits: { banMs: 0 } })).rejects.toThrow(RangeError)
    const limits = { bulkInFlightBytesMax: 50_000 }
    await expect(createHost({ ...base, limits })).rejects.toThrow('bulkInFlightBytesMax')
  })
})

describe('start()', () => {
  it('throws ERR_LISTEN with a hint when the port is in use', async () => {
    await using hosts = new TestHosts()
    const a = await hosts.create()
    const rival = hosts.create({ listen: [a.address] })
    await expect(rival).rejects.toMatchObject({
      code: 'ERR_LISTEN',
      message: expect.stringContaining('the port is in use'),
      hint: expect.stringContaining('port'),
    })
  })

  it('throws ERR_LISTEN when the machine does not have the address', async () => {
    await using hosts = new TestHosts()
    const rival = hosts.create({ listen: ['/ip4/192.0.2.1/tcp/0'] })
    await expect(rival).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  })

  it('tells the listener the addresses it can be dialled at', async () => {
    await using hosts = new TestHosts()
    const a = await hosts.create()
    await a.until(() => a.ofType('addresses').length > 0, 'addresses')
    expect(a.ofType('addresses').at(-1)?.addresses).toEqual([a.address])
  })

  it('tells announced addresses instead', async () => {
    await using hosts = new TestHosts()
    const a = await hosts.create({ announce: ['/dns4/a.example/tcp/4001'] })
    await a.until(() => a.ofType('addresses').length > 0, 'addresses')
    expect(a.ofType('addresses')[0]?.addresses).toEqual(['/dns4/a.example/tcp/4001'])
    expect(a.address).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
  })
})

describe('links', () => {
  it('dial() brings the link up once at both ends', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    expect(a.ofType('up').map(({ details }) => details.direction)).toEqual(['outbound'])
    expect(b.ofType('up').map(({ details }) => details.direction)).toEqual(['inbound'])
    expect(a.ofType('up')[0]?.details.remoteAddress).toBe(b.address)
  })

  it('a dial asked for before start() begins with it', async () => {
    await using hosts = new TestHosts()
    const b = await hosts.create()
    const a = await hosts.createStopped()
    a.host.links.dial(b.peer, [b.address])
    a.host.links.join(`127.0.0.1:${b.port}`)
    expect(send(a, b, { bytes: Uint8Array.of(1) })).toBe(true)
    await a.host.start()
    await a.up(b.peer)
    await b.frames(1)
    expect([...a.ofType('dial-failed'), ...a.ofType('join-failed')]).toEqual([])
  })

  it('carries frames of every lane and protocol both ways', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const protocol of PROTOCOLS) {
        for (const lane of LANES) {
          const bytes = Uint8Array.of(PROTOCOLS.indexOf(protocol), LANES.indexOf(lane))
          expect(send(from, to, { protocol, lane, bytes })).toBe(true)
        }
      }
    }
    for (const host of [a, b]) {
      const frames = await host.frames(12)
      const marks = frames.map(({ protocol, bytes }) => {
        expect(bytes[0]).toBe(PROTOCOLS.indexOf(protocol))
        return `${bytes[0]} ${bytes[1]}`
      })
      expect(new Set(marks).size).toBe(12)
    }
  })

  it('keeps the order of one lane of a protocol, and every byte', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    const sizes = Array.from({ length: 40 }, (_, i) => 1 + ((i * 7919) % 20_000))
    sizes.forEach((size, i) => {
      expect(
        send(a, b, { protocol: 'sync', lane: 'control', bytes: new Uint8Array(size).fill(i) }),
      ).toBe(true)
    })
    const frames = await b.frames(sizes.length)
    expect(frames.map(({ bytes }) => bytes.length)).toEqual(sizes)
    const isMarked = frames.map(({ bytes }, i) => bytes.every((byte) => byte === i))
    expect(isMarked).not.toContain(false)
  })

  it('carries the largest frame of every protocol', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    const sizes = { member: 4096, kv: 264 * 1024, sync: 256 * 1024 } as const
    for (const protocol of PROTOCOLS) {
      send(a, b, { protocol, lane: 'bulk', bytes: new Uint8Array(sizes[protocol]) })
    }
    const frames = await b.frames(3)
    for (const { protocol, bytes } of frames) expect(bytes.length).toBe(sizes[protocol])
  })

  it('writes once for a frame and once for its answer, and throws nothing meanwhile', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    const exchange = async (count: number): Promise<void> => {
      send(a, b, { bytes: new Uint8Array(100) })
      await b.frames(count)
      send(b, a, { bytes: new Uint8Array(100) })
      await a.frames(count)
    }
    // The first one opens the stream.
    await exchange(1)
    const writes = vi.spyOn(Socket.prototype, 'write')
    const errors = countRangeErrors()
    for (let count = 2; count <= 101; count++) await exchange(count)
    const [written, thrown] = [writes.mock.calls.length, errors.restore()]
    vi.restoreAllMocks()
    // What kad-dht has to say at its start may come in between.
    expect(written).toBeGreaterThanOrEqual(200)
    expect(written).toBeLessThan(250)
    expect(thrown).toBeLessThan(20)
  })

  it('writes the frames of one turn together', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    send(a, b, { bytes: Uint8Array.of(1) })
    await b.frames(1)
    const writes = vi.spyOn(Socket.prototype, 'write')
    for (let i = 0; i < 100; i++) {
      send(a, b, { bytes: new Uint8Array(100) })
      await Promise.resolve()
    }
    await b.frames(101)
    const written = writes.mock.calls.length
    vi.restoreAllMocks()
    expect(written).toBeLessThan(20)
  })

  it('lets a probe overtake a megabyte of bulk', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    // The first frames open the streams.
    for (const protocol of PROTOCOLS) send(a, b, { protocol, bytes: Uint8Array.of(1) })
    await b.frames(3)
    const bulk = new Uint8Array(16_000)
    let count = 0
    while (send(a, b, { protocol: 'sync', lane: 'bulk', bytes: bulk })) count += 1
    // Once bulk has begun to arrive, part of it is under way.
    await b.frames(4)
    send(a, b, { protocol: 'member', lane: 'probe', bytes: Uint8Array.of(2) })
    const frames = await b.frames(3 + count + 1)
    const position = frames.findIndex(
      ({ protocol, bytes }) => protocol === 'member' && bytes[0] === 2,
    )
    expect(count).toBeGreaterThan(40)
    // 128 KiB in flight, and what was read before the probe was sent.
    expect(position).toBeLessThan(count - 20)
  })

  it('send() refuses without a link, and beyond the queue', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    const c = await hosts.create()
    expect(send(a, c, { bytes: Uint8Array.of(1) })).toBe(false)
    let bytes = 0
    while (send(a, b, { lane: 'user', bytes: new Uint8Array(10_000) })) bytes += 10_000
    expect(bytes).toBeGreaterThan(512 * 1024)
    expect(bytes).toBeLessThanOrEqual(1024 * 1024)
    expect(send(a, b, { protocol: 'member', lane: 'probe', bytes: new Uint8Array(100) })).toBe(true)
  })

  it('send() refuses and counts a frame that the other end would refuse', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    expect(send(a, b, { protocol: 'member', bytes: new Uint8Array(4097) })).toBe(false)
    expect(send(a, b, { bytes: new Uint8Array(0) })).toBe(false)
    await a.until(() => a.dropped().length === 2, 'two counts')
    expect(a.dropped()[0]).toBe('own member frame out of bounds')
  })

  it('frames sent while a dial is under way arrive after linkUp', async () => {
    await using hosts = new TestHosts()
    const a = await hosts.create()
    const b = await hosts.create()
    a.host.links.dial(b.peer, [b.address])
    for (let i = 0; i < 5; i++) expect(send(a, b, { bytes: Uint8Array.of(i) })).toBe(true)
    const frames = await b.frames(5)
    expect(frames.map(({ bytes }) => bytes[0])).toEqual([0, 1, 2, 3, 4])
    expect(b.heard.findIndex(({ type }) => type === 'up')).toBeLessThan(
      b.heard.findIndex(({ type }) => type === 'frame'),
    )
  })

  it('a dial to a closed port fails as refused and forgets the frames', async () => {
    await using hosts = new TestHosts()
    const a = await hosts.create()
    const b = await hosts.create()
    const { address } = b
    await b.host.stop()
    a.host.links.dial(b.peer, [address])
    send(a, b, { bytes: Uint8Array.of(1) })
    await a.until(() => a.ofType('dial-failed').length > 0, 'a failed dial')
    expect(a.ofType('dial-failed')).toEqual([{ type: 'dial-failed', peer: b.peer, end: 'refused' }])
    expect(send(a, b, { bytes: Uint8Array.of(1) })).toBe(false)
  })

  it('a dial that meets another peer fails and links nobody', async () => {
    await using hosts = new TestHosts()
    const [a, b, c] = await Promise.all([hosts.create(), hosts.create(), hosts.create()])
    a.host.links.dial(c.peer, [b.address])
    await a.until(() => a.ofType('dial-failed').length > 0, 'a failed dial')
    expect(a.ofType('dial-failed')[0]?.peer).toBe(c.peer)
    expect([...a.ofType('up'), ...b.ofType('up')]).toEqual([])
  })

  it('tries further addresses when the first is dead', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await Promise.all([hosts.create(), hosts.create()])
    a.host.links.dial(b.peer, ['/ip4/127.0.0.1/tcp/1', 'nonsense', b.address])
    expect((await a.up(b.peer)).remoteAddress).toBe(b.address)
  })

  it('simultaneous dials from both ends settle on one connection without a flap', async () => {
    await using hosts = new TestHosts()
    const limits = { retireAfterMs: 20 }
    const [a, b] = await Promise.all([hosts.create({ limits }), hosts.create({ limits })])
    a.host.links.dial(b.peer, [b.address])
    b.host.links.dial(a.peer, [a.address])
    await Promise.all([a.up(b.peer), b.up(a.peer)])
    // Frames in both directions while connections are retired: none is lost.
    let sent = 0
    const isSettled = (): boolean =>
      a.host.libp2p.getConnections().length === 1 && b.host.libp2p.getConnections().length === 1
    while (!isSettled() || sent < 50) {
      send(a, b, { bytes: Uint8Array.of(sent) })
      send(b, a, { bytes: Uint8Array.of(sent) })
      sent += 1
      await Promise.all([a.frames(sent), b.frames(sent)])
    }
    for (const host of [a, b]) {
      expect(host.ofType('up').length).toBe(1)
      expect(host.ofType('down')).toEqual([])
      expect(host.ofType('frame').map(({ bytes }) => bytes[0])).toEqual(
        Array.from({ length: sent }, (_, i) => i % 256),
      )
    }
  })

  it('close() cuts the link, and it can be dialled again from the end', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    a.host.links.close(b.peer)
    expect(await a.down(b.peer)).toBe('closed')
    expect(await b.down(a.peer)).toBe('reset')
    b.host.links.dial(a.peer, [a.address])
    await Promise.all([a.ups(2), b.ups(2)])
    expect(b.ofType('dial-failed')).toEqual([])
  })

  it('a link whose hello stream broke is down, and can be dialled again at once', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    const streams = b.host.libp2p.getConnections().flatMap((each) => each.streams)
    streams.find(({ protocol }) => protocol.endsWith('/hello/1'))?.abort(new Error('test'))
    expect(await a.down(b.peer)).toBe('reset')
    a.host.links.dial(b.peer, [b.address])
    await Promise.all([a.ups(2), b.ups(2)])
    expect(a.ofType('dial-failed')).toEqual([])
  })

  it('after close() nothing more is heard of the old link', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    for (let i = 0; i < 9; i++) send(b, a, { bytes: Uint8Array.of(i) })
    await a.frames(1)
    a.host.links.close(b.peer)
    await a.down(b.peer)
    await b.down(a.peer)
    expect(a.heard.at(-1)?.type).toBe('down')
  })

  it('stop() ends the link as closed at the other end, after all that was written', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    send(a, b, { protocol: 'sync', bytes: Uint8Array.of(1) })
    await b.frames(1)
    b.slow(() => {})
    for (let i = 0; i < 3; i++) send(a, b, { protocol: 'sync', bytes: new Uint8Array(150_000) })
    while (a.host.traffic().sent.sync !== 450_017) await new Promise(setImmediate)
    const stopped = a.host.stop()
    expect(await b.down(a.peer)).toBe('closed')
    expect(b.ofType('frame').length).toBe(4)
    expect(b.heard.at(-1)?.type).toBe('down')
    await stopped
    await a.host.stop()
    expect(a.ofType('down')).toEqual([])
  })

  it('crash() ends the link as reset at the other end at once', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    const before = performance.now()
    await a.host.crash()
    expect(await b.down(a.peer)).toBe('reset')
    expect(performance.now() - before).toBeLessThan(2000)
    expect(a.ofType('down')).toEqual([])
  })

  it('a peer that restarted comes up again after a down', async () => {
    await using hosts = new TestHosts()
    const seed = new Uint8Array(32).fill(3)
    const a = await hosts.create()
    const first = await hosts.create({ seed })
    first.host.links.dial(a.peer, [a.address])
    await a.up(first.peer)
    // A second life of the same peer, while the first still looks alive.
    const second = await hosts.create({ seed })
    second.host.links.dial(a.peer, [a.address])
    await second.up(a.peer)
    await a.ups(2)
    expect(
      a.heard.filter(({ type }) => type === 'up' || type === 'down').map(({ type }) => type),
    ).toEqual(['up', 'down', 'up'])
    expect(send(a, second, { bytes: Uint8Array.of(1) })).toBe(true)
    await second.frames(1)
  })

  it('thirty hosts that dial one at once all link', async () => {
    await using hosts = new TestHosts()
    const hub = await hosts.create()
    const many = await Promise.all(Array.from({ length: 30 }, () => hosts.create({ listen: [] })))
    for (const each of many) each.host.links.dial(hub.peer, [hub.address])
    await Promise.all(many.map((each) => each.up(hub.peer)))
    await hub.until(() => hub.ofType('up').length === 30, 'thirty links')
    expect(hub.dropped()).toEqual([])
  })

  it('traffic() counts the bytes of frames, headers included, alike at both ends', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair()
    send(a, b, { protocol: 'kv', bytes: new Uint8Array(96) })
    await b.frames(1)
    expect(a.host.traffic().sent.kv).toBe(100)
    expect(b.host.traffic().received.kv).toBe(100)
    expect(a.host.traffic().sent.hello).toBe(b.host.traffic().received.hello)
  })
})

describe('join()', () => {
  it.each([
    ['host:port', (to: TestHost) => `127.0.0.1:${to.port}`],
    ['a multiaddr', (to: TestHost) => to.address],
    ['a multiaddr with /p2p', (to: TestHost) => `${to.address}/p2p/${to.peer}`],
    ['a name', (to: TestHost) => `localhost:${to.port}`],
    ['dns:', (to: TestHost) => `dns:localhost:${to.port}`],
  ])('links by %s and says by which address', async (_name, addressOf) => {
    await using hosts = new TestHosts()
    const [a, b] = await Promise.all([hosts.create(), hosts.create()])
    const address = addressOf(b)
    a.host.links.join(address)
    expect((await a.up(b.peer)).via).toBe(address)
    await b.up(a.peer)
    expect(a.ofType('join-failed')).toEqual([])
  })

  it('to a peer with a link says by which address and keeps the link', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair({ limits: { retireAfterMs: 10 } })
    const address = `localhost:${b.port}`
    a.host.links.join(address)
    await a.until(() => a.ofType('up').some(({ details }) => details.via === address), 'the answer')
    expect(send(a, b, { bytes: Uint8Array.of(1) })).toBe(true)
    await b.frames(1)
    expect([...a.ofType('down'), ...b.ofType('down')]).toEqual([])
    expect(b.ofType('up').length).toBe(1)
  })

  it.each([
    ['a closed port', '127.0.0.1:1', 'refused', 'connection refused'],
    [
      'a name that does not resolve',
      'no-such-host.invalid:1',
      'timeout',
      'the name does not resolve',
    ],
    ['nonsense', 'nonsense', 'closed', 'Cannot use address: expected host:port: nonsense'],
  ])('to %s fails', async (_name, address, end, reason) => {
    await using hosts = new TestHosts()
    const a = await hosts.create()
    a.host.links.join(address)
    await a.until(() => a.ofType('join-failed').length > 0, 'a failed join')
    expect(a.ofType('join-failed')).toEqual([{ type: 'join-failed', address, end, reason }])
  })

  it.each([
    ['address', (own: TestHost) => `127.0.0.1:${own.port}`],
    ['name', (own: TestHost) => `dns:localhost:${own.port}`],
    ['peer id', (own: TestHost) => `/ip4/127.0.0.1/tcp/1/p2p/${own.peer}`],
  ])('to the own %s fails with the reason self', async (_name, addressOf) => {
    await using hosts = new TestHosts()
    const a = await hosts.create()
    a.host.links.join(addressOf(a))
    await a.until(() => a.ofType('join-failed').length > 0, 'a failed join')
    expect(a.ofType('join-failed')[0]?.reason).toBe('self')
    expect(a.ofType('up')).toEqual([])
  })
})

describe('admission', () => {
  it('links the holders of one key', async () => {
    await using hosts = new TestHosts()
    await hosts.pair({ networkKey: KEY })
  })

  it.each([
    ['another network', {}, { network: 'other' }, 'another network, or no hearsay peer'],
    ['another key', { networkKey: KEY }, { networkKey: new Uint8Array(32) }, 'another network key'],
    ['no key here', {}, { networkKey: KEY }, 'asks for a key'],
    ['no key there', { networkKey: KEY }, {}, 'asks for a network key'],
  ])('rejects %s with the reason and links nobody', async (_name, mine, theirs, reason) => {
    await using hosts = new TestHosts()
    const [a, b] = await Promise.all([hosts.create(mine), hosts.create(theirs)])
    const address = `127.0.0.1:${b.port}`
    a.host.links.join(address)
    await a.until(() => a.ofType('join-failed').length > 0, 'a rejection')
    expect(a.ofType('join-failed')).toEqual([
      { type: 'join-failed', address, end: 'rejected', reason: expect.stringContaining(reason) },
    ])
    a.host.links.dial(b.peer, [b.address])
    await a.until(() => a.ofType('dial-failed').length > 0, 'a rejection')
    expect(a.ofType('dial-failed')[0]?.end).toBe('rejected')
    expect([...a.ofType('up'), ...b.ofType('up')]).toEqual([])
  })
})
