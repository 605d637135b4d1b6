import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { describe, expect, test } from 'vitest'
import { createLevelStore, type LevelStore } from '../../../src/adapters/store/level-store.ts'
import { STORE_MIGRATIONS, type StoreMigration } from '../../../src/adapters/store/migrations.ts'
import { hex } from '../../../src/base/bytes.ts'
import type { StoreRow } from '../../../src/base/core.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { RunReader } from '../../../src/crdt/run-reader.ts'
import { Group } from '../../../src/replication/group/group.ts'
import type { GroupView } from '../../../src/replication/group/group-view.ts'
import { packedRuns } from '../../../src/replication/group/repack.ts'
import { REPLICATION_DEFAULTS } from '../../../src/replication/options.ts'
import { Replication } from '../../../src/replication/replication.ts'
import { restore } from '../../../src/replication/store/restore.ts'
import { parseRow } from '../../../src/replication/store/rows.ts'
import { allDamaged, allRows } from './store-contract.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/*
 * fixtures/format-1.*: the stores of two nodes as the last version with format 1 wrote them, and what its
 * handles showed. Ada and bea wrote apart, then together; ada stopped first and lacks bea's last events.
 * A line is the owner of the row, its key, its value in base64.
 */

type Owner = 'ada' | 'bea'

interface Shown {
  readonly object: string
  readonly type: 'counter' | 'set' | 'register' | 'map'
  readonly value: unknown
}

type Values = Record<
  Owner,
  Record<
    string,
    { readonly objects: readonly Shown[]; readonly vector: Readonly<Record<string, number>> }
  >
>

const SYNCED = { isSynced: true }
const NOW = Date.UTC(2027, 0, 1)
const OWNERS: readonly Owner[] = ['ada', 'bea']
const OLD_LOG_KEY = /^state!log!.*!.*!/

async function fixture(name: string): Promise<string> {
  return readFile(new URL(`fixtures/format-1.${name}`, import.meta.url), 'utf8')
}

const VALUES = JSON.parse(await fixture('values.json')) as Values
const LINES = (await fixture('rows.txt')).trimEnd().split('\n')

function oldRows(owner: Owner): readonly StoreRow[] {
  return LINES.flatMap((line) => {
    const [whose, key = '', value = ''] = line.split(' ')
    if (whose !== owner && whose !== 'both') return []
    return [{ key, value: Uint8Array.from(Buffer.from(value, 'base64')) }]
  })
}

/** A directory as the old version left it. */
async function oldDirectory(rows: readonly StoreRow[]): Promise<string> {
  const directory = await temporaryDirectory()
  const store = createLevelStore(directory, { format: 1 })
  await store.open()
  await store.commit(rows, SYNCED)
  await store.close()
  return directory
}

async function opened(
  directory: string,
  migrations: readonly StoreMigration[] = STORE_MIGRATIONS,
): Promise<LevelStore> {
  const store = createLevelStore(directory, { migrations })
  await store.open()
  return store
}

async function stateOf(store: LevelStore): Promise<Replication> {
  const replication = new Replication({ random: seededRandom([1]) })
  for (const row of await allRows(store)) {
    if (row.key.startsWith('state!')) replication.load(row)
  }
  replication.start(NOW)
  return replication
}

function shownValue(view: GroupView, { object, type }: Shown): unknown {
  switch (type) {
    case 'counter':
      return String(view.counter(object))
    case 'set':
      return view.setValues(object)
    case 'register':
      return view.register(object)
    case 'map':
      return view.map(object)
  }
}

function expectValues(replication: Replication, owner: Owner): void {
  const groups = VALUES[owner]
  expect([...replication.groups()].sort()).toEqual(Object.keys(groups).sort())
  for (const [group, { objects, vector }] of Object.entries(groups)) {
    const view = replication.view(group)
    expect(view.objects()).toEqual(objects.map(({ object: name, type }) => ({ name, type })))
    for (const shown of objects) expect(shownValue(view, shown)).toEqual(shown.value)
    expect(Object.fromEntries(replication.vector(group))).toEqual(vector)
  }
}

