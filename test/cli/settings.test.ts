import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addGlobalFlags } from '../../src/cli/flags.ts'
import { environmentName, fillSettings } from '../../src/cli/settings.ts'
import { upOptions } from '../../src/cli/up-options.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

/** The settings of `up` after everything has been weighed. */
async function settings(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  config?: string,
): Promise<Record<string, unknown>> {
  const program = new Command().exitOverride()
  addGlobalFlags(program, true)
  const up = program.command('up').exitOverride()
  for (const option of upOptions()) up.addOption(option)
  const file = join(folder, 'config.json')
  if (config !== undefined) await writeFile(file, config)
  up.action(async () => {
    await fillSettings(up, { env, known: upOptions().map((option) => option.attributeName()) })
  })
  const flags = config === undefined ? [] : ['--config', file]
  await program.parseAsync(['up', ...argv, ...flags], { from: 'user' })
  return up.optsWithGlobals()
}

describe('precedence', () => {
  test('is flag, environment, config file, default', async () => {
    const env = { HEARSAY_NAME: 'env' }
    const config = '{"name":"file"}'
    expect((await settings(['--name', 'flag'], env, config)).name).toBe('flag')
    expect((await settings([], env, config)).name).toBe('env')
    expect((await settings([], {}, config)).name).toBe('file')
    expect((await settings([])).name).toBeUndefined()
    expect((await settings([], {}, '{"group":"team"}')).group).toBe('team')
    expect((await settings([])).group).toBe('main')
  })

  test('an empty variable is none', async () => {
    expect((await settings([], { HEARSAY_NAME: '' })).name).toBeUndefined()
  })
})

describe('the environment', () => {
  test('has every flag', async () => {
    expect(['dataDir', 'apiToken', 'name'].map(environmentName)).toEqual([
      'HEARSAY_DATA_DIR',
      'HEARSAY_API_TOKEN',
      'HEARSAY_NAME',
    ])
    const filled = await settings([], {
      HEARSAY_JOIN: 'a:1, b:2 c:3',
      HEARSAY_TAG: 'zone=b rack=2',
      HEARSAY_CHAOS: 'true',
      HEARSAY_OPEN: '0',
      HEARSAY_REPLICATION: '7',
      HEARSAY_TIMEOUT: '2s',
      HEARSAY_PROFILE: 'lan',
    })
    expect(filled).toMatchObject({
      join: ['a:1', 'b:2', 'c:3'],
      tag: ['zone=b', 'rack=2'],
      chaos: true,
      open: false,
      replication: 7,
      timeout: 2000,
      profile: 'lan',
    })
  })

  test.each([
    [{ HEARSAY_REPLICATION: 'x' }, 'HEARSAY_REPLICATION'],
    [{ HEARSAY_CHAOS: 'maybe' }, 'HEARSAY_CHAOS: expected true or false: maybe'],
    [{ HEARSAY_PROFILE: 'moon' }, 'local, lan, wan'],
    [{ HEARSAY_TAG: 'x' }, 'KEY=VALUE'],
  ])('%o is refused with exit 8', async (env, message) => {
    await expect(settings([], env)).rejects.toMatchObject({
      exit: 8,
      message: expect.stringContaining(message),
    })
  })
})

describe('the config file', () => {
  test('takes names of flags in both spellings, lists, numbers and switches', async () => {
    const config = {
      'data-dir': '/d',
      logLevel: 'warn',
      join: ['a:1', 'b:2'],
      tag: ['zone=b', 'x=1'],
      replication: 3,
      chaos: true,
    }
    expect(await settings([], {}, JSON.stringify(config))).toMatchObject({
      dataDir: '/d',
      logLevel: 'warn',
      join: ['a:1', 'b:2'],
      tag: ['zone=b', 'x=1'],
      replication: 3,
      chaos: true,
    })
  })

  test.each([
    ['{', 'no JSON'],
    ['[]', 'expected an object'],
    ['{"nam":"a"}', 'there is no setting "nam"'],
    ['{"name":{}}', 'expected text'],
    ['{"replication":0}', '1 … 20'],
    ['{"profile":"moon"}', 'local, lan, wan'],
  ])('%s is refused with exit 8', async (config, message) => {
    await expect(settings([], {}, config)).rejects.toMatchObject({
      exit: 8,
      message: expect.stringContaining(message),
    })
  })

  test('in YAML, or missing, is refused with exit 8', async () => {
    const yaml = settings(['--config', join(folder, 'a.yaml')])
    await expect(yaml).rejects.toMatchObject({ exit: 8, hint: expect.stringContaining('JSON') })
    const missing = settings(['--config', join(folder, 'a.json')])
    await expect(missing).rejects.toMatchObject({ exit: 8 })
  })
})
