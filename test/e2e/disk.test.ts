import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { randomBytes, seededRandom } from '../../src/base/random.ts'
import type { Client } from '../../src/http/client.ts'
import { SmallVolume, whyNoVolumes } from '../adapters/store/small-volume.ts'
import { hearsay } from './cli-process.ts'
import { eventually } from './eventually.ts'
import { PeerProcess } from './peer-process.ts'

const MIB = 1_048_576
/** Repair runs every 30 s ± 30 %. */
const REPAIR_MS_MAX = 60_000

const directory = await mkdtemp(join(tmpdir(), 'hearsay-disk-'))
const running = new Set<PeerProcess>()
const why = whyNoVolumes()
let serial = 0

afterAll(async () => {
  await Promise.all([...running].map((peer) => peer.end('SIGKILL')))
  await rm(directory, { recursive: true, force: true })
})

/** A network of its own for each test; nodes of one find each other. */
class Network {
  readonly runtimeDir: string

  constructor() {
    serial += 1
    this.runtimeDir = join(directory, `run-${serial}`)
  }

  start(name: string, ...args: readonly string[]): PeerProcess {
    const { runtimeDir } = this
    const peer = new PeerProcess({ runtimeDir, args: ['--name', name, ...args] })
    running.add(peer)
    return peer
  }

  async kill(peer: PeerProcess): Promise<void> {
    await peer.end('SIGKILL')
    running.delete(peer)
  }
}

function alarms(peer: PeerProcess, kind: string): readonly string[] {
  return peer.lines.filter((line) => line.includes('"alarm"') && line.includes(kind))
}

/** What a node was told and answered to. */
class Ledger {
  adds = 0
  readonly values: string[] = []
  readonly puts: string[] = []

  async write(client: Client): Promise<void> {
    const serial = `${this.values.length}`
    await client.change('votes', { type: 'counter', op: 'add', value: 1 })
    this.adds += 1
    await client.change('names', { type: 'set', op: 'add', value: serial })
    this.values.push(serial)
    await client.put(`key ${serial}`, serial)
    this.puts.push(serial)
  }

  async check(client: Client): Promise<void> {
    const counter = await client.object('votes', { type: 'counter' })
    expect(Number(counter?.value ?? 0)).toBe(this.adds)
    const set = await client.object('names', { type: 'set' })
    expect([...(set?.values ?? [])].sort()).toEqual([...this.values].sort())
    for (const serial of this.puts) {
      expect((await client.get(`key ${serial}`))?.value).toBe(serial)
    }
  }
}

/** Every way to write is refused for want of room. */
async function expectRefusals(client: Client): Promise<void> {
  const refused = { status: 507, body: { code: 'ERR_STORE_FULL' } }
  const writes = [
    () => client.change('votes', { type: 'counter', op: 'add', value: 1 }),
    () => client.change('names', { type: 'set', op: 'add', value: 'too late' }),
    () => client.put('key 0', 'too late'),
    () => client.delete('key 0'),
  ]
  for (const write of writes) await expect(write()).rejects.toMatchObject(refused)
}

function volumeOf(sizeMib: number): SmallVolume {
  const volume = new SmallVolume(sizeMib)
  onTestFinished(() => volume.unmount())
  return volume
}

const isFull = (client: Client): Promise<boolean> => client.status().then(({ store }) => store.full)

