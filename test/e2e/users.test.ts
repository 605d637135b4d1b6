import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hearsay } from './cli-process.ts'
import { PeerProcess } from './peer-process.ts'

const directory = await mkdtemp(join(tmpdir(), 'hearsay-users-'))
const runtimeDir = join(directory, 'run')
const peers: PeerProcess[] = []

const run = (...args: readonly string[]): ReturnType<typeof hearsay> => hearsay(runtimeDir, args)

function start(...args: readonly string[]): PeerProcess {
  const peer = new PeerProcess({ runtimeDir, args })
  peers.push(peer)
  return peer
}

/** Runs a verb until its answer fits; fails with the last answer. */
async function eventually(args: readonly string[], fits: (out: string) => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const { out, err } = await run(...args)
    if (fits(out)) return
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${out}${err}`)
  }
}

afterAll(async () => {
  await Promise.all(peers.map((peer) => peer.end('SIGKILL')))
  await rm(directory, { recursive: true, force: true })
})

describe('three terminals', () => {
  beforeAll(async () => {
    const started = ['one', 'two', 'three'].map((name) => start('--name', name))
    await Promise.all(started.map((peer) => peer.client()))
    await eventually(['members', '--json', '--node', 'one'], (out) => count(out, 'alive') === 3)
    await eventually(['members', '--json', '--node', 'three'], (out) => count(out, 'alive') === 3)
  })

  test('a value put on one is got on another', async () => {
    const put = await run('put', 'hello', 'world', '--node', 'one', '--json')
    expect(put.code).toBe(0)
    expect(JSON.parse(put.out)).toMatchObject({ key: 'hello', acks: 2, required: 2 })
    const got = await run('get', 'hello', '--node', 'three')
    expect(got).toMatchObject({ code: 0, out: 'world' })
  })

  test('a counter added to on each is the same on all', async () => {
    for (const name of ['one', 'two', 'three']) {
      expect((await run('counter', 'add', 'votes', '2', '--node', name)).code).toBe(0)
    }
    const agreed = await run('converged', '--timeout', '10s', '--json', '--node', 'two')
    expect(JSON.parse(agreed.out)).toMatchObject({ converged: true, members: 3 })
    for (const name of ['one', 'two', 'three']) {
      const { out } = await run('counter', 'get', 'votes', '--node', name, '--json')
      expect(JSON.parse(out)).toEqual({ name: 'votes', type: 'counter', value: 6 })
    }
  })

  test('a broadcast reaches every terminal once, and a question is answered by all', async () => {
    const sent = await run('event', 'deploy', 'v1', '--node', 'two', '--json')
    expect(JSON.parse(sent.out)).toMatchObject({ name: 'deploy', bytes: 2, members: 3 })
    const { id } = JSON.parse(sent.out)
    const heard = (): number[] =>
      peers.map(({ lines }) => lines.filter((line) => line.includes(id)).length)
    await eventually(['status', '--json', '--node', 'one'], () => !heard().includes(0))
    const asked = await run('query', 'ping', '--node', 'three', '--json', '--timeout', '10s')
    expect(asked.code).toBe(0)
    const { answers, silent } = JSON.parse(asked.out)
    expect(answers.map(({ from }: { from: string }) => from).toSorted()).toEqual([
      ...['one', 'three', 'two'],
    ])
    expect(silent).toEqual([])
    expect(heard()).toEqual([1, 1, 1])
    const why = await run('explain', 'two', '--node', 'one', '--json')
    expect(JSON.parse(why.out)).toMatchObject({ name: 'two', state: 'alive', linked: true })
  })

  test('garbage on the port of libp2p and on the API disturbs nobody', async () => {
    const [one] = peers
    if (one === undefined) throw new Error('the first peer runs')
    const port = Number(/\/tcp\/(\d+)/.exec((await one.listen())[0] ?? '')?.[1])
    const api = Number(new URL(await one.api()).port)
    const garbage = Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 131) & 255))
    await Promise.all(
      [port, port, port, api].flatMap((to) => [
        send(to, garbage),
        send(to, 'GET / HTTP/1.0\r\n\r\n'),
      ]),
    )
    const got = await run('get', 'hello', '--node', 'one')
    expect(got).toMatchObject({ code: 0, out: 'world' })
  })

  test('SIGTERM leaves: exit 0, and the others see it as left', async () => {
    const three = peers[2]
    expect(await three?.end('SIGTERM')).toBe(0)
    await eventually(['members', '--json', '--node', 'one'], (out) => count(out, 'left') === 1)
    expect((await run('members', '--json', '--node', 'three')).code).toBe(3)
  })
})

describe('mistakes', () => {
  test.each<[string, number, readonly string[]]>([
    ['an unknown verb', 2, ['frobnicate']],
    ['an unknown flag', 2, ['status', '--frobnicate']],
    ['a value that is no number', 2, ['counter', 'add', 'c', 'many', '--node', 'one']],
    [
      'a negative amount for a grow-only counter',
      2,
      ['counter', 'add', 'g', '-1', '--grow-only', '--node', 'one'],
    ],
    ['a node that does not run', 3, ['status', '--node', 'nobody']],
    ['a key that nobody put', 4, ['get', 'missing', '--node', 'one']],
    ['a malformed address', 2, ['up', '--join', 'nonsense']],
    ['listening beyond loopback without a key', 8, ['up', '--listen', '/ip4/0.0.0.0/tcp/0']],
    ['a data directory that cannot be', 78, ['up', '--data-dir', '/dev/null/data']],
  ])('%s ends with %d and one message', async (_name, code, args) => {
    const ran = await run(...args, '--json')
    expect(ran).toMatchObject({ code, out: '' })
    const { error } = JSON.parse(ran.err)
    expect(error.message).not.toBe('')
    expect(ran.err).not.toContain('    at ')
  })

  test('a data directory of somebody else is refused untouched, a locked one too', async () => {
    const foreign = join(directory, 'foreign')
    await mkdir(foreign)
    await writeFile(join(foreign, 'precious.txt'), 'mine')
    const refused = await run('up', '--data-dir', foreign, '--json')
    expect(refused.code).toBe(78)
    expect(refused.err).toContain('ERR_STORE_FOREIGN')
    const own = join(directory, 'own')
    await start('--name', 'owner', '--data-dir', own).client()
    const locked = await run('up', '--data-dir', own, '--json')
    expect(locked.code).toBe(78)
    expect(locked.err).toContain('ERR_STORE_LOCKED')
  })

  test('a port in use is said in one line', async () => {
    const server = createServer()
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const ran = await run('up', '--listen', `/ip4/127.0.0.1/tcp/${port}`, '--json')
    server.close()
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('ERR_LISTEN')
  })
})

function count(out: string, state: string): number {
  return out.split(`"state":"${state}"`).length - 1
}

/** Sends bytes to a port and reads until the other end or a deadline closes. */
function send(port: number, bytes: Buffer | string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
  socket.setTimeout(5_000, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('close', () => resolve())
  socket.resume()
  return promise
}
