import { expect, test } from 'vitest'
import { createLevelStore } from '../../src/adapters/store/level-store.ts'
import { parseRow } from '../../src/replication/store/rows.ts'
import { agreed, alarms, Cluster } from './cluster.ts'
import { Ledger } from './ledger.ts'

const RELAXED = ['--durability', 'relaxed']
const RENEWED = /^identity-renewed: /
const UNSYNCED = /^store-unsynced: /

/** The id under which a node that has stopped cleanly writes. */
async function replica(dataDir: string): Promise<string> {
  const store = createLevelStore(dataDir)
  await store.open()
  expect(store.wasUnsynced).toBe(false)
  let id = ''
  for await (const { rows } of store.rows()) {
    for (const row of rows.filter(({ key }) => key === 'state!replica')) {
      const parsed = parseRow(row)
      if (parsed.type === 'replica') id = parsed.replica
    }
  }
  await store.close()
  return id
}

test('a node with relaxed durability writes under another id after kill -9, and only then', {
  timeout: 300_000,
}, async () => {
  await using cluster = await Cluster.create()
  const ledger = new Ledger()
  let a = await cluster.start('a', ...RELAXED)
  const [b, c] = await Promise.all([cluster.start('b'), cluster.start('c')])
  await ledger.writeMany(a, 'first', 10)
  await agreed([a, b, c])
  await cluster.end(a.peer, 'SIGTERM')
  const id = await replica(a.dataDir)

  // Stopped cleanly: it is the same writer, and nothing is said.
  a = await cluster.start('a', ...RELAXED)
  await ledger.writeMany(a, 'second', 10)
  await agreed([a, b, c])
  expect(cluster.alarms()).toEqual([])

  await cluster.end(a.peer)
  a = await cluster.start('a', ...RELAXED)
  await ledger.writeMany(a, 'third', 10)
  await agreed([a, b, c])
  await ledger.expectOn([a, b, c])
  expect(alarms(a.peer)).toEqual([expect.stringMatching(UNSYNCED), expect.stringMatching(RENEWED)])

  // The run that was cut counts, not the one that finds out.
  await cluster.end(a.peer)
  a = await cluster.start('a')
  await ledger.writeMany(a, 'fourth', 5)
  expect(alarms(a.peer)).toHaveLength(2)
  await cluster.end(a.peer)
  a = await cluster.start('a')
  await ledger.writeMany(a, 'fifth', 5)
  await agreed([a, b, c])
  await ledger.expectOn([a, b, c])
  expect(alarms(a.peer)).toEqual([])
  await cluster.end(a.peer, 'SIGTERM')
  expect(await replica(a.dataDir)).not.toBe(id)
  for (const { peer } of [b, c]) expect(alarms(peer)).toEqual([])
})
