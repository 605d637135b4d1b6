import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandTree } from '../../scripts/docs/command-tree.ts'
import { run } from '../../src/cli/main.ts'
import { type TestIo, testIo } from './test-io.ts'
import { expectOutput, type Output } from './verb-shapes.ts'

let folder: string
let env: Readonly<Record<string, string>>
/** A node of its own: those of a demo write no log. */
let alone: { readonly io: TestIo; readonly ended: Promise<number> }
let demo: { readonly io: TestIo; readonly ended: Promise<number> }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  env = { HEARSAY_RUNTIME_DIR: join(folder, 'run') }
  // On a terminal a demo stays.
  const io = testIo({ env, isTTY: true })
  const flags = ['--json', '--nodes', '2', '--api', '127.0.0.1:0']
  demo = { io, ended: run(['demo', ...flags], io) }
  await Promise.race([io.until('"syncBytes"'), demo.ended])
  const up = testIo({ env })
  await writeFile(join(folder, 'network.key'), 'k'.repeat(43))
  const names = ['--name', 'alone', '--network', 'other', '--network-key']
  const own = ['up', ...names, join(folder, 'network.key'), '--api', '127.0.0.1:0', '--json']
  alone = { io: up, ended: run(own, up) }
  await Promise.race([up.until('"ready"'), alone.ended])
  await writeFile(join(folder, 'value.txt'), 'from a file')
  await writeFile(join(folder, 'config.json'), '{"name":"a"}')
})

afterAll(async () => {
  for (const { io, ended } of [demo, alone]) {
    io.stop()
    await ended
  }
  await rm(folder, { recursive: true })
})

/** A call, what it prints, and how it ends. FOLDER stands for the test's directory, CURSOR for a place to resume. */
interface Case {
  readonly line: string
  readonly output: Output
  readonly stdin?: string
  /** @default 0 */
  readonly code?: number
  /** A stream: ended once this was printed. */
  readonly until?: string
}

const INIT =
  '{"src":"c1","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}\n'
const OPERATIONS = '[{"name":"votes","type":"counter","op":"add","value":2}]'

