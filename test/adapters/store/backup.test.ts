import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  BACKUP_VERSION,
  type BackupHeader,
  PREAMBLE_BYTES,
  readBlockHead,
  writeBlock,
  writeJson,
  writePreamble,
  writeRows,
} from '../../../src/adapters/store/backup-format.ts'
import { createLevelStore } from '../../../src/adapters/store/level-store.ts'
import { createMemoryStore } from '../../../src/adapters/store/memory-store.ts'
import { checkBackup, restoreStore } from '../../../src/adapters/store/restore-store.ts'
import type { Store, StorePage } from '../../../src/adapters/store/store.ts'
import { STORE_FORMAT } from '../../../src/adapters/store/store.ts'
import { writeBackup } from '../../../src/adapters/store/write-backup.ts'
import { hex, utf8 } from '../../../src/base/bytes.ts'
import type { StoreRow } from '../../../src/base/core.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const ABOUT = {
  name: 'a',
  peerId: 'peer-a',
  network: 'hearsay',
  version: '0.1.0',
  createdAt: '2026-01-01T00:00:00.000Z',
}
const HEADER: BackupHeader = { format: STORE_FORMAT, ...ABOUT }
const BLOCK_EXTRA = 9

let directory = ''
let file = ''
beforeEach(async () => {
  directory = await temporaryDirectory()
  file = join(directory, 'x.backup')
})

function row(key: string, value: string): StoreRow {
  return { key, value: utf8(value) }
}

async function pieces(store: Pick<Store, 'rows'>): Promise<readonly Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const piece of writeBackup(store, ABOUT)) all.push(piece)
  return all
}

/** A store that gives these pages. */
function paged(...given: readonly (readonly StoreRow[])[]): Pick<Store, 'rows'> {
  return {
    async *rows() {
      for (const rows of given) yield { rows, damaged: [] }
    },
  }
}

const PAGES = [
  [row('kv!1', 'one'), row('member!epoch', '\u0001')],
  [row('state!log!6d!00000000000001', 'first')],
  [row('state!place', 'here'), row('state!replica', 'mine')],
  [row('state!writer!6d61696e', 'mine too'), row('state!z', '')],
]

async function rowsOf(store: Store): Promise<Readonly<Record<string, string>>> {
  const rows: Record<string, string> = {}
  for await (const page of store.rows()) {
    expect(page.damaged).toEqual([])
    for (const { key, value } of page.rows) rows[key] = Buffer.from(value).toString()
  }
  return rows
}

/** Refused, and the directory is not even made. */
async function expectRefused(bytes: Uint8Array, why: string | RegExp): Promise<void> {
  await writeFile(file, bytes)
  const restored = join(directory, 'restored')
  await expect(restoreStore(file, { directory: restored })).rejects.toMatchObject({
    code: 'ERR_BACKUP',
    message: expect.stringMatching(why),
  })
  expect(await readdir(directory)).toEqual(['x.backup'])
}

describe('writeBackup()', () => {
  test('golden bytes', async () => {
    const [preamble, ...blocks] = await pieces(paged([row('k1', 'value')]))
    expect(hex(preamble ?? new Uint8Array())).toBe('686561727361792d6261636b75700a01')
    expect(hex(blocks[1] ?? new Uint8Array())).toBe('0200000009026b310576616c7565e560ffd5')
    expect(blocks).toHaveLength(3)
  })

  test('is one moment of a directory that goes on being written', async () => {
    const store = createLevelStore(join(directory, 'live'))
    await store.open()
    const value = new Uint8Array(3_000)
    const before = Array.from({ length: 2_000 }, (_, i) => `state!a${String(i).padStart(5, '0')}`)
    await store.commit(
      before.map((key) => ({ key, value })),
      { isSynced: true },
    )
    const backup = writeBackup(store, ABOUT)
    const all: Uint8Array[] = []
    let round = 0
    for await (const piece of backup) {
      all.push(piece)
      // The snapshot is taken with the first page, which is the third piece.
      if (all.length < 3) continue
      round += 1
      await store.commit(
        [
          { key: before[round] ?? '', value: undefined },
          { key: before.at(-round) ?? '', value: utf8('changed') },
          { key: `state!b${round}`, value },
        ],
        { isSynced: true },
      )
    }
    await store.close()
    expect(round).toBeGreaterThan(3)
    expect(Math.max(...all.map((piece) => piece.length))).toBeLessThan(1.1 * 1_048_576)
    await writeFile(file, Buffer.concat(all))
    const restored = join(directory, 'restored')
    const info = await restoreStore(file, { directory: restored })
    expect(info).toMatchObject({ rows: 2_000, damaged: 0, name: 'a' })
    const copy = createLevelStore(restored)
    await copy.open()
    const rows = await rowsOf(copy)
    await copy.close()
    expect(Object.keys(rows)).toEqual(before)
    expect(new Set(Object.values(rows).map((text) => text.length))).toEqual(new Set([3_000]))
  })

  test('leaves out damaged rows that others hold, and refuses where nobody could tell', async () => {
    const damaged = (key: string): Pick<Store, 'rows'> => ({
      async *rows(): AsyncGenerator<StorePage> {
        yield { rows: [row('kv!1', 'x')], damaged: [{ key, reason: 'bits', isKept: true }] }
      },
    })
    await writeFile(file, Buffer.concat(await pieces(damaged('kv!0'))))
    expect(await checkBackup(file)).toMatchObject({ rows: 1, damaged: 1 })
    await expect(pieces(damaged('state!log!6d!00000000000001'))).rejects.toMatchObject({
      code: 'ERR_STORE',
    })
  })
})

