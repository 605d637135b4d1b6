import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createClient } from '../../src/http/client.ts'
import { exportText } from '../../src/http/export.ts'
import { localNode } from '../node/local-node.ts'
import { BASE, fixture, TOKEN } from './ask.ts'

async function filled() {
  const made = fixture()
  const { node } = made
  await node.counter('votes').add(-3)
  await node.counter('large').add(Number.MAX_SAFE_INTEGER)
  await node.counter('large').add(Number.MAX_SAFE_INTEGER)
  await node.set('guests').add(['ada', 'a "b", c', '=1+1'])
  await node.register('motto').set({ text: 'trust' })
  await node.map('users').set(['ada', 'na.me'], 'Ada')
  await node.map('users').set(['ada', 'tags'], ['x'])
  await node.map('users').set(['bob'], { age: 7, none: {} })
  await node.map('users').counterAt(['cyd']).add(2)
  await node.group('team').register('line').set(' two\nlines')
  return made
}

/** Cells of CSV text as RFC 4180 has them. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g
  let row: string[] = []
  for (const [, quoted, bare = '', end] of text.matchAll(cell)) {
    row.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    rows.push(row)
    row = []
  }
  return rows
}

describe('GET /v1/export', () => {
  test('NDJSON has one object per value of all groups', async () => {
    const { ask } = await filled()
    const asked = await ask('GET', '/v1/export')
    expect(asked.headers.get('content-type')).toBe('application/x-ndjson')
    expect(asked.headers.get('content-disposition')).toContain('attachment')
    const main = { group: 'main' }
    const users = { ...main, name: 'users', type: 'map' }
    const guests = { ...main, name: 'guests', type: 'set' }
    const lines = asked.text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ...guests, value: '=1+1' },
      { ...guests, value: 'a "b", c' },
      { ...guests, value: 'ada' },
      { ...main, name: 'large', type: 'counter', value: '18014398509481982' },
      { ...main, name: 'motto', type: 'register', value: { text: 'trust' } },
      { ...users, path: ['ada', 'na.me'], value: 'Ada' },
      { ...users, path: ['ada', 'tags'], value: ['x'] },
      { ...users, path: ['bob', 'age'], value: 7 },
      { ...users, path: ['bob', 'none'], value: {} },
      { ...users, path: ['cyd'], value: 2 },
      { ...main, name: 'votes', type: 'counter', value: -3 },
      { group: 'team', name: 'line', type: 'register', value: ' two\nlines' },
    ])
  })

  test('CSV quotes what needs it, and nothing else', async () => {
    const { ask } = await filled()
    const asked = await ask('GET', '/v1/export?format=csv')
    expect(asked.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(asked.text).toContain('\r\nmain,guests,set,,"a ""b"", c"\r\nmain,guests,set,,ada\r\n')
    expect(parseCsv(asked.text)).toEqual([
      ['group', 'name', 'type', 'path', 'value'],
      ['main', 'guests', 'set', '', '=1+1'],
      ['main', 'guests', 'set', '', 'a "b", c'],
      ['main', 'guests', 'set', '', 'ada'],
      ['main', 'large', 'counter', '', '18014398509481982'],
      ['main', 'motto', 'register', '', '{"text":"trust"}'],
      ['main', 'users', 'map', 'ada.na\\.me', 'Ada'],
      ['main', 'users', 'map', 'ada.tags', '["x"]'],
      ['main', 'users', 'map', 'bob.age', '7'],
      ['main', 'users', 'map', 'bob.none', '{}'],
      ['main', 'users', 'map', 'cyd', '2'],
      ['main', 'votes', 'counter', '', '-3'],
      ['team', 'line', 'register', '', ' two\nlines'],
    ])
  })

  test('?group= exports one group; an unknown format is 400', async () => {
    const { ask } = await filled()
    const team = await ask('GET', '/v1/export?group=team')
    expect(team.text.trimEnd().split('\n')).toHaveLength(1)
    expect((await ask('GET', '/v1/export?group=none')).text).toBe('')
    expect((await ask('GET', '/v1/export?format=xml')).body).toMatchObject({
      status: 400,
      code: 'ERR_INVALID',
    })
  })

  test('any text survives CSV', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 20 }), { minLength: 1 }),
        async (values) => {
          const { node } = localNode()
          await node.set('s').add(values)
          let text = ''
          for await (const piece of exportText([node.group('main')], 'csv')) text += piece
          const cells = parseCsv(text).slice(1)
          expect(cells.map((row) => row[4])).toEqual(node.set('s').values)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('a set of many values is answered in pieces, as JSON like any other', async () => {
    const { ask, node } = fixture()
    const values = Array.from({ length: 9_000 }, (_, i) => `"${i}" ü`)
    await node.set('many').add(values)
    const { text, headers } = await ask('GET', '/v1/objects/many')
    expect(headers.get('content-type')).toBe('application/json')
    const answer = { name: 'many', type: 'set', values: node.set('many').values }
    expect(JSON.parse(text)).toEqual(answer)
  })

  test('is made in pieces of about 64 KiB, only when they are read', async () => {
    const { api, node } = fixture()
    const values = Array.from({ length: 10_000 }, (_, i) => `value ${i}`)
    await node.set('many').add(values)
    const client = createClient({ url: BASE, token: TOKEN, fetch: (request) => api.fetch(request) })
    const sizes: number[] = []
    let text = ''
    for await (const piece of client.export({ group: 'main' })) {
      sizes.push(piece.length)
      text += new TextDecoder().decode(piece)
    }
    expect(Math.max(...sizes)).toBeLessThan(66 * 1024)
    expect(sizes.length).toBeGreaterThan(5)
    expect(text.trimEnd().split('\n')).toHaveLength(10_000)
    let reads = 0
    const counted = {
      ...node.group('main'),
      counter: (name: string) => {
        reads += 1
        return node.counter(name)
      },
    }
    await node.transact((t) => {
      for (let i = 0; i < 4000; i++) t.counter(`counter ${i}`).add(1)
    })
    const pieces = exportText([counted], 'ndjson')
    await pieces.next()
    expect(reads).toBeLessThan(2000)
    await pieces.return()
  })
})