/** In the order in which they are run; several of one verb where it prints several shapes. */
const CASES: readonly Case[] = [
  { line: 'members', output: 'Members' },
  { line: 'members --watch', output: 'member-moments', until: '"name":"b"' },
  { line: 'status', output: 'Status' },
  { line: 'explain-error', output: 'errors' },
  { line: 'explain-error err_quorum', output: 'error-entry' },
  { line: 'doctor', output: 'doctor' },
  { line: 'top', output: 'top' },
  { line: 'tags', output: 'Tags' },
  { line: 'tags zone=a', output: 'Tags' },
  { line: 'explain b', output: 'Explanation' },
  { line: 'event deploy v1', output: 'Broadcast' },
  { line: 'query ping', output: 'QueryAnswers' },
  { line: 'put hello world', output: 'Put' },
  { line: 'put file --file FOLDER/value.txt', output: 'Put' },
  { line: 'get hello', output: 'DhtValue' },
  { line: 'batch put -', output: 'DhtBatchAnswer', stdin: '{"key":"hi","value":"there"}' },
  { line: 'batch get hello hi', output: 'DhtBatchAnswer' },
  { line: 'keys --limit 1', output: 'DhtKeys' },
  { line: 'delete hello', output: 'Put' },
  { line: 'counter add votes 3', output: 'Counter' },
  { line: 'counter get votes', output: 'Counter' },
  { line: 'set add guests ada bob', output: 'SetChanged' },
  { line: 'set remove guests bob', output: 'SetChanged' },
  { line: 'set has guests ada', output: 'SetHas' },
  { line: 'set list guests', output: 'Set' },
  { line: 'register set motto hello', output: 'Register' },
  { line: 'register get motto', output: 'Register' },
  { line: 'register get motto --all', output: 'Register' },
  { line: 'map set profile name.first "Ada"', output: 'Map' },
  { line: 'map get profile', output: 'Map' },
  { line: 'map get profile name.first', output: 'Map' },
  { line: 'map increment profile visits', output: 'Map' },
  { line: 'map add profile tags x y', output: 'Map' },
  { line: 'map discard profile tags y', output: 'Map' },
  { line: 'map remove profile name', output: 'Map' },
  { line: 'transact -', output: 'Transaction', stdin: OPERATIONS },
  { line: 'undo --list', output: 'Undoable' },
  { line: 'undo', output: 'Undo' },
  { line: 'objects', output: 'Objects' },
  { line: 'watch --from CURSOR', output: 'changes', until: '"profile"' },
  { line: 'watch --from 0000000000000000-1', output: 'changes', until: '"reset"' },
  { line: 'converged --timeout 30s', output: 'Converged' },
  { line: 'replicated 1 --timeout 30s', output: 'Replicated' },
  { line: 'export', output: 'exports' },
  { line: 'chaos partition a|b', output: 'ChaosDone' },
  { line: 'chaos heal', output: 'ChaosDone' },
  { line: 'chaos loss 0', output: 'ChaosDone' },
  { line: 'chaos latency 0ms', output: 'ChaosDone' },
  { line: 'chaos pause b', output: 'ChaosDone' },
  { line: 'chaos resume b', output: 'ChaosDone' },
  { line: 'chaos kill b', output: 'ChaosDone' },
  { line: 'chaos restart b', output: 'ChaosDone' },
  { line: 'log level --node alone', output: 'LogLevels' },
  { line: 'log level links=debug --node alone', output: 'LogLevels' },
  { line: 'backup FOLDER/all.backup', output: 'backup' },
  { line: 'restore FOLDER/all.backup --data-dir FOLDER/b', output: 'restore' },
  { line: 'invite --node alone', output: 'Invite' },
  { line: 'invite FOLDER/bob.invite --node alone', output: 'invite-file' },
  { line: `revoke ${'0'.repeat(32)} --node alone`, output: 'Revoked' },
  { line: 'invites --node alone', output: 'Invites' },
  { line: 'join 127.0.0.1:1', output: 'joining' },
  { line: 'keygen', output: 'key' },
  { line: 'keygen FOLDER/key.txt', output: 'key-file' },
  { line: 'config show', output: 'settings' },
  { line: 'config show --origin', output: 'settings' },
  { line: 'config check FOLDER/config.json', output: 'config-checked' },
  { line: 'config schema', output: 'json-schema' },
  { line: 'completion bash', output: 'script' },
  { line: 'completion zsh', output: 'script' },
  { line: 'completion fish', output: 'script' },
  { line: 'completion words -- counter', output: 'words' },
  { line: 'version', output: 'version' },
  { line: 'version --protocols', output: 'version' },
  { line: 'sim --scenario list', output: 'scenarios' },
  { line: 'sim --scenario leave --seeds 1 --nodes 5', output: 'sim' },
  { line: 'bench members --quick', output: 'bench' },
  { line: 'bench nothing', output: 'nothing', code: 2 },
  { line: 'maelstrom', output: 'maelstrom', stdin: INIT },
  { line: 'up --api 127.0.0.1:0', output: 'node-events', until: '"event":"ready"' },
  { line: 'leave --node b', output: 'Left' },
]

/** Where a watch can be resumed: before everything. */
async function cursor(): Promise<string> {
  const io = testIo({ env })
  const watching = run(['watch', '--json', '--from', '0000000000000000-1'], io)
  await io.until('"reset"')
  io.closeStdout()
  await watching
  return JSON.parse(io.out().split('\n')[0] ?? '').cursor
}

let start = ''

async function call({ line, stdin, until, code = 0, output }: Case): Promise<void> {
  start = start === '' ? await cursor() : start
  const io = testIo({ env, ...(stdin === undefined ? {} : { stdin }) })
  const words = line.replace('CURSOR', start).replaceAll('FOLDER', folder).split(' ')
  const at = words.indexOf('--')
  const argv = words.toSpliced(at === -1 ? words.length : at, 0, '--json')
  const running = run(argv, io)
  if (until !== undefined) {
    await Promise.race([io.until(until), running])
    if (words[0] === 'up') io.stop()
    else io.closeStdout()
  }
  expect(await running, `${line}: ${io.err()}`).toBe(code)
  expectOutput(output, io.out(), line)
}

test('demo --json prints its story and its result', () => {
  expectOutput('demo', demo.io.out(), 'demo')
})

test('--json of every verb is as described', async () => {
  for (const one of CASES) await call(one)
})

test('there is no other verb', async () => {
  const leaves = (await commandTree()).map(({ name }) => name)
  const called = leaves.filter((name) =>
    CASES.some(({ line }) => line === name || line.startsWith(`${name} `)),
  )
  expect(leaves.filter((name) => !called.includes(name))).toEqual(['demo'])
})

test('an error is one object on stderr', async () => {
  for (const line of [
    'get none',
    'register get none',
    'members --node nobody',
    'put k',
    'nothing',
  ]) {
    const io = testIo({ env })
    expect(await run([...line.split(' '), '--json', '--quiet'], io), line).not.toBe(0)
    expectOutput('error', io.err(), line)
    expect(io.out()).toBe('')
  }
})
