import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { FakeApi } from './fake-api.ts'
import { testIo } from './test-io.ts'

const MEMBER = {
  ...{ peerId: 'pa', incarnation: 0, addresses: [], tags: {}, protocol: 3, state: 'alive' },
  ...{ digest: '11', since: '2026-01-01T00:00:00.000Z' },
}
const VIEW = {
  ...{ self: 'a', viewHash: 'ab' },
  members: [
    { ...MEMBER, name: 'a' },
    { ...MEMBER, name: 'b', peerId: 'pb' },
  ],
}
const STATUS = {
  ...{ name: 'a', peerId: 'pa', network: 'hearsay', version: '0', uptimeMs: 61_000 },
  members: { alive: 2, suspect: 0, failed: 0, left: 0 },
  ...{ groups: [], degraded: false, access: { by: 'open', role: 'member' }, drops: {} },
  listen: ['/ip4/127.0.0.1/tcp/4001/p2p/pa', '/ip4/203.0.113.9/tcp/4001/p2p/pa'],
  dht: { records: 0, bytes: 0, replication: 5, mode: 'one-hop' },
  store: { path: '/data', bytes: 0, full: false, tornBytes: 0, damagedRows: 0 },
}
const READY = { ready: true, checks: [{ name: 'node', ok: true, reason: 'running' }] }

let api: FakeApi
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  api = new FakeApi()
  await api.start()
  api.answer('GET /readyz', READY)
  api.answer('GET /v1/status', STATUS)
  api.answer('GET /v1/members', VIEW)
})

afterEach(async () => {
  await api.stop()
  await rm(folder, { recursive: true })
})

interface Told {
  readonly check: string
  readonly state: string
  readonly message: string
  readonly hint?: string
}

async function doctor(...argv: readonly string[]) {
  const { code, io } = await api.run(['doctor', '--json', ...argv])
  expect(io.err()).toBe('')
  const { ok, checks } = JSON.parse(io.out()) as { ok: boolean; checks: readonly Told[] }
  // Whatever is not well has a next step.
  for (const { state, hint } of checks) expect(hint === undefined).toBe(state === 'ok')
  return { code, ok, bad: checks.filter(({ state }) => state !== 'ok') }
}

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

test('a node that is well has no findings', async () => {
  expect(await doctor()).toEqual({ code: 0, ok: true, bad: [] })
  const { code, io } = await api.run(['doctor'])
  expect(code).toBe(0)
  expect(io.out()).toMatch(/^ok +node +it is ready$/m)
})

const SOON = new Date(Date.now() + 60_000).toISOString()

function access(change: object): object {
  const later = new Date(Date.now() + 86_400_000).toISOString()
  const invited = { by: 'invite', role: 'member', id: '0'.repeat(32), state: 'valid' }
  return { access: { ...invited, expiresAt: later, ...change } }
}

describe('what a node says', () => {
  test('an invite that holds', async () => {
    api.answer('GET /v1/status', { ...STATUS, ...access({}) })
    expect(await doctor()).toEqual({ code: 0, ok: true, bad: [] })
  })

  test.each([
    ['a full disk', { store: { ...STATUS.store, full: true } }, 'disk', 'failure'],
    ['damaged rows', { store: { ...STATUS.store, damagedRows: 2 } }, 'store', 'warning'],
    ['a clock', { drops: { 'stamp-ahead': 3 } }, 'clock', 'warning'],
    ['loopback alone', { listen: ['/ip4/127.0.0.1/tcp/4001'] }, 'addresses', 'warning'],
    ['private addresses', { listen: ['/ip4/192.168.1.4/tcp/4001'] }, 'addresses', 'warning'],
    ['no address', { listen: [] }, 'addresses', 'failure'],
    ['a revoked invite', access({ state: 'revoked' }), 'invite', 'failure'],
    ['an expired invite', access({ state: 'expired' }), 'invite', 'failure'],
    ['a used invite', access({ state: 'used' }), 'invite', 'failure'],
    ['a refused invite', access({ refused: 'no' }), 'invite', 'failure'],
    ['an unused invite', access({ state: 'unused' }), 'invite', 'warning'],
    ['writes of an observer', access({ role: 'observer', unsent: 2 }), 'invite', 'warning'],
    ['an invite that ends soon', access({ expiresAt: SOON }), 'invite', 'warning'],
    [
      'an unreachable quorum',
      { members: { alive: 2, suspect: 0, failed: 3, left: 0 } },
      'quorum',
      'failure',
    ],
  ])('%s', async (_what, change, check, state) => {
    api.answer('GET /v1/status', { ...STATUS, ...change })
    const { code, bad } = await doctor()
    expect(bad.map((found) => [found.check, found.state])).toEqual([[check, state]])
    expect(code).toBe(state === 'failure' ? 1 : 0)
  })

  test('no peers, failed and suspect ones, other versions', async () => {
    const [a, b] = VIEW.members
    const alone = { alive: 1, suspect: 0, failed: 1, left: 0 }
    api.answer('GET /v1/status', { ...STATUS, members: alone })
    api.answer('GET /v1/members', {
      ...VIEW,
      members: [a, { ...b, state: 'failed', protocol: 2, name: 'b\u001b[2J' }],
    })
    const { bad } = await doctor()
    expect(bad.map(({ check }) => check)).toEqual(['peers', 'members', 'quorum', 'versions'])
    expect(JSON.stringify(bad)).not.toContain('\\u001b')
  })

  test('not being ready, with the reason', async () => {
    const checks = [{ name: 'store', ok: false, reason: 'fsync failed' }]
    api.answer('GET /readyz', { ready: false, checks }, 503)
    const { code, bad } = await doctor()
    expect([code, bad[0]?.message]).toEqual([1, 'not ready: store: fsync failed'])
  })
})

