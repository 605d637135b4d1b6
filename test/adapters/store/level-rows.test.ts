import { expect, test } from 'vitest'
import { rowOperations, rowPages } from '../../../src/adapters/store/level-rows.ts'
import { fromHex, fromUtf8, hex, utf8 } from '../../../src/base/bytes.ts'

// docs/PROTOCOL.md, "Data directory".
const GOLDEN = '00aebc4076616c7565'

interface Read {
  readonly rows: readonly string[]
  readonly damaged: readonly string[]
}

async function readBack(entries: [string, Uint8Array][]): Promise<Read> {
  const pages = [entries, []]
  const iterator = { nextv: async () => pages.shift() ?? [], close: async () => {} }
  const rows: string[] = []
  const damaged: string[] = []
  for await (const page of rowPages(iterator, 'here')) {
    for (const { key, value } of page.rows) rows.push(`${key}=${fromUtf8(value)}`)
    for (const { key, reason, bytes } of page.damaged)
      damaged.push(`${key}: ${reason}: ${hex(bytes)}`)
  }
  return { rows, damaged }
}

function sealed(...texts: readonly string[]): [string, Uint8Array][] {
  return rowOperations(texts.map((key) => ({ key, value: utf8(key) }))).map((row) => [
    row.key,
    row.type === 'put' ? row.value : utf8(''),
  ])
}

function golden(): Uint8Array {
  return fromHex(GOLDEN) ?? new Uint8Array(0)
}

test('rowOperations() writes the golden bytes, rowPages() reads them', async () => {
  const [operation] = rowOperations([{ key: 'k1', value: utf8('value') }])
  expect(operation?.type === 'put' ? hex(operation.value) : '').toBe(GOLDEN)
  expect(await readBack([['k1', golden()]])).toEqual({ rows: ['k1=value'], damaged: [] })
})

test('rowPages() reports a value under another key, cut short, or changed in any byte', async () => {
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
  for (const [key, bytes] of cases) {
    const reason = bytes.length < 4 ? 'it is too short' : 'its checksum does not match'
    expect(await readBack([[key, bytes]])).toEqual({
      rows: [],
      damaged: [`${key}: ${reason}: ${hex(bytes)}`],
    })
  }
})

test('rowPages() goes on behind a damaged row, whatever its key has become', async () => {
  const [a, b, c] = sealed('a', 'b', 'c')
  if (a === undefined || b === undefined || c === undefined) throw new Error('three rows went in')
  for (const key of ['z', 'A', 'b\u0007\ufffd', 'b'.repeat(5_000)]) {
    const read = await readBack([a, [key, b[1].subarray(1)], c])
    expect(read.rows).toEqual(['a=a', 'c=c'])
    expect(read.damaged).toHaveLength(1)
    expect(read.damaged[0]).toMatch(/^[ -~]{1,4200}$/)
  }
})

test('rowPages() bounds pages of damaged rows too', async () => {
  const entries = Array.from({ length: 2_500 }, (_, i): [string, Uint8Array] => [`k${i}`, utf8('')])
  const pages = [entries, []]
  const iterator = { nextv: async () => pages.shift() ?? [], close: async () => {} }
  const sizes: number[] = []
  for await (const page of rowPages(iterator, 'here')) sizes.push(page.damaged.length)
  expect(sizes).toEqual([1_024, 1_024, 452])
})

test('rowPages() refuses sound rows out of order or twice', async () => {
  const [a, b] = sealed('a', 'b')
  if (a === undefined || b === undefined) throw new Error('two rows went in')
  expect(await readBack([a, b])).toEqual({ rows: ['a=a', 'b=b'], damaged: [] })
  await expect(readBack([b, a])).rejects.toMatchObject({ code: 'ERR_STORE' })
  await expect(readBack([a, a])).rejects.toMatchObject({ code: 'ERR_STORE' })
})
