import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { testIo } from './test-io.ts'

let folder: string
let env: Readonly<Record<string, string>>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  env = { HEARSAY_RUNTIME_DIR: join(folder, 'run') }
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

const DEMO = ['demo', '--api', '127.0.0.1:0']

test('demo without a terminal ends with 0 after the story and prints the figures last', async () => {
  const io = testIo({ env })
  expect(await run([...DEMO, '--json', '--nodes', '4'], io)).toBe(0)
  const lines = io
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines[0].step).toBe('ready')
  const last = lines.at(-1)
  expect(last).toMatchObject({
    ok: true,
    nodes: 4,
    partition: {
      sides: [
        ['a', 'b'],
        ['c', 'd'],
      ],
      digests: 2,
    },
    heal: { lost: 0 },
  })
  expect(last.dht.acks).toBeGreaterThan(0)
  expect(await readdir(join(folder, 'run'))).toEqual([])
})

test('demo in text ends with the number it is about', async () => {
  const io = testIo({ env })
  expect(await run([...DEMO, '--nodes', '3', '--once'], io)).toBe(0)
  expect(io.out().trim().split('\n').at(-1)).toMatch(
    /^3 replicas, 1 state: converged \d+\.\d+ s after heal, \d+ bytes$/,
  )
  expect(io.out()).not.toContain('\x1b')
})

test('demo at a terminal stays, obeys the client verbs, and ends with 0 on a signal', async () => {
  const io = testIo({ env: { ...env, NO_COLOR: '1' }, isTTY: true })
  const ended = run([...DEMO, '--nodes', '4'], io)
  await io.until('Ctrl-C ends the demo')
  const client = async (...argv: readonly string[]) => {
    const own = testIo({ env })
    return { code: await run(argv, own), out: own.out() }
  }
  expect((await client('chaos', 'partition', 'a,b|c,d')).code).toBe(0)
  await client('counter', 'add', 'visits', '1', '--node', 'a')
  expect((await client('chaos', 'heal')).code).toBe(0)
  expect((await client('converged')).code).toBe(0)
  expect((await client('chaos', 'kill', 'd')).code).toBe(0)
  expect((await client('status', '--node', 'd')).code).toBe(3)
  expect((await client('chaos', 'restart', 'd')).code).toBe(0)
  expect((await client('chaos', 'kill', 'nobody')).code).toBe(4)
  io.stop()
  expect(await ended).toBe(0)
  expect(await readdir(join(folder, 'run'))).toEqual([])
})

test('demo whose reader goes away during the story ends quietly with 0', async () => {
  const io = testIo({ env })
  const ended = run([...DEMO, '--json', '--nodes', '3'], io)
  await io.until('"step":"partitioned"')
  io.closeStdout()
  expect([await ended, io.err()]).toEqual([0, ''])
})

test('demo that is interrupted during the story ends with 1', async () => {
  const io = testIo({ env })
  const ended = run([...DEMO, '--json', '--nodes', '3'], io)
  await io.until('"step":"partitioned"')
  io.stop()
  expect(await ended).toBe(1)
  expect(await readdir(join(folder, 'run'))).toEqual([])
})