describe('who cannot be asked', () => {
  test('wants another token', async () => {
    api.answer('GET /v1/status', { detail: 'no', code: 'ERR_UNAUTHORIZED', hint: '' }, 401)
    const { code, bad } = await doctor()
    expect([code, bad[0]?.check]).toEqual([1, 'api'])
    expect(bad[0]?.hint).toContain('HEARSAY_API_TOKEN')
  })

  test('is not there: asked for, a failure; else something to know', async () => {
    const { server, port } = await listening()
    await new Promise((resolve) => server.close(resolve))
    expect((await doctor('--api', `127.0.0.1:${port}`)).code).toBe(1)
    const io = testIo({ env: { HEARSAY_RUNTIME_DIR: join(folder, 'nobody') } })
    expect(await run(['doctor', '--json'], io)).toBe(0)
    expect(JSON.parse(io.out()).checks).toMatchObject([{ check: 'node', state: 'warning' }])
  })
})

describe('the machine', () => {
  test('a port that another program has', async () => {
    const { server, port } = await listening()
    const { code, bad } = await doctor('--listen', `/ip4/127.0.0.1/tcp/${port}`)
    expect([code, bad]).toMatchObject([1, [{ check: 'listen', state: 'failure' }]])
    await new Promise((resolve) => server.close(resolve))
    expect((await doctor('--listen', `/ip4/127.0.0.1/tcp/${port}`)).bad).toEqual([])
    expect((await doctor('--listen', '/ip4/127.0.0.1/tcp/0')).bad).toEqual([])
    expect((await doctor('--listen', 'nonsense')).code).toBe(1)
  })

  test('a seed that answers, refuses, has no name, or is no address', async () => {
    const { server, port } = await listening()
    expect((await doctor('--join', `127.0.0.1:${port}`)).bad).toEqual([])
    await new Promise((resolve) => server.close(resolve))
    expect((await doctor('--join', `/ip4/127.0.0.1/tcp/${port}`)).bad).toMatchObject([
      { check: 'join', state: 'failure', message: expect.stringContaining('nobody listens') },
    ])
    expect((await doctor('--join', 'dns:seed.invalid:4001')).bad).toMatchObject([
      { check: 'dns', state: 'failure' },
    ])
    expect((await doctor('--join', 'one two')).bad).toMatchObject([{ check: 'join' }])
  })

  test('a data directory: new, good, with a key for others, a file', async () => {
    const dataDir = join(folder, 'data')
    expect((await doctor('--data-dir', dataDir)).bad).toEqual([])
    await mkdir(dataDir)
    const key = join(dataDir, 'identity.key')
    await writeFile(key, 'x', { mode: 0o600 })
    expect((await doctor('--data-dir', dataDir)).bad).toEqual([])
    await chmod(key, 0o644)
    expect((await doctor('--data-dir', dataDir)).bad).toMatchObject([
      { check: 'identity', state: 'failure', hint: `chmod 600 '${key}'` },
    ])
    expect((await doctor('--data-dir', key)).bad).toMatchObject([{ check: 'data-dir' }])
  })
})