describe.skipIf(why !== undefined)(`a small volume (${why ?? 'mounted'})`, () => {
  test('filled by others: 507, reads and membership go on, and all is well again with room', {
    timeout: 300_000,
  }, async () => {
    const volume = volumeOf(48)
    const dataDir = join(volume.path, 'data')
    const network = new Network()
    let victim = network.start('victim', '--data-dir', dataDir)
    const witness = await network.start('witness').client()
    let client = await victim.client()
    await eventually(
      () => client.status(),
      ({ members }) => members.alive === 2,
    )
    const ledger = new Ledger()
    for (let i = 0; i < 20; i++) await ledger.write(client)

    await volume.fill(3 * MIB)
    await eventually(() => isFull(client), Boolean)
    await expectRefusals(client)
    await ledger.check(client)
    expect(await client.livez()).toEqual({ live: true })
    expect((await client.readyz()).checks).toContainEqual({
      name: 'store',
      ok: true,
      reason: expect.stringContaining('full'),
    })
    const add = await hearsay(network.runtimeDir, ['counter', 'add', 'votes', '--node', 'victim'])
    expect(add).toMatchObject({ code: 75, out: '' })
    expect(add.err).toContain('ERR_STORE_FULL')

    // The others go on; what they write is refused here, counted, and read through.
    for (let i = 0; i < 5; i++)
      await witness.change('other', { type: 'set', op: 'add', value: `${i}` })
    await witness.put('of the witness', 'x', { level: 'one' })
    await eventually(
      () => client.status(),
      ({ drops }) => (drops['store-full'] ?? 0) > 0 && (drops['kv record: store-full'] ?? 0) > 0,
    )
    expect((await client.get('of the witness'))?.value).toBe('x')
    expect((await witness.status()).members).toMatchObject({ alive: 2, suspect: 0, failed: 0 })
    expect(alarms(victim, 'store-full:')).toHaveLength(1)

    // Killed while there is no room: it starts, serves what it has, and still refuses.
    await network.kill(victim)
    victim = network.start('victim', '--data-dir', dataDir)
    client = await victim.client()
    expect(await isFull(client)).toBe(true)
    await expectRefusals(client)
    await ledger.check(client)
    await eventually(
      async () => alarms(victim, 'store-full:').length,
      (count) => count === 1,
    )

    await volume.clear()
    await eventually(
      () => isFull(client),
      (full) => !full,
    )
    await ledger.write(client)
    await eventually(
      async () =>
        [await client.status(), await witness.status()].map(({ groups }) => groups[0]?.digest),
      ([a, b]) => a === b,
    )
    expect(alarms(victim, 'store-room:')).toHaveLength(1)
    const other = await client.object('other', { type: 'set' })
    expect(other?.values).toEqual(['0', '1', '2', '3', '4'])
    await network.kill(victim)
    client = await network.start('victim', '--data-dir', dataDir).client()
    await ledger.check(client)
  })

  test('filled by its own writes: nothing acknowledged is lost, a larger disk is noticed', {
    timeout: 300_000,
  }, async () => {
    // Full before its one author has written all that it may keep.
    const volume = volumeOf(24)
    const network = new Network()
    const dataDir = join(volume.path, 'data')
    const peer = network.start('filler', '--data-dir', dataDir)
    const client = await peer.client()
    const random = seededRandom(1)
    const values = new Map<string, Uint8Array>()
    let refusal: unknown
    while (refusal === undefined && values.size < 2_000) {
      const key = `big ${values.size}`
      const value = randomBytes(random, 60_000)
      await client.put(key, value).then(
        () => values.set(key, value),
        (error: unknown) => {
          refusal = error
        },
      )
    }
    expect(refusal).toMatchObject({ status: 507, body: { code: 'ERR_STORE_FULL' } })
    expect(values.size).toBeGreaterThan(100)
    expect(await volume.freeBytes()).toBeGreaterThan(8 * MIB)
    volume.resize(400)
    await eventually(
      () => isFull(client),
      (full) => !full,
    )
    await client.put('after', 'x')
    await network.kill(peer)
    const again = await network.start('filler', '--data-dir', dataDir).client()
    for (const [key, value] of values) {
      const found = await again.getRaw(key)
      expect(found !== undefined && Buffer.compare(found, value) === 0, key).toBe(true)
    }
    expect((await again.get('after'))?.value).toBe('x')
  })

  test('without any room or read-only: an exit code and a reason, and nothing is harmed', async () => {
    const volume = volumeOf(16)
    const dataDir = join(volume.path, 'data')
    const network = new Network()
    const first = network.start('once', '--data-dir', dataDir)
    await (await first.client()).change('votes', { type: 'counter', op: 'add', value: 7 })
    await network.kill(first)
    const up = ['up', '--data-dir', dataDir, '--json', '--api', '127.0.0.1:0']
    await volume.fill(0)
    const full = await hearsay(network.runtimeDir, up)
    expect([full.code, full.out]).toEqual([75, ''])
    expect(JSON.parse(full.err).error).toMatchObject({ code: 'ERR_STORE_FULL' })
    await volume.clear()
    volume.setReadOnly(true)
    const readOnly = await hearsay(network.runtimeDir, up)
    expect([readOnly.code, readOnly.out]).toEqual([78, ''])
    expect(JSON.parse(readOnly.err).error).toMatchObject({ code: 'ERR_STORE' })
    volume.setReadOnly(false)
    const client = await network.start('once', '--data-dir', dataDir).client()
    expect(await client.object('votes')).toMatchObject({ value: 7 })
  })
})

