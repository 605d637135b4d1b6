import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createClient } from '../../src/http/client.ts'
import { checkBackup } from '../../src/index.ts'
import { temporaryDirectory } from '../adapters/store/temporary-directory.ts'
import { BASE, fixture, TOKEN } from './ask.ts'

test('GET /v1/backup is a whole backup', async () => {
  const { api, node, ask } = fixture()
  await node.set('s').add(['ada', 'bob'])
  const client = createClient({ url: BASE, token: TOKEN, fetch: (request) => api.fetch(request) })
  const held: Uint8Array[] = []
  for await (const piece of client.backup()) held.push(piece)
  const file = join(await temporaryDirectory(), 'x.backup')
  await writeFile(file, Buffer.concat(held))
  expect(await checkBackup(file)).toMatchObject({ network: 'test', damaged: 0 })
  const { headers } = await ask('GET', '/v1/backup')
  expect(headers.get('content-type')).toBe('application/vnd.hearsay.backup')
  expect(headers.get('content-disposition')).toContain('attachment')
})

test('GET /v1/backup needs the token, and is 429 while four are under way', async () => {
  const { api, ask } = fixture()
  expect((await ask('GET', '/v1/backup', undefined, { authorization: 'x' })).status).toBe(401)
  const url = `${BASE}/v1/backup`
  const headers = { authorization: `Bearer ${TOKEN}` }
  const open = await Promise.all(
    Array.from({ length: 4 }, () => api.fetch(new Request(url, { headers }))),
  )
  expect((await ask('GET', '/v1/backup')).body).toMatchObject({ status: 429 })
  // Whoever hangs up ends theirs.
  await open[0]?.body?.cancel()
  expect((await ask('GET', '/v1/backup')).status).toBe(200)
})
