import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { agreed, alarms, Cluster, type Member } from './cluster.ts'
import { eventually } from './eventually.ts'
import { Ledger } from './ledger.ts'
import type { PeerProcess } from './peer-process.ts'

const seed = Number(process.env.HEARSAY_TEST_SEED ?? Date.now() % 1_000_000)
const FLIPS = 10
const STORE_DAMAGED = /^store-damaged: the disk changed \d+ rows?, /
const STATE_DAMAGED = /^state-damaged: group main: /

/** Starts and kills a node: what was in LevelDB's log is in a table file afterwards. */
async function age(cluster: Cluster, { name, peer }: Member): Promise<void> {
  await cluster.end(peer)
  await cluster.end((await cluster.start(name, '--network', 'elsewhere')).peer)
}

/** Files of a stopped node's database that hold rows. */
async function files(dataDir: string, ending: RegExp): Promise<readonly string[]> {
  const names = await readdir(join(dataDir, 'db'))
  return names.filter((name) => ending.test(name)).map((name) => join(dataDir, 'db', name))
}

async function flipAt(path: string, at: number, bit: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
  await writeFile(path, bytes)
}

/** Flips one bit of a text in the files, which hold it. */
async function flipIn(paths: readonly string[], text: string): Promise<void> {
  for (const path of paths) {
    const at = (await readFile(path)).indexOf(text)
    if (at < 0) continue
    await flipAt(path, at + 2, 0)
    return
  }
  throw new Error(`no file holds ${text}`)
}

/** Waits until both alarms came, once each. */
async function damageTold({ peer }: Member): Promise<void> {
  const told = await eventually(
    () => alarms(peer),
    (reasons) => reasons.length >= 2,
  )
  const expected = [STORE_DAMAGED, STATE_DAMAGED].map((text) => expect.stringMatching(text))
  expect(told).toEqual(expected)
}

test.each([
  ['its own', 'A'],
  ["another's", 'B'],
])(
  'a bit in an old row with events of %s: told, and the others give it back',
  {
    timeout: 300_000,
  },
  async (_whose, name) => {
    await using cluster = await Cluster.create()
    const ledger = new Ledger()
    let [a, b, c] = await cluster.startThree('a', 'b', 'c')
    for (const member of [a, b]) {
      await ledger.writeMany(member, member.name, 5)
      // Nothing before it begins alike, so that its bytes stand there as they are.
      await ledger.write(member, `${member.name.toUpperCase()} in the middle`)
      await ledger.writeMany(member, `later ${member.name}`, 5)
    }
    await agreed([a, b, c])
    await age(cluster, a)
    await flipIn(await files(a.dataDir, /\.ldb$/), `${name} in the middle`)

    a = await cluster.start('a')
    await ledger.expectNothingElseOn(a.client)
    await damageTold(a)
    await ledger.writeMany(a, 'on it', 5)
    await agreed([a, b, c])
    await ledger.expectOn([a, b, c])

    // It is whole on its own disk again, and told once.
    await cluster.end(a.peer)
    a = await cluster.start('a', '--network', 'elsewhere')
    await ledger.expectOn([a])
    expect((await a.client.status()).store).toMatchObject({ damagedRows: 0 })
    expect(alarms(a.peer)).toEqual([])
    expect(cluster.alarms()).toHaveLength(2)
  },
)

test('a bit in an old row of a node alone: told, what is left is right, and it goes on', {
  timeout: 300_000,
}, async () => {
  await using cluster = await Cluster.create()
  const ledger = new Ledger()
  let alone = await cluster.start('alone')
  await ledger.writeMany(alone, 'alone', 20)
  await age(cluster, alone)
  await flipIn(await files(alone.dataDir, /\.ldb$/), 'alone 7')
  for (let i = 0; i < 2; i++) {
    alone = await cluster.start('alone')
    const left = await ledger.expectNothingElseOn(alone.client)
    expect(left).toBeGreaterThanOrEqual(7)
    expect(left).toBeLessThan(20 + i)
    if (i === 0) {
      await damageTold(alone)
      expect((await alone.client.status()).store).toMatchObject({ damagedRows: 1 })
      await ledger.write(alone, 'new')
    }
    expect((await alone.client.setHas('names', 'new')).has).toBe(true)
    await cluster.end(alone.peer)
  }
  expect(cluster.alarms()).toHaveLength(2)
})

test('a bit in the log: refused with a word, and an empty directory gets all back', {
  timeout: 300_000,
}, async () => {
  await using cluster = await Cluster.create()
  const ledger = new Ledger()
  let [a, b, c] = await cluster.startThree('a', 'b', 'c')
  await ledger.writeMany(a, 'a', 10)
  await agreed([a, b, c])
  await cluster.end(a.peer)
  await flipIn(await files(a.dataDir, /\.log$/), 'a 3')
  const peer = cluster.launch('a')
  expect(await peer.ended()).toBe(78)
  const said = JSON.parse(peer.errors.join('').trim().split('\n').at(-1) ?? '')
  expect(said.error).toMatchObject({
    code: 'ERR_STORE',
    message: expect.stringMatching(/db\/\d+\.log.* damaged/),
    hint: expect.stringContaining('start with an empty data directory'),
  })
  await rm(a.dataDir, { recursive: true })
  a = await cluster.start('a')
  await agreed([a, b, c])
  await ledger.expectOn([a, b, c])
})

test(`any bit of the database (HEARSAY_TEST_SEED=${seed})`, { timeout: 240_000 }, async () => {
  const random = seededRandom(seed)
  await using cluster = await Cluster.create()
  const ledger = new Ledger()
  let [a, b, c] = await cluster.startThree('a', 'b', 'c')
  await Promise.all([a, b].map((member) => ledger.writeMany(member, member.name, 15)))
  await agreed([a, b, c])
  await age(cluster, a)
  const database = join(a.dataDir, 'db')
  const sound = join(cluster.directory, 'sound')
  await cp(database, sound, { recursive: true })
  let served = 0
  for (let i = 0; i < FLIPS; i++) {
    // The smaller files are read strictly: most of their bits are refused.
    const isTable = random.next() < 0.8
    const paths = await files(a.dataDir, isTable ? /\.ldb$/ : /\.log$|^MANIFEST|^CURRENT$/)
    const path = paths[randomInteger(random, paths.length)] ?? ''
    const { length } = await readFile(path)
    if (length > 0) await flipAt(path, randomInteger(random, length), randomInteger(random, 8))
    const peer = cluster.launch('a')
    let isAsked = false
    try {
      a = { ...a, peer, client: await peer.client() }
      await ledger.expectNothingElseOn(a.client)
      isAsked = true
      await ledger.write(a, `after flip ${i}`)
      await agreed([a, b, c])
      await ledger.expectOn([a, b, c])
      await cluster.end(peer)
      served += 1
    } catch (error) {
      if (!(await hasRefused(peer))) throw error
      await cluster.end(peer)
      // What was asked for and never answered may be there or not: nothing more can be expected.
      if (isAsked) break
      await rm(database, { recursive: true })
      await cp(sound, database, { recursive: true })
    }
  }
  expect(served).toBeGreaterThan(0)
})

/** Whether it has ended because of the database: with a word, or where LevelDB itself gave up. */
async function hasRefused(peer: PeerProcess): Promise<boolean> {
  const said = peer.errors.join('')
  const isGivenUp = /leveldb.*Assertion/.test(said)
  if (!isGivenUp && !said.includes('"ERR_STORE"')) return false
  expect(await peer.ended()).toBe(isGivenUp ? null : 78)
  if (!isGivenUp) expect(said).not.toContain('    at ')
  return true
}
