import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { guardWebSockets, isAllowedOrigin } from '../../../src/adapters/libp2p/web-socket-guard.ts'
import { LazyWebSockets } from '../../../src/adapters/libp2p/web-sockets.ts'
import { type TestHost, TestHosts } from './test-host.ts'

const LISTEN = { listen: ['/ip4/127.0.0.1/tcp/0/ws'] }

/** A page, as far as the listener can tell. @returns its socket and what became of it */
async function page(
  host: TestHost,
  origin?: string,
): Promise<{ socket: WebSocket; outcome: string }> {
  const options = origin === undefined ? {} : { origin }
  const socket = new WebSocket(`ws://127.0.0.1:${host.port}/`, options)
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.once('open', () => resolve('open'))
  socket.once('unexpected-response', (_request, response) => resolve(String(response.statusCode)))
  socket.once('error', (error) => resolve(error.message))
  return { socket, outcome: await promise }
}

function closed(socket: Socket | WebSocket): Promise<unknown> {
  socket.on('error', () => {})
  return once(socket, 'close')
}

describe('WebSockets', () => {
  it('carry links and frames as TCP does, whole and in order', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair(LISTEN)
    expect(b.address).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws$/)
    const { remoteAddress } = await a.up(b.peer)
    expect(remoteAddress).toBe(b.address)
    const sizes = [1, 70_000, 250_000]
    for (const size of sizes) {
      const bytes = new Uint8Array(size).fill(size % 251)
      a.host.links.send({ peer: b.peer, protocol: 'sync', lane: 'bulk', bytes })
    }
    const frames = await b.frames(sizes.length)
    expect(frames.map(({ bytes }) => bytes.length)).toEqual(sizes)
    for (const { bytes } of frames) expect(new Set(bytes)).toEqual(new Set([bytes.length % 251]))
  })

  it('are dialled by hosts that listen by TCP alone, and by those that listen nowhere', async () => {
    await using hosts = new TestHosts()
    const server = await hosts.create(LISTEN)
    for (const listen of [['/ip4/127.0.0.1/tcp/0'], []]) {
      const client = await hosts.create({ listen })
      client.host.links.join(`ws://127.0.0.1:${server.port}`)
      await Promise.all([client.up(server.peer), server.up(client.peer)])
      expect(client.host.listenAddresses()).toHaveLength(listen.length)
    }
  })

  it('tell the other end how a link ended', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await hosts.pair(LISTEN)
    const c = await hosts.create(LISTEN)
    c.host.links.dial(b.peer, [b.address])
    await Promise.all([b.up(c.peer), c.up(b.peer)])
    await a.host.stop()
    await expect(b.down(a.peer)).resolves.toBe('closed')
    c.host.links.close(b.peer)
    await expect(b.down(c.peer)).resolves.toBe('reset')
  })

  it('take pages of this machine and those allowed, and no others', async () => {
    await using hosts = new TestHosts()
    const host = await hosts.create({ ...LISTEN, origins: ['https://app.example'] })
    for (const origin of [undefined, 'http://localhost:5173', 'https://app.example']) {
      const { socket, outcome } = await page(host, origin)
      expect([origin, outcome]).toEqual([origin, 'open'])
      socket.terminate()
    }
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
      const { outcome } = await page(host, origin)
      expect([origin, outcome]).toEqual([origin, '403'])
    }
    expect(host.dropped()).toEqual(Array(3).fill('connection of a foreign page'))
  })

  it('know the origins of this machine from others that look like them', () => {
    for (const origin of ['http://127.0.0.1', 'https://[::1]:8443', 'http://localhost:1']) {
      expect(isAllowedOrigin(origin, [])).toBe(true)
    }
    const foreign = ['http://127.0.0.1.example', 'http://localhost@evil.example', 'file://', '']
    for (const origin of [...foreign, 'http://localhost:1/x', 'ftp://localhost']) {
      expect([origin, isAllowedOrigin(origin, [])]).toEqual([origin, false])
      expect(isAllowedOrigin(origin, ['*'])).toBe(true)
    }
  })

  it('cut off who says nothing, before and after the upgrade', async () => {
    await using hosts = new TestHosts()
    const host = await hosts.create({ ...LISTEN, limits: { upgradeTimeoutMs: 200 } })
    const silent = connect(host.port, '127.0.0.1')
    const slow = connect(host.port, '127.0.0.1')
    slow.write('GET / HTTP/1.1\r\nHost: x\r\n')
    await Promise.all([closed(silent), closed(slow)])
    expect(host.dropped()).toEqual(Array(2).fill('slow WebSocket handshake'))
    const { socket } = await page(host)
    await closed(socket)
  })

  it('bound connections that are no WebSockets yet, and free their places', async () => {
    await using hosts = new TestHosts()
    const limits = { pendingPerAddress: 2, upgradeTimeoutMs: 60_000 }
    const host = await hosts.create({ ...LISTEN, limits })
    const first = [connect(host.port, '127.0.0.1'), connect(host.port, '127.0.0.1')]
    await Promise.all(first.map((socket) => once(socket, 'connect')))
    await closed(connect(host.port, '127.0.0.1'))
    expect(host.dropped()).toEqual(['too many handshakes at once'])
    for (const socket of first) socket.destroy()
    const again = await hosts.create()
    // Until the listener has seen them go.
    for (;;) {
      const { socket, outcome } = await page(host)
      socket.terminate()
      if (outcome === 'open') break
    }
    again.host.links.join(`ws://127.0.0.1:${host.port}`)
    await again.up(host.peer)
  })

  it('end the socket of whoever is cut off', async () => {
    await using hosts = new TestHosts()
    const host = await hosts.create({ ...LISTEN, limits: { upgradeTimeoutMs: 60_000 } })
    const { socket } = await page(host)
    // No negotiation. The library's own reset throws: its socket would stay open.
    socket.send(new Uint8Array(64).fill(0xff))
    await closed(socket)
    expect(host.dropped()).toEqual(['malformed negotiation'])
  })

  it('end a socket that sends more at once than a message may have', async () => {
    await using hosts = new TestHosts()
    const host = await hosts.create(LISTEN)
    const { socket, outcome } = await page(host)
    expect(outcome).toBe('open')
    const end = once(socket, 'close')
    socket.send(new Uint8Array(2 ** 20 + 1))
    await expect(end).resolves.toEqual([1009, expect.anything()])
    expect(host.dropped()).toEqual(['malformed WebSocket frame'])
  })

  it('listen to nothing that cannot be guarded', async () => {
    const limits = { inboundMax: 1, pendingMax: 1, pendingPerAddress: 1, upgradeTimeoutMs: 1 }
    const options = { limits, origins: [], bans: { isBanned: () => false }, dropped: () => {} }
    const strange = {} as Parameters<typeof guardWebSockets>[0]
    expect(() => guardWebSockets(strange, options)).toThrow('made differently')
    const sockets = new LazyWebSockets()
    const logger = { forComponent: () => Object.assign(() => {}, {}) }
    const components = { logger, events: new EventTarget() } as never
    const create = { upgrader: {} } as never
    expect(() => sockets.factory()(components).createListener(create)).toThrow('nobody guards')
    const unloaded = sockets.factory((listener) => listener)(components)
    expect(() => unloaded.createListener(create)).toThrow('not loaded')
  })
})
