import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Client } from '../../src/http/client.ts'
import { createNode } from '../../src/index.ts'
import { hearsay } from './cli-process.ts'
import { eventually } from './eventually.ts'
import { PeerProcess } from './peer-process.ts'

const directory = await mkdtemp(join(tmpdir(), 'hearsay-backup-'))
const runtimeDir = join(directory, 'run')
const running = new Set<PeerProcess>()

afterAll(async () => {
  await Promise.all([...running].map((peer) => peer.end('SIGKILL')))
  await rm(directory, { recursive: true, force: true })
})

function start(name: string, dataDir = join(directory, name)): PeerProcess {
  const peer = new PeerProcess({ runtimeDir, args: ['--name', name, '--data-dir', dataDir] })
  running.add(peer)
  return peer
}

/** Writes through one node until it is told to stop; knows what was acknowledged. */
class Writer {
  readonly values: string[] = []
  adds = 0
  #isStopped = false
  readonly #done: Promise<void>

  constructor(client: Client, name: string) {
    this.#done = this.#write(client, name)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#done
  }

  async #write(client: Client, name: string): Promise<void> {
    while (!this.#isStopped) {
      const value = `${name} ${this.values.length}`
      await client.change('names', { type: 'set', op: 'add', value })
      this.values.push(value)
      await client.change('votes', { type: 'counter', op: 'add', value: 1 })
      this.adds += 1
    }
  }
}

test('a node under writes is backed up, and what is restored joins the others without alarm', {
  timeout: 300_000,
}, async () => {
  const peers = [start('a'), start('b'), start('c')]
  const clients = await Promise.all(peers.map((peer) => peer.client()))
  const [a, b] = clients
  if (a === undefined || b === undefined) throw new Error('three peers have started')
  await eventually(
    () => a.status(),
    ({ members }) => members.alive === 3,
  )
  // Enough for a snapshot beside the log, and a value that the DHT keeps.
  const large = 'x'.repeat(4_000)
  for (let from = 0; from < 400; from += 20) {
    const values = Array.from({ length: 20 }, (_, i) => `${large} ${from + i}`)
    await a.change('large', { type: 'set', op: 'add', values })
  }
  await a.put('hello', 'world', { level: 'all' })
  const writers = [new Writer(a, 'a'), new Writer(b, 'b')]
  const writer = writers[0]
  await eventually(
    async () => writer?.values.length ?? 0,
    (count) => count > 50,
  )

  const acked = { values: [...(writer?.values ?? [])], adds: writer?.adds ?? 0 }
  const file = join(directory, 'a.backup')
  const made = await hearsay(runtimeDir, ['backup', file, '--node', 'a', '--json'])
  expect(made).toMatchObject({ code: 0, err: '' })
  const { rows } = JSON.parse(made.out)
  expect(rows).toBeGreaterThan(50)
  const restored = join(directory, 'restored')
  for (const dataDir of [restored, join(directory, 'aside')]) {
    const done = await hearsay(runtimeDir, ['restore', file, '--data-dir', dataDir, '--json'])
    expect(done.code).toBe(0)
    expect(JSON.parse(done.out)).toMatchObject({ name: 'a', rows, damaged: 0 })
  }
  await Promise.all(writers.map((one) => one.stop()))
  // It was written to while the backup was made: the backup is older than what it holds now.
  expect(writer?.values.length).toBeGreaterThan(acked.values.length)

  // Alone, out of reach of the others.
  await using alone = await createNode({ dataDir: join(directory, 'aside'), network: 'elsewhere' })
  expect(alone.set('names').values).toEqual(expect.arrayContaining(acked.values))
  expect(alone.counter('votes').value).toBeGreaterThanOrEqual(acked.adds)
  expect(alone.set('large').size).toBe(400)
  expect((await alone.dht.get('hello'))?.value).toBe('world')

  // A fourth peer beside the one it was copied from, which still runs.
  const fourth = start('restored', restored)
  const client = await fourth.client()
  expect((await client.status()).peerId).not.toBe((await a.status()).peerId)
  await client.change('votes', { type: 'counter', op: 'add', value: 1_000 })
  await eventually(
    async () => {
      const states = await Promise.all([...clients, client].map((one) => one.status()))
      return states.map(({ members, groups }) => `${members.alive} ${groups[0]?.digest}`)
    },
    (states) => new Set(states).size === 1 && states[0]?.startsWith('4 ') === true,
  )
  const all = writers.flatMap((one) => one.values)
  const adds = writers.reduce((sum, one) => sum + one.adds, 1_000)
  for (const one of [...clients, client]) {
    const names = await one.object('names', { type: 'set' })
    expect(new Set(names?.values)).toEqual(new Set(all))
    expect((await one.object('votes', { type: 'counter' }))?.value).toBe(adds)
  }
  for (const peer of [...peers, fourth]) {
    expect(peer.lines.filter((line) => line.includes('"alarm"'))).toEqual([])
  }
  expect((await readdir(directory)).filter((name) => name.includes('.part'))).toEqual([])
})