test('a disk that fails under a running node ends it with 75; what was acknowledged is there', {
  timeout: 180_000,
}, async () => {
  const network = new Network()
  const dataDir = join(directory, 'failing')
  const peer = network.start('victim', '--data-dir', dataDir)
  const client = await peer.client()
  const ledger = new Ledger()
  for (let i = 0; i < 5; i++) await ledger.write(client)
  // Open files stay writable: what fails is the creation of the next one, after 4 MiB.
  await rename(join(dataDir, 'db'), join(dataDir, 'gone'))
  const value = randomBytes(seededRandom(1), 60_000)
  let acknowledged = 0
  const write = (): Promise<boolean> =>
    client.put(`big ${acknowledged}`, value).then(
      () => true,
      () => false,
    )
  while (acknowledged < 500 && (await write())) acknowledged += 1
  expect(await peer.ended()).toBe(75)
  expect(JSON.parse(peer.errors.join('').trim().split('\n').at(-1) ?? '').error).toMatchObject({
    code: 'ERR_STORE',
    hint: expect.stringContaining('Check the disk'),
  })
  running.delete(peer)
  await rename(join(dataDir, 'gone'), join(dataDir, 'db'))
  const again = await network.start('victim', '--data-dir', dataDir).client()
  await ledger.check(again)
  for (let i = 0; i < acknowledged; i++) {
    expect(await again.getRaw(`big ${i}`), `big ${i}`).toHaveLength(value.length)
  }
})