/** The groups of a store, for tests of what peers would send each other. */
async function groupsOf(store: LevelStore): Promise<ReadonlyMap<string, Group>> {
  const groups = new Map<string, Group>()
  for (const row of await allRows(store)) {
    const parsed = row.key.startsWith('state!') ? parseRow(row) : undefined
    if (parsed?.type !== 'log') continue
    const { group: name, runs } = parsed
    const group = groups.get(name) ?? new Group(name, REPLICATION_DEFAULTS, new RunReader())
    groups.set(name, group)
    for (const bytes of runs) expect(restore(group, bytes)).toBeDefined()
  }
  return groups
}

/** As the step of the present version, but the machine stops after some batches. */
function crashing(batches: number): StoreMigration {
  return {
    from: 1,
    async *migrate(pages) {
      let left = batches
      for (const step of STORE_MIGRATIONS.filter(({ from }) => from === 1)) {
        for await (const writes of step.migrate(singles(pages))) {
          if (left === 0) throw new Error('crash')
          left -= 1
          yield writes
        }
      }
      throw new Error('crash')
    },
  }
}

/** One row a page: as many batches as rows. */
async function* singles(
  pages: AsyncIterable<readonly StoreRow[]>,
): AsyncGenerator<readonly StoreRow[]> {
  for await (const rows of pages) for (const row of rows) yield [row]
}

const asText = ({ key, value }: StoreRow): string => `${key} ${hex(value)}`
const notLog = ({ key }: StoreRow): boolean => !key.startsWith('state!log!')

describe.each(OWNERS)('the store that %s wrote in format 1', (owner) => {
  test('shows the same values and version vectors', async () => {
    const directory = await oldDirectory(oldRows(owner))
    const store = await opened(directory)
    expect(store.migratedFrom).toBe(1)
    expectValues(await stateOf(store), owner)
    await store.close()
  })

  test('keeps its identity and the rows of others, and none of the old log', async () => {
    const before = oldRows(owner)
    const store = await opened(await oldDirectory(before))
    const after = await allRows(store)
    expect(after.filter(notLog).map(asText)).toEqual(before.filter(notLog).map(asText))
    expect(after.filter(({ key }) => OLD_LOG_KEY.test(key))).toEqual([])
    expect(before.filter(notLog).map(({ key }) => key.split('!')[0])).toEqual(
      expect.arrayContaining(['kv', 'member', 'state']),
    )
    await store.close()
  })

  test('is migrated once, and goes on', async () => {
    const directory = await oldDirectory(oldRows(owner))
    await (await opened(directory)).close()
    const again = await opened(directory)
    expect(again.migratedFrom).toBe(undefined)
    const replication = await stateOf(again)
    expectValues(replication, owner)
    replication.handle(
      {
        type: 'transact',
        request: 1,
        group: 'main',
        operations: [{ type: 'set-remove', object: 'many', values: ['element-001'] }],
      },
      NOW,
    )
    replication.handle({ type: 'flush' }, NOW)
    for (let output = replication.poll(); output !== undefined; output = replication.poll()) {
      if (output.type === 'persist') await again.commit(output.writes, SYNCED)
    }
    await again.close()
    const third = await opened(directory)
    const reloaded = await stateOf(third)
    expect(reloaded.view('main').setHas('many', 'element-001')).toBe(false)
    expect(reloaded.status('main').digest).toEqual(replication.status('main').digest)
    await third.close()
  })

  test('is whole in its backup and refused by the version that wrote it', async () => {
    const directory = await oldDirectory(oldRows(owner))
    await (await opened(directory)).close()
    const before = await readdir(directory)
    expect(before).toContain('db.backup-1')
    await expect(createLevelStore(directory, { format: 1 }).open()).rejects.toMatchObject({
      code: 'ERR_STORE_VERSION',
    })
    expect(await readdir(directory)).toEqual(before)
    const backup = new ClassicLevel<string, Uint8Array>(join(directory, 'db.backup-1'), {
      valueEncoding: 'view',
    })
    const kept = await backup.keys({ gte: ' ' }).all()
    await backup.close()
    expect(kept).toEqual(
      oldRows(owner)
        .map(({ key }) => key)
        .sort(),
    )
  })

  test.each([0, 1, 20, 40])('survives a crash after %i batches', async (batches) => {
    const directory = await oldDirectory(oldRows(owner))
    await expect(opened(directory, [crashing(batches)])).rejects.toThrow('crash')
    const store = await opened(directory)
    expect(store.migratedFrom).toBe(1)
    expectValues(await stateOf(store), owner)
    expect((await allRows(store)).filter(({ key }) => OLD_LOG_KEY.test(key))).toEqual([])
    await store.close()
  })
})

