import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hearsay } from './cli-process.ts'
import { BIN } from './command.ts'

const directory = await mkdtemp(join(tmpdir(), 'hearsay-demo-'))
const runtimeDir = join(directory, 'run')
const run = (...args: readonly string[]): ReturnType<typeof hearsay> => hearsay(runtimeDir, args)
const children: ChildProcess[] = []

afterAll(async () => {
  for (const child of children) {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined
    child.kill('SIGKILL')
    await ended
  }
  await rm(directory, { recursive: true, force: true })
})

/** Repeats a verb until its answer fits. */
async function eventually(args: readonly string[], fits: (out: string) => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const { out, err } = await run(...args)
    if (fits(out)) return
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${out}${err}`)
  }
}

test('demo --once --json tells the story and ends with its result', async () => {
  const { code, out } = await run('demo', '--once', '--json')
  expect(code).toBe(0)
  const result = JSON.parse(out.trim().split('\n').at(-1) ?? '')
  expect(result).toMatchObject({
    ok: true,
    nodes: 5,
    partition: { digests: 2 },
    heal: { lost: 0 },
    dht: { acks: 3 },
  })
  expect(result.partition.sides).toHaveLength(2)
  expect(result.heal.digest).toMatch(/^[0-9a-f]{32}$/)
})

/**
 * A demo stays on a terminal only; `script` gives it one where it exists, as on every Linux with
 * util-linux and on macOS.
 */
test('chaos in a demo that stays: partition, quorum, heal, kill and restart', {
  timeout: 300_000,
}, async () => {
  const command = `${process.execPath} ${BIN} demo --api 127.0.0.1:0`
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, HEARSAY_RUNTIME_DIR: runtimeDir, NO_COLOR: '1' },
  })
  children.push(child)
  await eventually(['counter', 'get', 'visits', '--json', '--node', 'a'], (out) =>
    out.includes('"value":15'),
  )
  await eventually(['converged', '--json', '--node', 'a'], (out) => out.includes('"members":5'))

  expect((await run('chaos', 'partition', 'a,b|c,d,e')).code).toBe(0)
  expect((await run('counter', 'add', 'cut', '1', '--node', 'a')).code).toBe(0)
  expect((await run('counter', 'add', 'cut', '2', '--node', 'c')).code).toBe(0)
  const refused = await run('put', 'minority', 'value', '--node', 'a', '--json')
  expect(refused.code).toBe(5)
  const { error } = JSON.parse(refused.err)
  expect(error).toMatchObject({ code: 'ERR_QUORUM', required: 3 })
  expect(error.acks).toBeLessThan(3)
  expect((await run('chaos', 'heal')).code).toBe(0)
  await eventually(['counter', 'get', 'cut', '--json', '--node', 'e'], (out) =>
    out.includes('"value":3'),
  )
  expect((await run('converged', '--timeout', '10s', '--node', 'a')).code).toBe(0)
  await eventually(['members', '--json', '--node', 'a'], (out) => live(out) === 5)

  for (const name of ['c', 'd', 'e']) expect((await run('chaos', 'kill', name)).code).toBe(0)
  await eventually(['members', '--json', '--node', 'a'], (out) => states(out, 'failed') === 3)
  const few = await run('put', 'few', 'value', '--node', 'a', '--json')
  expect(few.code).toBe(5)
  expect(JSON.parse(few.err).error).toMatchObject({ acks: 2, required: 3 })
  for (const name of ['c', 'd', 'e']) expect((await run('chaos', 'restart', name)).code).toBe(0)
  await eventually(['members', '--json', '--node', 'a'], (out) => live(out) === 5)
  const kept = await run('counter', 'get', 'cut', '--json', '--node', 'd')
  expect(JSON.parse(kept.out).value).toBe(3)
})

/** One that most of its neighbours have heard badly says for half a minute that it is degraded: it lives. */
function live(out: string): number {
  return states(out, 'alive') + states(out, 'degraded')
}

function states(out: string, state: string): number {
  return out.split(`"state":"${state}"`).length - 1
}
