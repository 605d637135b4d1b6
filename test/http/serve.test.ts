import { once } from 'node:events'
import { get } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createClient } from '../../src/http/client.ts'
import { type HttpServer, type ServeOptions, serveHttp } from '../../src/http/serve.ts'
import { type Fixture, fixture, TOKEN } from './ask.ts'

const LOCAL: ServeOptions = { host: '127.0.0.1', port: 0, nextFree: false }
const open: { close(): unknown }[] = []

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function serve(
  options: Partial<ServeOptions> = {},
): Promise<Fixture & { server: HttpServer }> {
  const made = fixture()
  const server = await serveHttp(made.api, { ...LOCAL, ...options })
  open.push(server)
  return { ...made, server }
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  open.push({ close: () => socket.destroy() })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Everything the server sends until it hangs up. */
async function untilClosed(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString()
  })
  if (!socket.destroyed) await once(socket, 'close')
  return text
}

const STATUS = `GET /v1/status HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\n`

describe('serveHttp()', () => {
  test('serves real requests, bodies included', async () => {
    const { server } = await serve()
    const client = createClient({ url: server.url, token: TOKEN })
    await client.put('a/b', 'v')
    expect((await client.get('a/b'))?.value).toBe('v')
    expect((await client.change('c', { type: 'counter', op: 'add', value: 2 })).name).toBe('c')
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
  })

  test('takes the next free port when the wanted one is taken, or says so', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    open.push({ close: () => taken.close() })
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(serve({ port })).rejects.toMatchObject({ code: 'ERR_LISTEN' })
    const { server } = await serve({ port, nextFree: true })
    expect(server.port).toBeGreaterThan(port)
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  })

  test('refuses to serve beyond loopback without a token', async () => {
    const { api } = fixture({ token: '' })
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'node.example']) {
      await expect(serveHttp(api, { ...LOCAL, host })).rejects.toMatchObject({ code: 'ERR_CONFIG' })
    }
    const server = await serveHttp(api, LOCAL)
    open.push(server)
    expect((await fetch(`${server.url}/v1/status`)).status).toBe(200)
  })

  test('an unusable host to bind is ERR_LISTEN', async () => {
    await expect(serve({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  })

  test.each([
    ['no Host', 'GET /livez HTTP/1.1\r\n\r\n', 421],
    ['a foreign Host', 'GET /livez HTTP/1.1\r\nhost: evil.example\r\n\r\n', 421],
    ['a Host that is none', 'GET /livez HTTP/1.1\r\nhost: a b/@\r\n\r\n', 421],
    [
      'a foreign absolute target',
      'GET http://evil.example/livez HTTP/1.1\r\nhost: localhost\r\n\r\n',
      421,
    ],
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    [
      'a header above 16 KiB',
      `GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
    ],
    ['a URL above 4 KiB', `GET /${'x'.repeat(5_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 414],
    [
      'both lengths (smuggling)',
      'POST /v1/leave HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a body above 1 MiB',
      `POST /v1/objects/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n`,
      413,
    ],
  ])('answers %s with a problem', async (_, request, status) => {
    const { server } = await serve()
    const socket = await dial(server.port)
    const [head] = await Promise.all([once(socket, 'data'), socket.write(request)])
    const text = String(head[0])
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text.toLowerCase()).toContain('application/problem+json')
  })

  test('a header that dribbles in is cut after 5 s with 408', async () => {
    const { server } = await serve()
    const socket = await dial(server.port)
    socket.write(STATUS)
    const startedAt = performance.now()
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1.1 408 /)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })

  test('an idle keep-alive connection is closed; until then it serves again', async () => {
    const { server } = await serve()
    const socket = await dial(server.port)
    socket.write(`${STATUS}\r\n`)
    await once(socket, 'data')
    socket.write(`${STATUS}\r\n`)
    await once(socket, 'data')
    expect(await untilClosed(socket)).toBe('')
  })

  test('at most 256 connections: one more is dropped, the others are served', async () => {
    const { server } = await serve()
    const sockets = await Promise.all(Array.from({ length: 256 }, () => dial(server.port)))
    // Sockets of a node are accepted in order: once the last answers, all are counted.
    const last = sockets.at(-1) ?? (await dial(server.port))
    last.write(`${STATUS}\r\n`)
    await once(last, 'data')
    expect(await untilClosed(await dial(server.port))).toBe('')
    sockets[0]?.write(`${STATUS}\r\n`)
    expect(String(await once(sockets[0] ?? last, 'data'))).toContain('200 OK')
  })
})

describe('event streams over sockets', () => {
  test('reach the client, and resume after the server cut them', async () => {
    const { server, node } = await serve()
    const stop = new AbortController()
    const stream = createClient({ url: server.url, token: TOKEN }).events({ signal: stop.signal })
    const first = stream.next()
    const timer = setInterval(() => node.emit({ at: 0, type: 'stopped' }), 5)
    expect((await first).value?.event.type).toBe('stopped')
    clearInterval(timer)
    stop.abort()
    // Events that had come before the abort may still be handed out.
    const drained = (async () => {
      while (!(await stream.next()).done);
    })()
    await expect(drained).rejects.toThrow()
  })

  test('a client that hangs up frees its place', async () => {
    const { server } = await serve()
    const streams = await Promise.all(Array.from({ length: 32 }, () => openStream(server)))
    await expect(openStream(server)).rejects.toThrow('429')
    for (const stream of streams) stream.destroy()
    await expect
      .poll(() =>
        openStream(server).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
  })

  test('a client that stops reading is cut off', async () => {
    const { server, node } = await serve()
    const socket = await dial(server.port)
    socket.write(`${STATUS.replace('status', 'events')}\r\n`)
    await once(socket, 'data')
    const cut = untilClosed(socket)
    socket.pause()
    const reason = 'x'.repeat(256 * 1024)
    // The kernel takes some megabytes before the stream has to keep any.
    for (let i = 0; i < 200; i++) {
      node.emit({ at: i, type: 'alarm', reason })
      await new Promise((resolve) => setImmediate(resolve))
    }
    socket.resume()
    // Cut off, not ended: the last chunk of an answer that is whole would be empty.
    expect(await cut).not.toMatch(/\r\n0\r\n\r\n$/)
  })

  test('close() ends them, idle connections and requests under way', async () => {
    const { server } = await serve()
    const stream = await dial(server.port)
    stream.write(`${STATUS.replace('status', 'events')}\r\n`)
    await once(stream, 'data')
    const streamed = untilClosed(stream)
    const idle = await dial(server.port)
    idle.write(`${STATUS}\r\n`)
    await once(idle, 'data')
    const waiting = await dial(server.port)
    waiting.write(`${STATUS.replace('status', 'dht/slow')}\r\n`)
    const ends = [idle, waiting].map((one) => once(one, 'close'))
    await server.close()
    await Promise.all(ends)
    expect(await streamed).toMatch(/0\r\n\r\n$/)
    await server.close()
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow()
  })
})

/** Opens an event stream; resolves once it has begun. */
async function openStream(server: HttpServer): Promise<Socket> {
  const headers = { authorization: `Bearer ${TOKEN}` }
  const request = get(`${server.url}/v1/events`, { headers, agent: false })
  const [response] = await once(request, 'response')
  response.on('error', () => undefined)
  request.on('error', () => undefined)
  open.push({ close: () => response.socket.destroy() })
  if (response.statusCode !== 200) throw new Error(String(response.statusCode))
  await once(response, 'data')
  return response.socket
}