test('members that migrate each for itself agree on chains, and pull what they lack', async () => {
  const [ada, bea] = await Promise.all(
    OWNERS.map(async (owner) => {
      const store = await opened(await oldDirectory(oldRows(owner)))
      const groups = await groupsOf(store)
      await store.close()
      return groups
    }),
  )
  const lacking: string[] = []
  for (const [name, theirs] of bea ?? []) {
    const ours = ada?.get(name)
    if (ours === undefined) throw new Error(`no group ${name}`)
    const { state } = theirs
    for (let writer = 0; writer < state.replicaCount; writer++) {
      const replica = state.replicaAt(writer)
      const known = ours.state.haveOf(replica)
      if (known < state.have(writer)) lacking.push(name)
      for (const run of packedRuns(theirs, writer, known, new RunReader())) {
        expect(ours.receive(run.bytes).type).toBe('integrated')
      }
      expect(ours.state.chainOf(ours.state.intern(replica))).toEqual(state.chainOf(writer))
    }
    expect(ours.digest()).toEqual(theirs.digest())
  }
  expect(lacking).toEqual(['main', 'team'])
})

describe('damage in a store of format 1', () => {
  const rows = oldRows('bea')
  const logKeys = rows.filter((row) => !notLog(row)).map(({ key }) => key)
  const [firstKey = '', secondKey = ''] = logKeys
  const lastKey = logKeys.at(-1) ?? ''

  /** The rows, with one whose bytes the disk changed. */
  async function damagedAt(key: string): Promise<string> {
    const directory = await oldDirectory(rows)
    const database = new ClassicLevel<string, Uint8Array>(join(directory, 'db'), {
      valueEncoding: 'view',
      compression: false,
    })
    const value = (await database.get(key))?.slice() ?? new Uint8Array()
    value[20] = (value[20] ?? 0) ^ 1
    await database.put(key, value)
    await database.close()
    return directory
  }

  test.each([
    ['a damaged row', firstKey],
    ['two rows, a damaged one between them', secondKey],
  ])('%s: refuses as long as it is there, the backup is whole', async (_, key) => {
    const directory = await damagedAt(key)
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(opened(directory)).rejects.toMatchObject({
        code: 'ERR_STORE',
        message: expect.stringMatching(/rows before state!log!\S* are missing/),
      })
    }
    const backup = new ClassicLevel<string, Uint8Array>(join(directory, 'db.backup-1'))
    expect(await backup.keys({ gte: ' ' }).all()).toEqual(rows.map((row) => row.key).sort())
    await backup.close()
  })

  test('a damaged last row stays where it is and is reported', async () => {
    const store = await opened(await damagedAt(lastKey))
    expect((await allDamaged(store)).map(({ key }) => key)).toEqual([lastKey])
    await store.close()
  })

  test('a damaged row of another owner does not hold up the state', async () => {
    const key = rows.find((row) => row.key.startsWith('kv!'))?.key ?? ''
    const store = await opened(await damagedAt(key))
    expect((await allDamaged(store)).map((row) => row.key)).toEqual([key])
    expectValues(await stateOf(store), 'bea')
    await store.close()
  })
})
