import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { SCENARIOS } from '../../src/sim/index.ts'
import { testIo } from './test-io.ts'

async function sim(...argv: readonly string[]) {
  const io = testIo()
  return { code: await run(['sim', ...argv], io), out: io.out(), err: io.err() }
}

test('sim --scenario list names every scenario', async () => {
  const { code, out } = await sim('--scenario', 'list')
  expect(code).toBe(0)
  for (const { name } of SCENARIOS) expect(out).toMatch(new RegExp(`^${name} `, 'm'))
})

test('sim plays one scenario and says what holds', async () => {
  const { code, out } = await sim('--scenario', 'leave', '--seeds', '2', '--nodes', '5')
  expect(out).toMatch(/^leave +5 +2 +known by all .* holds/m)
  expect(code).toBe(0)
})

test('sim --json is one value', async () => {
  const { code, out } = await sim('--scenario', 'news', '--seeds', '1', '--nodes', '2', '--json')
  const result: unknown = JSON.parse(out)
  expect(result).toMatchObject({ ok: true, seeds: 1, violations: [], missed: [] })
  expect(code).toBe(0)
})

test('sim --seed plays that seed once, with --svg into a plot', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-sim-'))
  try {
    const file = join(directory, 'plot.svg')
    await sim('--scenario', 'kill', '--seed', '7', '--nodes', '4', '--svg', file)
    const svg = await readFile(file, 'utf8')
    expect(svg).toContain('kill: known by all')
    // One seed of ours and one of the model.
    expect(svg.match(/<circle/g)).toHaveLength(2)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test.each([
  [['--scenario', 'nothing'], 'no such scenario'],
  [['--scenario', 'rack', '--nodes', '3'], 'it needs 24'],
  [['--seeds', '0'], 'expected a whole number in 1'],
])('sim refuses %j', async (argv, reason) => {
  const { code, err } = await sim(...argv)
  expect(code).toBe(2)
  expect(err).toContain(reason)
})
