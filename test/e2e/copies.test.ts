import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLevelStore } from '../../src/adapters/store/level-store.ts'
import { parseRow } from '../../src/replication/store/rows.ts'
import { agreed, alarms, Cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { Ledger } from './ledger.ts'

/** Ids under which a stopped node writes: its own, and those of single groups. */
async function replicas(dataDir: string): Promise<readonly string[]> {
  const store = createLevelStore(dataDir)
  await store.open()
  const ids: string[] = []
  for await (const { rows } of store.rows()) {
    for (const row of rows.filter(({ key }) => /^state!(replica$|writer!)/.test(key))) {
      const parsed = parseRow(row)
      if (parsed.type === 'replica' || parsed.type === 'writer') ids.push(parsed.replica)
    }
  }
  await store.close()
  return ids
}

const RENEWED = /^identity-renewed: the data directory was copied, moved or cut off unsynced: /
const REUSED = /^identity-reused: group main: \d+ events of /
const TWINS = /^another process runs with this identity/

test('a process on a copied data directory gives way to the original, and keeps what it wrote', {
  timeout: 300_000,
}, async () => {
  await using cluster = await Cluster.create()
  const ledger = new Ledger()
  let [a, b, c] = await cluster.startThree('a', 'b', 'c')
  await ledger.writeMany(a, 'before', 10)
  await agreed([a, b, c])
  await cluster.end(a.peer)
  const cloneDir = cluster.dataDir('clone')
  await cp(a.dataDir, cloneDir, { recursive: true })

  // Both write, out of each other's reach.
  a = await cluster.start('a')
  let clone = await cluster.startAway('clone', '--network', 'elsewhere')
  await eventually(
    () => alarms(clone.peer),
    (told) => told.some((reason) => RENEWED.test(reason)),
  )
  const writers = [a, clone, b].map((member) => ledger.writeMany(member, member.name, 15))
  await Promise.all(writers)
  await cluster.end(clone.peer)

  // In one network two processes with one key are one too many: the one that started last ends itself.
  const to = await b.peer.listen()
  const twin = cluster.launchAway('clone', '--join', ...to)
  const [exit] = await Promise.all([twin.ended(), ledger.writeMany(a, 'meanwhile', 15)])
  expect(exit).toBe(78)
  const { error } = JSON.parse(twin.errors.join(''))
  expect(error).toMatchObject({ code: 'ERR_IDENTITY', hint: expect.stringMatching('identity.key') })
  await agreed([a, b, c])
  await eventually(
    () => alarms(a.peer),
    (told) => told.length > 0 && told.every((reason) => TWINS.test(reason)),
  )

  // As a peer of its own.
  await rm(join(cloneDir, 'identity.key'))
  clone = await cluster.startAway('clone', '--join', ...to)
  await Promise.all([a, clone].map((member) => ledger.writeMany(member, `again ${member.name}`, 5)))
  await agreed([a, clone, b, c])
  await ledger.expectOn([a, clone, b, c])

  const about = cluster.alarms().filter((reason) => !TWINS.test(reason))
  expect(about).toEqual([expect.stringMatching(RENEWED)])
  for (const { peer } of [a, clone]) await cluster.end(peer)
  const ids = [...(await replicas(a.dataDir)), ...(await replicas(cloneDir))]
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(2)
})

test('an old database put back in place finds out, and nothing of either history is lost', {
  timeout: 300_000,
}, async () => {
  await using cluster = await Cluster.create()
  const ledger = new Ledger()
  let [a, b, c] = await cluster.startThree('a', 'b', 'c')
  await ledger.writeMany(a, 'early', 10)
  await ledger.writeMany(b, 'early of b', 5)
  await agreed([a, b, c])
  await cluster.end(a.peer)
  const database = join(a.dataDir, 'db')
  const old = join(cluster.directory, 'db-of-earlier')
  await cp(database, old, { recursive: true })

  a = await cluster.start('a')
  await ledger.writeMany(a, 'late', 20)
  await agreed([a, b, c])
  await cluster.end(a.peer)
  const [former] = await replicas(a.dataDir)
  await rm(database, { recursive: true })
  await cp(old, database, { recursive: true })

  // Out of reach of the others, who go on.
  a = await cluster.start('a', '--network', 'elsewhere')
  await Promise.all([ledger.writeMany(a, 'offline', 25), ledger.writeMany(b, 'meanwhile', 10)])
  await ledger.remove(a, 'early 3')
  expect(alarms(a.peer)).toEqual([])
  await cluster.end(a.peer)
  expect(await replicas(a.dataDir)).toEqual([former])

  a = await cluster.start('a')
  await ledger.writeMany(a, 'back', 5)
  await agreed([a, b, c])
  await ledger.expectOn([a, b, c])
  expect(alarms(a.peer)).toEqual([expect.stringMatching(REUSED)])

  await cluster.end(a.peer)
  const renewed = (await replicas(a.dataDir)).filter((id) => id !== former)
  expect(renewed).toHaveLength(1)
  a = await cluster.start('a')
  await ledger.writeMany(a, 'after', 5)
  await agreed([a, b, c])
  await ledger.expectOn([a, b, c])
  expect(cluster.alarms()).toEqual([expect.stringMatching(REUSED)])
})
