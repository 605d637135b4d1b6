import { expect, test } from 'vitest'
import { rowOperations, rowPages } from '../../../src/adapters/store/level-rows.ts'
import { fromHex, fromUtf8, hex, utf8 } from '../../../src/base/bytes.ts'

// docs/PROTOCOL.md, "Data directory".
const GOLDEN = '00aebc4076616c7565'

async function readBack(entries: [string, Uint8Array][]): Promise<readonly string[]> {
  const pages = [entries, []]
  const iterator = { nextv: async () => pages.shift() ?? [], close: async () => {} }
  const rows: string[] = []
  for await (const page of rowPages(iterator, 'here')) {
    for (const { key, value } of page) rows.push(`${key}=${fromUtf8(value)}`)
  }
  return rows
}

function golden(): Uint8Array {
  return fromHex(GOLDEN) ?? new Uint8Array(0)
}

test('rowOperations() writes the golden bytes, rowPages() reads them', async () => {
  const [operation] = rowOperations([{ key: 'k1', value: utf8('value') }])
  expect(operation?.type === 'put' ? hex(operation.value) : '').toBe(GOLDEN)
  expect(await readBack([['k1', golden()]])).toEqual(['k1=value'])
})

test('rowPages() refuses a value under another key, cut short, or changed in any byte', async () => {
  const cases: [string, Uint8Array][] = [
    ['k2', golden()],
    ['k1', golden().subarray(0, 8)],
    ['k1', golden().subarray(0, 3)],
  ]
  for (let at = 0; at < golden().length; at++) {
    const changed = golden()
    changed[at] = (changed[at] ?? 0) ^ 1
    cases.push(['k1', changed])
  }
  for (const entry of cases) {
    await expect(readBack([entry])).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining(`"${entry[0]}"`),
    })
  }
})

test('rowPages() refuses rows out of order or twice', async () => {
  const [a, b] = rowOperations([
    { key: 'a', value: utf8('1') },
    { key: 'b', value: utf8('2') },
  ]).map((row): [string, Uint8Array] => [row.key, row.type === 'put' ? row.value : utf8('')])
  if (a === undefined || b === undefined) throw new Error('two rows went in')
  expect(await readBack([a, b])).toEqual(['a=1', 'b=2'])
  await expect(readBack([b, a])).rejects.toMatchObject({ code: 'ERR_STORE' })
  await expect(readBack([a, a])).rejects.toMatchObject({ code: 'ERR_STORE' })
})
