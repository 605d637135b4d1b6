import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { upOptions } from '../../src/cli/up-options.ts'
import { testIo } from './test-io.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function config(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const io = testIo({ env })
  return { code: await run(['config', ...argv], io), out: io.out(), err: io.err() }
}

async function file(content: unknown): Promise<string> {
  const path = join(folder, 'hearsay.json')
  await writeFile(path, JSON.stringify(content))
  return path
}

describe('config show', () => {
  test('weighs flag, environment and file, and says where each value comes from', async () => {
    const path = await file({ name: 'of-file', network: 'of-file', replication: 7 })
    const env = { HEARSAY_NAME: 'of-environment', HEARSAY_API_TOKEN: 'secret-1' }
    const argv = ['show', '--origin', '--json', '--config', path, '--profile', 'lan']
    const { code, out } = await config(argv, env)
    expect(code).toBe(0)
    const { settings, origins } = JSON.parse(out)
    expect(settings).toMatchObject({
      ...{ name: 'of-environment', network: 'of-file', replication: 7, profile: 'lan' },
      ...{ 'data-dir': null, group: 'main', 'api-token': 'hidden' },
    })
    expect(origins).toMatchObject({
      ...{ name: 'environment', network: 'config', replication: 'config', profile: 'flag' },
      ...{ 'data-dir': 'default', group: 'default', 'api-token': 'environment' },
    })
    const text = await config(
      argv.filter((word) => word !== '--json'),
      env,
    )
    expect(text.out).not.toContain('secret-1')
    expect(text.out).toMatch(/^name +of-environment +environment +HEARSAY_NAME$/m)
  })

  test('knows every flag of up', async () => {
    const { out } = await config(['show', '--json'])
    const keys = Object.keys(JSON.parse(out).settings)
    expect(keys).toEqual(expect.arrayContaining(upOptions().map(({ long }) => long?.slice(2))))
    expect(keys).not.toContain('origin')
  })
})

describe('config check', () => {
  test('finds a file good, or says what is wrong with it', async () => {
    const good = await file({ name: 'a', join: ['127.0.0.1:4001'], 'log-level': 'warn' })
    expect(await config(['check', good])).toMatchObject({ code: 0, out: `${good}: ok\n` })
    for (const [content, reason] of [
      [{ nmae: 'a' }, 'there is no setting "nmae"'],
      [{ replication: 0 }, 'expected a whole number in 1 … 20'],
      [{ profile: 'moon' }, 'local, lan, wan'],
      [{ name: {} }, 'expected text'],
      [[], 'expected an object'],
    ] as const) {
      const { code, err } = await config(['check', await file(content)])
      expect([code, err]).toEqual([8, expect.stringContaining(reason)])
    }
    expect(await config(['check', join(folder, 'none.json')])).toMatchObject({ code: 8 })
    expect(await config(['check'], { HEARSAY_REPLICATION: 'x' })).toMatchObject({ code: 8 })
    expect(await config(['check'])).toMatchObject({ code: 0, out: 'environment: ok\n' })
  })
})

test('config schema names the keys that config check takes, with their choices', async () => {
  const { out } = await config(['schema'])
  const schema = JSON.parse(out)
  expect(schema.additionalProperties).toBe(false)
  expect(schema.properties.profile).toMatchObject({ enum: ['local', 'lan', 'wan'] })
  expect(schema.properties.chaos).toMatchObject({ type: 'boolean' })
  const sample = Object.fromEntries(
    Object.entries<{ enum?: string[]; type?: unknown }>(schema.properties)
      .filter(([key]) => !['timeout', 'replication', 'tag'].includes(key))
      .map(([key, { enum: choices, type }]) => [key, choices?.[0] ?? (type === 'boolean' || 'x')]),
  )
  expect(await config(['check', await file(sample)])).toMatchObject({ code: 0 })
})
