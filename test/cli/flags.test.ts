import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Option } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandTree } from '../../scripts/docs/command-tree.ts'
import { environmentName, fillSettings, settingName } from '../../src/cli/settings.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** A word that the flag takes. */
function sampleOf(option: Option): string {
  if (option.isBoolean()) return 'true'
  if (option.argChoices !== undefined) return option.argChoices.at(-1) ?? ''
  for (const word of ['7', '3', '5s', 'zone=b']) {
    try {
      option.parseArg?.(word, undefined)
      return word
    } catch {
      // Another kind of value.
    }
  }
  throw new Error(`No sample for ${option.flags}`)
}

interface Given {
  readonly argv?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly config?: unknown
}

/** What a flag of a verb is in the end. */
async function settledValue(name: string, option: Option, given: Given): Promise<unknown> {
  const attribute = option.attributeName()
  let value: unknown
  const found = await commandTree(async (command) => {
    await fillSettings(command, { env: given.env ?? {}, known: [] })
    value = command.optsWithGlobals()[attribute]
  }, name.split(' ')[0])
  const leaf = found.find((one) => one.name === name)
  const words = leaf?.command.registeredArguments.map(() => 'word') ?? []
  const config: string[] = []
  if (given.config !== undefined) {
    const file = join(folder, 'config.json')
    await writeFile(file, JSON.stringify(given.config))
    config.push('--config', file)
  }
  const argv = [...name.split(' '), ...words, ...config, ...(given.argv ?? [])]
  await leaf?.program.parseAsync(argv, { from: 'user' })
  return value
}

const leaves = await commandTree()

test.each(leaves.map(({ name, options }) => ({ name, options })))(
  '$name: every flag is a variable of the environment and a key of the config file',
  async ({ name, options }) => {
    for (const { option } of options) {
      const attribute = option.attributeName()
      // The file cannot name itself.
      if (attribute === 'config') continue
      const sample = sampleOf(option)
      const long = option.long ?? ''
      expect(long).toBe(`--${settingName(attribute)}`)
      const flag = await settledValue(name, option, {
        argv: option.isBoolean() ? [long] : [long, sample],
      })
      expect(flag, long).toBeDefined()
      const variable = environmentName(attribute)
      expect(variable).toBe(`HEARSAY_${long.slice(2).replaceAll('-', '_').toUpperCase()}`)
      expect([long, await settledValue(name, option, { env: { [variable]: sample } })]).toEqual([
        long,
        flag,
      ])
      const config = option.isBoolean() ? true : sample
      for (const key of [settingName(attribute), attribute]) {
        const value = await settledValue(name, option, { config: { [key]: config } })
        expect([long, value]).toEqual([long, flag])
      }
    }
  },
)

test.each(leaves.map(({ name, options }) => ({ name, options })))(
  '$name: a bad value of the environment is a configuration error, exit 8',
  async ({ name, options }) => {
    for (const { option } of options) {
      const isFree = option.parseArg === undefined && !option.isBoolean()
      if (isFree || option.attributeName() === 'dataDir') continue
      const env = { [environmentName(option.attributeName())]: '\u0001?' }
      await expect(
        settledValue(name, option, { env }),
        `${name} ${option.long}`,
      ).rejects.toMatchObject({
        exit: 8,
      })
    }
  },
)

test('every verb tells what it does and has examples', async () => {
  for (const { name, command } of leaves) {
    expect(command.description(), name).not.toBe('')
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) })
    command.outputHelp()
    expect(help.length, name).toBeGreaterThan(80)
  }
})