describe('restoreStore()', () => {
  test('gives back every row but the identity of the writer', async () => {
    await writeFile(file, Buffer.concat(await pieces(paged(...PAGES))))
    const restored = join(directory, 'new', 'restored')
    const info = await restoreStore(file, { directory: restored })
    expect(info).toEqual({ ...HEADER, rows: 4, bytes: 59, damaged: 0 })
    const store = createLevelStore(restored)
    await store.open()
    expect(await rowsOf(store)).toEqual({
      'kv!1': 'one',
      'member!epoch': '\u0001',
      'state!log!6d!00000000000001': 'first',
      'state!z': '',
    })
    await store.commit([row('state!later', 'x')], { isSynced: true })
    await store.close()
  })

  test('drops the identity of the writer from a file that has it', async () => {
    const keys = ['state!place', 'state!replica', 'state!writer!6d61696e']
    const rows = keys.map((key) => row(key, 'mine'))
    const totals = { rows: 3, bytes: 57, damaged: 0 }
    await writeFile(
      file,
      Buffer.concat([
        writePreamble(),
        writeBlock('header', writeJson(HEADER), 0),
        writeBlock('rows', writeRows(rows), 1),
        writeBlock('end', writeJson(totals), 2),
      ]),
    )
    await restoreStore(file, { directory: join(directory, 'restored') })
    const store = createLevelStore(join(directory, 'restored'))
    await store.open()
    expect(await rowsOf(store)).toEqual({})
    await store.close()
  })

  test('refuses a file that is cut anywhere', async () => {
    const whole = Buffer.concat(await pieces(paged(...PAGES)))
    for (let length = 0; length < whole.length; length++) {
      const why = length < PREAMBLE_BYTES ? /it is no backup/ : /it ends early/
      await expectRefused(whole.subarray(0, length), why)
    }
  })

  test('refuses a file with any bit flipped', async () => {
    const whole = Buffer.concat(await pieces(paged([row('k1', 'value')])))
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await expectRefused(flipped, /Cannot use backup/)
    }
  })

  test('refuses blocks left out, doubled, exchanged or added', async () => {
    const [preamble, header, a, b, c, end] = await pieces(paged(...PAGES))
    const join = (...parts: readonly (Uint8Array | undefined)[]): Uint8Array =>
      Buffer.concat(parts.map((part) => part ?? new Uint8Array()))
    expect(end).toBeDefined()
    await expectRefused(join(preamble, header, a, c, end), /block 2 is damaged/)
    await expectRefused(join(preamble, header, a, a, b, c, end), /block 2 is damaged/)
    await expectRefused(join(preamble, header, b, a, c, end), /block 1 is damaged/)
    await expectRefused(join(preamble, a, b, c, end), /block 0 is damaged/)
    await expectRefused(join(preamble, header, end), /block 1 is damaged/)
    await expectRefused(join(preamble, header, a, b, c, end, end), /bytes follow/)
  })

  test.each([
    ['a newer version', /its version is 2, this hearsay knows 1/, () => [2]],
    ['an older version', /its version is 0/, () => [0]],
  ])('refuses %s', async (_what, why, version) => {
    expect(BACKUP_VERSION).toBe(1)
    const whole = Buffer.concat(await pieces(paged(...PAGES)))
    whole.set(version(), PREAMBLE_BYTES - 1)
    await expectRefused(whole, why)
  })

  test.each([
    ['rows of a newer format', { ...HEADER, format: STORE_FORMAT + 1 }, /format .* knows/],
    ['a header that is none', { rows: 0, bytes: 0, damaged: 0 }, /begin with a header/],
  ])('refuses %s', async (_what, header, why) => {
    const end = writeJson({ rows: 0, bytes: 0, damaged: 0 })
    await expectRefused(
      Buffer.concat([
        writePreamble(),
        writeBlock('header', writeJson(header), 0),
        writeBlock('end', end, 1),
      ]),
      why,
    )
  })

  test.each([
    ['totals that do not match', [row('k', 'v')], { rows: 2, bytes: 2, damaged: 0 }, /totals/],
    ['rows out of order', [row('b', ''), row('a', '')], { rows: 2, bytes: 2, damaged: 0 }, /order/],
    ['a key no store has', [row('\u0001batch!', '')], { rows: 1, bytes: 7, damaged: 0 }, /rows/],
  ])('refuses %s', async (_what, rows, totals, why) => {
    await expectRefused(
      Buffer.concat([
        writePreamble(),
        writeBlock('header', writeJson(HEADER), 0),
        writeBlock('rows', writeRows(rows), 1),
        writeBlock('end', writeJson(totals), 2),
      ]),
      why,
    )
  })

  test('takes no memory for a length that the file does not have', async () => {
    const head = new Uint8Array([2, 0x1f, 0xff, 0xff, 0xff])
    expect(readBlockHead(head)).toEqual({ type: 'rows', length: 0x1fffffff })
    expect(readBlockHead(new Uint8Array([2, 0xff, 0xff, 0xff, 0xff]))).toBeUndefined()
    expect(readBlockHead(new Uint8Array([1, 0, 2, 0, 0]))).toBeUndefined()
    expect(writeBlock('end', new Uint8Array(3), 0)).toHaveLength(3 + BLOCK_EXTRA)
    const header = writeBlock('header', writeJson(HEADER), 0)
    await expectRefused(Buffer.concat([writePreamble(), header, head]), /it ends early/)
  })

  test('refuses a directory that holds anything, and leaves it as it is', async () => {
    await writeFile(file, Buffer.concat(await pieces(paged(...PAGES))))
    const refused = { code: 'ERR_STORE_NOT_EMPTY' }
    await expect(restoreStore(file, { directory })).rejects.toMatchObject(refused)
    expect(await readdir(directory)).toEqual(['x.backup'])
    await expect(restoreStore(file, { directory: file })).rejects.toMatchObject(refused)
    expect(await checkBackup(file)).toMatchObject({ rows: 4 })
  })

  test('takes an empty directory; of two at once one succeeds', async () => {
    await writeFile(file, Buffer.concat(await pieces(paged(...PAGES))))
    const empty = join(directory, 'empty')
    await mkdir(empty)
    const both = await Promise.allSettled([
      restoreStore(file, { directory: empty }),
      restoreStore(file, { directory: empty }),
    ])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const store = createLevelStore(empty)
    await store.open()
    expect(Object.keys(await rowsOf(store))).toHaveLength(4)
    await store.close()
  })

  test('what fails half way leaves nothing behind', async () => {
    await writeFile(file, Buffer.concat(await pieces(paged(...PAGES))))
    const finish = async (): Promise<void> => {
      throw new Error('no room')
    }
    const made = join(directory, 'made', 'restored')
    await expect(restoreStore(file, { directory: made, finish })).rejects.toThrow('no room')
    expect(await readdir(directory)).toEqual(['x.backup'])
    const empty = join(directory, 'empty')
    await mkdir(empty)
    await expect(restoreStore(file, { directory: empty, finish })).rejects.toThrow('no room')
    expect(await readdir(empty)).toEqual([])
  })

  test('a directory without its marker, as a crash leaves it, is refused by a start', async () => {
    await writeFile(file, Buffer.concat(await pieces(paged(...PAGES))))
    const restored = join(directory, 'restored')
    let names: readonly string[] = []
    const finish = async (): Promise<void> => {
      names = await readdir(restored)
      await expect(createLevelStore(restored).open()).rejects.toMatchObject({
        code: 'ERR_STORE_FOREIGN',
      })
    }
    await restoreStore(file, { directory: restored, finish })
    expect(names).toEqual(['db'])
    const marker = JSON.parse(await readFile(join(restored, 'hearsay-store.json'), 'utf8'))
    expect(marker).toEqual({ kind: 'hearsay-store', format: STORE_FORMAT })
  })

  test('a store in memory has backups too', async () => {
    const store = createMemoryStore([row('kv!1', 'x'), row('state!replica', 'mine')])
    await store.open()
    await writeFile(file, Buffer.concat(await pieces(store)))
    expect(await checkBackup(file)).toMatchObject({ rows: 1, bytes: 5 })
  })
})
