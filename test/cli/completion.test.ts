import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { FakeApi } from './fake-api.ts'
import { testIo } from './test-io.ts'

const MEMBER = {
  ...{ peerId: 'pa', incarnation: 0, addresses: [], tags: {}, protocol: 3, state: 'alive' },
  ...{ digest: '11', since: '2026-01-01T00:00:00.000Z' },
}
const VIEW = {
  ...{ self: 'ada', viewHash: 'ab' },
  members: [
    { ...MEMBER, name: 'ada' },
    { ...MEMBER, name: 'bob\u001b[2J', peerId: 'pb' },
  ],
}
const OBJECTS = {
  objects: [
    { name: 'votes', type: 'counter', group: 'main' },
    { name: 'guests', type: 'set', group: 'main' },
  ],
}

let api: FakeApi

beforeEach(async () => {
  api = new FakeApi()
  await api.start()
  api.answer('GET /v1/members', VIEW)
  api.answer('GET /v1/objects', OBJECTS)
})

afterEach(async () => {
  await api.stop()
})

async function words(...line: readonly string[]): Promise<readonly string[]> {
  const { code, io } = await api.run(['completion', 'words', '--json', '--', ...line])
  expect([code, io.err()]).toEqual([0, ''])
  return JSON.parse(io.out()).words
}

describe('completion words', () => {
  test.each([
    [['ch'], ['chaos']],
    [
      ['chaos', 'p'],
      ['partition', 'pause'],
    ],
    [['--json', 'chaos', 'he'], ['heal']],
    [['--group', 'chaos', 'status', '--qu'], ['--quiet']],
    [['up', '--prof'], ['--profile']],
    [
      ['up', '--profile', ''],
      ['lan', 'local', 'wan'],
    ],
    [['up', '--name', ''], []],
    [['explain', 'a'], ['ada']],
    [
      ['chaos', 'kill', ''],
      ['ada', 'bob\u001b[2J'],
    ],
    [['status', '--node', 'ad'], ['ada']],
    [['counter', 'add', ''], ['votes']],
    [['counter', 'add', 'votes', ''], []],
    [['set', 'list', 'g'], ['guests']],
    [
      ['watch', ''],
      ['guests', 'votes'],
    ],
    [['nonsense', ''], []],
  ])('%j → %j', async (line, expected) => {
    expect(await words(...line)).toEqual(expected)
  })

  test('of nothing are all verbs', async () => {
    const found = await words('')
    expect(found).toEqual([...VERBS.map(({ name }) => name), 'help'].sort())
    expect(await words()).toEqual(found)
  })

  test('where no node runs are none, and no failure', async () => {
    const io = testIo({ env: { HEARSAY_RUNTIME_DIR: '/nonexistent/hearsay' } })
    expect(await run(['completion', 'words', '--', 'explain', ''], io)).toBe(0)
    expect([io.out(), io.err()]).toEqual(['', ''])
  })

  test('names of others cannot drive a terminal', async () => {
    const { io } = await api.run(['completion', 'words', '--', 'explain', ''])
    expect(io.out()).not.toContain('\u001b')
  })
})

test('bash completes by its script', async () => {
  const { io } = await api.run(['completion', 'bash'])
  const asked = `hearsay() { local IFS=' '; printf '%s\\n' "$*" 'two words' three; }
${io.out()}
COMP_WORDS=(hearsay chaos ki)
COMP_CWORD=2
_hearsay
printf '<%s>' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', asked], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toBe('<completion words -- chaos ki><two words><three>')
})
