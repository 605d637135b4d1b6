import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { Engine } from '../../src/engine/engine.ts'
import { type TestIo, testIo } from './test-io.ts'

let folder: string
let env: Readonly<Record<string, string>>
const running: { readonly io: TestIo; readonly ended: Promise<number> }[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  env = { HEARSAY_RUNTIME_DIR: join(folder, 'run') }
})

afterEach(async () => {
  for (const { io, ended } of running.splice(0)) {
    io.stop()
    await ended
  }
  await rm(folder, { recursive: true })
})

/** Starts `up` in this process and waits for its ready line. */
async function up(...argv: readonly string[]) {
  const io = testIo({ env })
  const ended = run(['up', '--json', '--api', '127.0.0.1:0', ...argv], io)
  const node = { io, ended }
  running.push(node)
  await Promise.race([io.until('"event":"ready"'), ended])
  return { ...node, ready: JSON.parse(io.out().split('\n')[0] || '{}') }
}

async function client(...argv: readonly string[]) {
  const io = testIo({ env })
  return { code: await run(argv, io), out: io.out(), err: io.err() }
}

describe('up', () => {
  test('tells that it is ready in the shape of the contract, and ends with 0 on a signal', async () => {
    const { io, ended, ready } = await up('--name', 'a')
    expect(Object.keys(ready)).toEqual([
      ...['event', 'name', 'peerId', 'network', 'listen', 'api', 'tokenFile', 'dataDir'],
    ])
    expect(ready).toMatchObject({ name: 'a', network: 'hearsay', dataDir: null })
    expect(ready.listen[0]).toContain(`/p2p/${ready.peerId}`)
    io.stop()
    expect(await ended).toBe(0)
    expect(await readdir(join(folder, 'run'))).toEqual([])
  })

  test('answers under the names of --api-host, and under no other', async () => {
    const { ready } = await up('--api-host', 'node.example', 'prometheus.local')
    const asked = async (host: string): Promise<number | undefined> => {
      const request = get(`${ready.api}/livez`, { headers: { host }, agent: false })
      const [response] = await once(request, 'response')
      response.resume()
      return response.statusCode
    }
    expect(await asked('node.example:7400')).toBe(200)
    expect(await asked('PROMETHEUS.local')).toBe(200)
    expect(await asked('evil.example')).toBe(421)
    for (const wrong of ['node.example:80', 'a/b', '']) {
      expect((await client('up', '--api-host', wrong)).code).toBe(2)
    }
  })

  test('and its neighbours without any flag find each other, whoever starts first', async () => {
    const [a, b] = await Promise.all([up('--name', 'a'), up('--name', 'b')])
    await a.io.until('"name":"b"')
    await b.io.until('"name":"a"')
    const c = await up('--name', 'c')
    await Promise.all([c.io.until('"name":"b"'), a.io.until('"name":"c"')])
    expect((await client('counter', 'add', 'votes', '3', '--node', 'a')).code).toBe(0)
    expect((await client('counter', 'add', 'votes', '-1', '--node', 'b')).code).toBe(0)
    expect((await client('converged', '--node', 'c')).code).toBe(0)
    expect((await client('counter', 'get', 'votes', '--node', 'c')).out).toBe('2\n')
    expect((await client('put', 'k', 'v', '--node', 'a')).code).toBe(0)
    expect((await client('get', 'k', '--node', 'b')).out).toBe('v')
  })

  test('ends with 70 and a line when an assertion of ours breaks, and whoever waits is told', async () => {
    const { io, ended } = await up('--name', 'a')
    const { handle } = Engine.prototype
    Engine.prototype.handle = function (input, now) {
      if (input.type === 'command') throw new Error('Broken invariant: test')
      handle.call(this, input, now)
    }
    try {
      const told = await client('counter', 'add', 'votes', '1')
      expect(told.err).toContain('Cannot go on: Broken invariant: test')
      expect(await ended).toBe(70)
    } finally {
      Engine.prototype.handle = handle
    }
    expect(io.out()).toContain('"event":"fatal"')
    expect(JSON.parse(io.err().trim().split('\n').at(-1) ?? '')).toMatchObject({
      error: { code: 'ERR_INTERNAL', message: 'Cannot go on: Broken invariant: test' },
    })
  })

  test('joins nobody of another network', async () => {
    await up('--name', 'a')
    const b = await up('--name', 'b', '--network', 'other')
    const c = await up('--name', 'c', '--network', 'other')
    await Promise.all([b.io.until('"name":"c"'), c.io.until('"name":"b"')])
    const { members } = JSON.parse((await client('members', '--json', '--node', 'b')).out)
    expect(members.map(({ name }: { name: string }) => name).toSorted()).toEqual(['b', 'c'])
  })

  test('keeps identity and data in --data-dir', async () => {
    const flags = ['--name', 'a', '--data-dir', join(folder, 'data')]
    const first = await up(...flags)
    await client('counter', 'add', 'votes', '5')
    first.io.stop()
    await first.ended
    const second = await up(...flags)
    expect(second.ready.peerId).toBe(first.ready.peerId)
    expect(second.ready.dataDir).toBe(join(folder, 'data'))
    expect((await client('counter', 'get', 'votes')).out).toBe('5\n')
  })

  test('a data directory in use, or that is a file, ends with 78', async () => {
    const data = join(folder, 'data')
    await up('--data-dir', data)
    const second = await up('--data-dir', data)
    expect(await second.ended).toBe(78)
    expect(JSON.parse(second.io.err()).error.code).toBe('ERR_STORE_LOCKED')
    const file = join(folder, 'file')
    await writeFile(file, 'x')
    expect(await (await up('--data-dir', file)).ended).toBe(78)
  })

  test('a port that was asked for and is taken ends with 1 and leaves nothing behind', async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
    const { ended, io } = await up('--api', `127.0.0.1:${port}`)
    expect(await ended).toBe(1)
    expect(JSON.parse(io.err()).error.code).toBe('ERR_LISTEN')
    expect(await readdir(join(folder, 'run'))).toEqual([])
    await new Promise((resolve) => server.close(resolve))
  })

  test('options that contradict each other end with 8', async () => {
    const { ended, io } = await up('--listen', '/ip4/0.0.0.0/tcp/0')
    expect(await ended).toBe(8)
    expect(JSON.parse(io.err()).error.hint).toContain('--network-key')
  })

  test('"leave" ends it with 0, and a closed stdout does', async () => {
    const a = await up('--name', 'a')
    expect((await client('leave')).out).toBe('a has left\n')
    expect(await a.ended).toBe(0)
    const b = await up('--name', 'b')
    b.io.closeStdout()
    expect(await b.ended).toBe(0)
    expect(await readdir(join(folder, 'run'))).toEqual([])
  })

  test('a second signal does not wait', async () => {
    const { io, ended } = await up()
    io.stop()
    io.stop()
    expect(await ended).toBe(1)
  })

  test('tells people where it stores and what to do next, and keeps the token to itself', async () => {
    const io = testIo({ env: { ...env, HEARSAY_API_TOKEN: 'secret-token' } })
    const ended = run(['up', '--api', '127.0.0.1:0'], io)
    running.push({ io, ended })
    await io.until('Ctrl-C')
    expect(io.out()).toContain('in memory')
    expect(io.out()).toContain('hearsay put hello world')
    expect(io.out()).not.toContain('secret-token')
  })

  test('puts its entry back when somebody removes it', async () => {
    await up('--name', 'a')
    const b = await up('--name', 'b')
    await b.io.until('"name":"a"')
    const entry = join(folder, 'run', `${b.ready.peerId}.json`)
    await rm(entry)
    await expect
      .poll(async () => readdir(join(folder, 'run')), { timeout: 30_000 })
      .toContain(`${b.ready.peerId}.json`)
  })
})