describe('a flipped bit in an old row', () => {
  test('of the DHT: told, set aside, and mended by the others', { timeout: 180_000 }, async () => {
    const network = new Network()
    const dataDir = join(directory, 'flipped')
    let victim = network.start('victim', '--data-dir', dataDir)
    const others = await Promise.all(['b', 'c'].map((name) => network.start(name).client()))
    let client = await victim.client()
    await eventually(
      () => client.status(),
      ({ members }) => members.alive === 3,
    )
    const values = new Map<string, string>()
    for (let i = 0; i < 20; i++) {
      const text = `old value ${i} ${'.'.repeat(100)}`
      await client.put(`key ${i}`, text, { level: 'all' })
      values.set(`key ${i}`, text)
    }
    // A start moves what is in the log into a table file, where it grows old.
    for (let i = 0; i < 2; i++) {
      await network.kill(victim)
      victim = network.start('victim', '--data-dir', dataDir)
      client = await victim.client()
    }
    await network.kill(victim)
    await flipIn(dataDir, 'old value 7 ')

    // Killed while it starts on the damage, at some moment: that changes nothing.
    const early = network.start('victim', '--data-dir', dataDir)
    await eventually(
      async () => (await readdir(dataDir)).includes('quarantine.ndjson'),
      (exists) => exists,
    )
    await network.kill(early)

    victim = network.start('victim', '--data-dir', dataDir)
    client = await victim.client()
    for (const [key, text] of values) expect((await client.get(key))?.value).toBe(text)
    const quarantine = (await readFile(join(dataDir, 'quarantine.ndjson'), 'utf8')).trim()
    expect(quarantine.split('\n')).toHaveLength(1)
    expect(JSON.parse(quarantine).key).toMatch(/^kv![0-9a-f]{64}$/)
    expect(Buffer.from(JSON.parse(quarantine).bytes, 'base64').toString()).toContain('value 7')
    // Mended: on its own disk again, where it is found without anybody else.
    await eventually(
      () => client.status(),
      ({ dht }) => dht.records === values.size,
      REPAIR_MS_MAX,
    )
    await network.kill(victim)
    for (const other of others) await other.leave()
    client = await network.start('victim', '--data-dir', dataDir).client()
    expect((await client.status()).store).toMatchObject({ damagedRows: 0 })
    for (const [key, text] of values) expect((await client.get(key))?.value).toBe(text)
  })

  test('of the DHT is told in status, log and drops of a node alone', async () => {
    const network = new Network()
    const dataDir = join(directory, 'alone')
    let peer = network.start('alone', '--data-dir', dataDir)
    const ledger = new Ledger()
    const first = await peer.client()
    for (let i = 0; i < 5; i++) await ledger.write(first)
    await first.put('unlucky', `unlucky value ${'.'.repeat(100)}`)
    for (let i = 0; i < 2; i++) {
      await network.kill(peer)
      peer = network.start('alone', '--data-dir', dataDir)
      await peer.client()
    }
    await network.kill(peer)
    await flipIn(dataDir, 'unlucky value ')
    peer = network.start('alone', '--data-dir', dataDir)
    const client = await peer.client()
    const status = await client.status()
    expect(status.store).toMatchObject({ damagedRows: 1, tornBytes: 0, full: false })
    expect(status.drops).toMatchObject({ 'damaged store row': 1 })
    await eventually(
      async () => alarms(peer, 'store-damaged:').length,
      (count) => count === 1,
    )
    const said = await hearsay(network.runtimeDir, ['status', '--node', 'alone'])
    expect(said.out).toContain('1 row found damaged')
    expect(await client.get('unlucky')).toBe(undefined)
    await ledger.check(client)
    await client.put('unlucky', 'again')
    await network.kill(peer)
    const again = await network.start('alone', '--data-dir', dataDir).client()
    expect((await again.get('unlucky'))?.value).toBe('again')
    expect((await again.status()).store).toMatchObject({ damagedRows: 0 })
  })

  test('a torn end of the log is cut, told and harmless', async () => {
    const network = new Network()
    const dataDir = join(directory, 'torn')
    let peer = network.start('torn', '--data-dir', dataDir)
    const ledger = new Ledger()
    const first = await peer.client()
    for (let i = 0; i < 5; i++) await ledger.write(first)
    await network.kill(peer)
    const names = (await readdir(join(dataDir, 'db'))).filter((name) => name.endsWith('.log'))
    const path = join(dataDir, 'db', names.sort().at(-1) ?? '')
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.from('half a rec')]))
    peer = network.start('torn', '--data-dir', dataDir)
    const client = await peer.client()
    expect((await client.status()).store).toMatchObject({ tornBytes: 10, damagedRows: 0 })
    await eventually(
      async () => alarms(peer, 'store-torn:').length,
      (count) => count === 1,
    )
    await ledger.check(client)
  })
})

/** Flips one bit in the table file that holds a text. */
async function flipIn(dataDir: string, text: string): Promise<void> {
  const database = join(dataDir, 'db')
  for (const name of await readdir(database)) {
    if (!name.endsWith('.ldb')) continue
    const bytes = await readFile(join(database, name))
    const at = bytes.indexOf(text)
    if (at < 0) continue
    const last = at + text.length + 10
    bytes[last] = (bytes[last] ?? 0) ^ 4
    await writeFile(join(database, name), bytes)
    return
  }
  throw new Error(`no table file holds ${text}`)
}
