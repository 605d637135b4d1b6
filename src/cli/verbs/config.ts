import type { Command, Option } from 'commander'
import { environmentName, fillFromFile, settingName } from '../settings.ts'
import { renderTable } from '../table.ts'
import { printable } from '../text.ts'
import { upOptions } from '../up-options.ts'
import { addExamples, type Verb } from '../verb.ts'

/** Shown as there or not there. */
const SECRETS: ReadonlySet<string> = new Set(['apiToken'])
/** They say what one call prints, or which file is read: no part of how a node is set up. */
const OF_CALLS: ReadonlySet<string> = new Set(['config', 'curl', 'json', 'quiet', 'debug'])

type Origin = 'flag' | 'environment' | 'config' | 'default'
const ORIGINS: Readonly<Record<string, Origin>> = {
  cli: 'flag',
  env: 'environment',
  config: 'config',
}

interface Setting {
  readonly key: string
  readonly value: unknown
  readonly origin: Origin
  readonly environment: string
}

export const verb: Verb = {
  examples: [],
  build(command, act) {
    const show = withUpOptions(
      command.command('show').description('settings of "hearsay up", secrets hidden'),
    )
    show.option('--origin', 'where each value comes from')
    addExamples(show, [
      ['hearsay config show --config hearsay.json --origin', 'what a node would be started with'],
    ])
    act(show, async ({ context, settings: given }) => {
      const settings = effective(show)
      const hasOrigin = given.flag('origin')
      const shown = Object.fromEntries(settings.map(({ key, value }) => [key, value ?? null]))
      const origins = Object.fromEntries(settings.map(({ key, origin }) => [key, origin]))
      context.print.result(hasOrigin ? { settings: shown, origins } : { settings: shown }, () =>
        renderTable(
          hasOrigin ? ['SETTING', 'VALUE', 'FROM', 'ENVIRONMENT'] : ['SETTING', 'VALUE'],
          settings.map(({ key, value, origin, environment }) => {
            const cells = [key, value === undefined ? '-' : printable(textOf(value))]
            return hasOrigin ? [...cells, origin, environment] : cells
          }),
        ),
      )
      return undefined
    })
    const check = withUpOptions(
      command.command('check').description('whether a config file and the environment can be used'),
    )
    check.argument('[file]', 'config file (default: the one of --config)')
    addExamples(check, [['hearsay config check hearsay.json', 'exit 8 and the reason if not']])
    act(check, async ({ context, operands, settings }) => {
      const file = operands[0] ?? settings.text('config')
      if (file === undefined && operands.length === 0) {
        context.print.note('note: no config file was named: the environment alone is checked')
      }
      if (operands[0] !== undefined) await fillFromFile(check, { path: operands[0], known: [] })
      context.print.result({ ok: true, file: file ?? null }, () => [
        file === undefined ? 'environment: ok' : `${printable(file)}: ok`,
      ])
      return undefined
    })
    const schema = command
      .command('schema')
      .description('JSON Schema of a config file, for editors and checks')
    addExamples(schema, [['hearsay config schema > hearsay.schema.json', 'for an editor']])
    act(schema, async ({ context }) => {
      context.print.line(JSON.stringify(jsonSchema(withUpOptions(schema)), undefined, 2))
      return undefined
    })
    addExamples(command, [
      ['hearsay config show --origin', 'every setting and where it comes from'],
      ['hearsay config check hearsay.json', 'before a node is restarted with it'],
    ])
  },
}

function withUpOptions(command: Command): Command {
  for (const option of upOptions()) command.addOption(option)
  return command
}

function settingsOf(command: Command): readonly { owner: Command; option: Option }[] {
  const own = command.options
    .filter((option) => option.attributeName() !== 'origin')
    .map((option) => ({ owner: command, option }))
  const program = rootOf(command)
  const shared = program.options.map((option) => ({ owner: program, option }))
  return [...own, ...shared].filter(({ option }) => !OF_CALLS.has(option.attributeName()))
}

function rootOf(command: Command): Command {
  let root = command
  while (root.parent !== null) root = root.parent
  return root
}

function effective(command: Command): readonly Setting[] {
  return settingsOf(command).map(({ owner, option }) => {
    const attribute = option.attributeName()
    const value: unknown = owner.getOptionValue(attribute)
    const source = owner.getOptionValueSource(attribute) ?? 'default'
    return {
      key: settingName(attribute),
      value: SECRETS.has(attribute) && value !== undefined ? 'hidden' : value,
      origin: ORIGINS[source] ?? 'default',
      environment: environmentName(attribute),
    }
  })
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** Of the very options that parse it. */
function jsonSchema(command: Command): unknown {
  const properties = Object.fromEntries(
    settingsOf(command).map(({ option }) => [
      settingName(option.attributeName()),
      { description: option.description, ...typeOf(option) },
    ]),
  )
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of hearsay up',
    type: 'object',
    properties,
    additionalProperties: false,
  }
}

function typeOf(option: Option): Record<string, unknown> {
  if (option.isBoolean()) return { type: 'boolean' }
  const one =
    option.argChoices === undefined
      ? { type: ['string', 'number'] }
      : { type: 'string', enum: [...option.argChoices] }
  return option.variadic ? { anyOf: [{ type: 'string' }, { type: 'array', items: one }] } : one
}
