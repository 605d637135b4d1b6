import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readBackup } from '../../src/adapters/store/read-backup.ts'
import { temporaryDirectory } from '../adapters/store/temporary-directory.ts'
import { localNode } from './local-node.ts'

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const held: Uint8Array[] = []
  for await (const piece of pieces) held.push(piece)
  return Buffer.concat(held)
}

test('backup() holds the rows of every group, and not who writes them', async () => {
  const { node } = localNode()
  await node.set('guests').add(['ada', 'bob'])
  await node.group('team').counter('votes').add(3)
  const file = join(await temporaryDirectory(), 'x.backup')
  await writeFile(file, await all(node.backup()))
  const keys: string[] = []
  const info = await readBackup(file, (rows) => {
    for (const { key } of rows) keys.push(key)
  })
  expect(info).toMatchObject({ name: 'one', network: 'test', damaged: 0, rows: keys.length })
  const state = keys.filter((key) => key.startsWith('state!'))
  expect(state).toEqual(['state!log!6d61696e!00000000000001', 'state!log!7465616d!00000000000001'])
})

test('backup() allows four at once, and again when one has ended', async () => {
  const { node } = localNode()
  const open = Array.from({ length: 4 }, () => node.backup()[Symbol.asyncIterator]())
  for (const backup of open) await backup.next()
  await expect(all(node.backup())).rejects.toMatchObject({ code: 'ERR_OVERLOADED' })
  await open[0]?.return?.()
  expect((await all(node.backup())).length).toBeGreaterThan(100)
})

test('backup() ends with its signal', async () => {
  const { node } = localNode()
  const stop = new AbortController()
  const backup = node.backup({ signal: stop.signal })[Symbol.asyncIterator]()
  await backup.next()
  stop.abort(new Error('enough'))
  await expect(backup.next()).rejects.toThrow('enough')
  await expect(all(node.backup({ signal: stop.signal }))).rejects.toThrow('enough')
})
