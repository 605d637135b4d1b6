import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeApi } from './fake-api.ts'

const MADE = {
  ...{ id: '0'.repeat(32), network: 'team', role: 'member', invite: 'hearsay-invite-1.secret' },
  expiresAt: '2026-01-01T00:00:00.000Z',
}
const PEER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'

let api: FakeApi
let directory = ''
let file = ''
beforeEach(async () => {
  api = new FakeApi()
  await api.start()
  api.answers.set('POST /v1/invites', { body: MADE })
  directory = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  file = join(directory, 'bob.invite')
})
afterEach(async () => {
  await api.stop()
  await rm(directory, { recursive: true })
})

describe('invite FILE', () => {
  test('writes the secret into the file, for nobody else to read, and nowhere else', async () => {
    const { code, io } = await api.run(['invite', file, '--json'])
    expect([code, io.err()]).toEqual([0, expect.not.stringContaining('secret')])
    const { invite: _, ...told } = MADE
    expect(JSON.parse(io.out())).toEqual({ file, ...told })
    expect(await readFile(file, 'utf8')).toBe(`${MADE.invite}\n`)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['bob.invite'])
  })

  test('replaces nothing, and asks for no invite that could not be kept', async () => {
    await writeFile(file, 'mine')
    const { code, io } = await api.run(['invite', file])
    expect([code, io.out()]).toEqual([1, ''])
    expect(io.err()).toContain('it exists (ERR_FILE)')
    expect(await readFile(file, 'utf8')).toBe('mine')
    expect((await api.run(['invite', join(directory, 'none', 'x')])).code).toBe(1)
    expect(api.seen).toEqual([])
  })

  test('leaves no file when there is no invite', async () => {
    api.answers.set('POST /v1/invites', {
      status: 409,
      body: { code: 'ERR_UNSUPPORTED', detail: 'Cannot invite', hint: '' },
    })
    expect((await api.run(['invite', file])).code).not.toBe(0)
    expect((await api.run(['invite', file, '--curl'])).code).toBe(0)
    expect(await readdir(directory)).toEqual([])
  })
})

test('invites shows who may join, whom an invite became, and what else was revoked', async () => {
  const [issuedAt, expiresAt] = ['2025-12-01T00:00:00.000Z', MADE.expiresAt]
  const times = { issuedAt, expiresAt }
  const [at, until] = ['2025-12-02T00:00:00.000Z', '2026-12-02T00:00:00.000Z']
  const list = {
    invites: [
      { id: 'a', role: 'member', state: 'unused', ...times },
      { id: 'b', role: 'member', state: 'revoked', peerId: PEER, ...times, usedAt: issuedAt },
    ],
    revocations: [
      { id: 'b', revokedAt: at, until },
      { id: 'c', revokedAt: at, until },
    ],
  }
  api.answers.set('GET /v1/invites', { body: list })
  expect(JSON.parse((await api.run(['invites', '--json'])).io.out())).toEqual(list)
  const rows = (await api.run(['invites'])).io.out().trimEnd().split('\n')
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
    ['ID', 'ROLE', 'STATE', 'PEER', 'ISSUED', 'EXPIRES', 'REVOKED'],
    ['a', 'member', 'unused', '-', issuedAt, expiresAt, '-'],
    ['b', 'member', 'revoked', PEER, issuedAt, expiresAt, at],
    ['c', '-', 'revoked', '-', '-', until, at],
  ])
})
