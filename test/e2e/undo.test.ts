import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hearsay } from './cli-process.ts'
import { PeerProcess } from './peer-process.ts'

const directory = await mkdtemp(join(tmpdir(), 'hearsay-undo-'))
const runtimeDir = join(directory, 'run')
const running = new Set<PeerProcess>()

afterAll(async () => {
  await Promise.all([...running].map((peer) => peer.end('SIGKILL')))
  await rm(directory, { recursive: true, force: true })
})

function start(name: string): PeerProcess {
  const args = ['--name', name, '--data-dir', join(directory, name)]
  const peer = new PeerProcess({ runtimeDir, args })
  running.add(peer)
  return peer
}

async function ok(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await hearsay(runtimeDir, args)
  expect([args, code, err]).toEqual([args, 0, expect.any(String)])
  return out
}

test('each node undoes its own transactions, and none from before its start', {
  timeout: 180_000,
}, async () => {
  const a = start('a')
  await Promise.all([a.client(), start('b').client()])
  // Who has not met anybody yet is converged by itself.
  for (let members = ''; !/"name":"b"/.test(members); ) {
    members = await ok('members', '--json', '--node', 'a')
  }
  await ok('set', 'add', 'guests', 'ada', 'bob', '--node', 'a')
  await ok('set', 'add', 'guests', 'cyd', '--node', 'b')
  await ok('converged', '--node', 'a', '--timeout', '10s')
  await ok('undo', '--node', 'a')
  await ok('converged', '--node', 'a', '--timeout', '10s')
  expect(await ok('set', 'list', 'guests', '--node', 'b')).toBe('cyd\n')
  await ok('undo', '--node', 'a')
  await ok('converged', '--node', 'a', '--timeout', '10s')
  expect(await ok('set', 'list', 'guests', '--node', 'b')).toBe('ada\nbob\ncyd\n')

  await a.end('SIGKILL')
  running.delete(a)
  await start('a').client()
  const again = await hearsay(runtimeDir, ['undo', '--node', 'a'])
  expect(again).toMatchObject({ code: 4, out: '' })
  expect(again.err).toContain('nothing was written here')
  expect(await ok('set', 'list', 'guests', '--node', 'a')).toBe('ada\nbob\ncyd\n')
})
