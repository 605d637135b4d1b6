import { readFile } from 'node:fs/promises'
import { type Command, CommanderError, type Option } from 'commander'
import { configError } from './errors.ts'

type Environment = Readonly<Record<string, string | undefined>>
/** A config file is read whole; nobody writes one larger by hand. */
const CONFIG_BYTES_MAX = 1024 * 1024

/** `dataDir` → `HEARSAY_DATA_DIR`. */
export function environmentName(attribute: string): string {
  return `HEARSAY_${settingName(attribute).replaceAll('-', '_').toUpperCase()}`
}

/**
 * Fills the flags that were not given from the environment, then from the config file.
 * @param command the verb's command; its parents' flags are filled too
 * @param known attribute names that may stand in a config file although this verb has no such flag
 * @throws {CliError} exit 8: a value is invalid, a key unknown, the file unreadable
 */
export async function fillSettings(
  command: Command,
  options: { readonly env: Environment; readonly known: readonly string[] },
): Promise<void> {
  const { env } = options
  const commands = lineage(command)
  for (const owner of commands) {
    for (const option of owner.options) {
      const name = environmentName(option.attributeName())
      const text = env[name]
      if (text === undefined || text === '' || isGiven(owner, option)) continue
      const pieces = option.variadic ? text.split(/[\s,]+/).filter((piece) => piece !== '') : [text]
      apply(owner, option, { pieces, source: 'env', label: name })
    }
  }
  const path: unknown = commands.at(-1)?.getOptionValue('config')
  if (typeof path === 'string') await fillFromFile(command, { path, known: options.known })
}

/** Fills what is not given yet from one config file. @throws {CliError} exit 8, as {@link fillSettings} */
export async function fillFromFile(
  command: Command,
  { path, known }: { readonly path: string; readonly known: readonly string[] },
): Promise<void> {
  const commands = lineage(command)
  const entries = await readConfig(path)
  const own = commands.flatMap((owner) => owner.options.map((option) => ({ owner, option })))
  for (const [key, value] of entries) {
    const attribute = camel(key)
    const target = own.find(({ option }) => option.attributeName() === attribute)
    if (target === undefined) {
      refuseUnknownKey({ path, key, attribute, known })
      continue
    }
    if (isGiven(target.owner, target.option)) continue
    apply(target.owner, target.option, {
      pieces: piecesOf(value, { path, key }),
      source: 'config',
      label: `"${key}" in ${path}`,
    })
  }
}

/** The command and its parents, the program last. */
function lineage(command: Command): readonly Command[] {
  const commands: Command[] = []
  for (let at: Command | null = command; at !== null; at = at.parent) commands.push(at)
  return commands
}

function isGiven(owner: Command, option: Option): boolean {
  const source = owner.getOptionValueSource(option.attributeName())
  return source !== undefined && source !== 'default'
}

function apply(
  owner: Command,
  option: Option,
  given: { readonly pieces: readonly string[]; readonly source: string; readonly label: string },
): void {
  const attribute = option.attributeName()
  if (option.isBoolean()) {
    owner.setOptionValueWithSource(attribute, booleanOf(given), given.source)
    return
  }
  try {
    const parsed = given.pieces.map((piece): unknown =>
      option.parseArg === undefined ? piece : option.parseArg<unknown>(piece, undefined),
    )
    owner.setOptionValueWithSource(
      attribute,
      option.variadic ? parsed.flat() : parsed[0],
      given.source,
    )
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    throw configError(`Cannot use ${given.label}: ${error.message}`)
  }
}

function booleanOf(given: { readonly pieces: readonly string[]; readonly label: string }): boolean {
  const text = given.pieces[0]?.toLowerCase() ?? ''
  if (['1', 'true', 'yes', 'on'].includes(text)) return true
  if (['0', 'false', 'no', 'off'].includes(text)) return false
  throw configError(`Cannot use ${given.label}: expected true or false: ${text}`)
}

async function readConfig(path: string): Promise<readonly (readonly [string, unknown])[]> {
  if (/\.ya?ml$/i.test(path)) {
    throw configError(
      `Cannot read config file ${path}: YAML is not supported yet`,
      'Write it as JSON: {"name": "a", "join": ["127.0.0.1:4001"]}',
    )
  }
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw configError(`Cannot read config file ${path}: ${reasonOf(error)}`)
  }
  if (text.length > CONFIG_BYTES_MAX) {
    throw configError(`Cannot read config file ${path}: it is larger than 1 MiB`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw configError(`Cannot read config file ${path}: it is no JSON: ${reasonOf(error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw configError(`Cannot read config file ${path}: expected an object of flags`)
  }
  return Object.entries(value)
}

function refuseUnknownKey(found: {
  readonly path: string
  readonly key: string
  readonly attribute: string
  readonly known: readonly string[]
}): void {
  if (found.known.includes(found.attribute)) return
  throw configError(
    `Cannot use config file ${found.path}: there is no setting "${found.key}"`,
    'Keys are the names of flags: see "hearsay up --help"',
  )
}

function piecesOf(
  value: unknown,
  place: { readonly path: string; readonly key: string },
): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.map((item) => {
    if (typeof item === 'string') return item
    if (typeof item === 'number' || typeof item === 'boolean') return String(item)
    throw configError(
      `Cannot use "${place.key}" in ${place.path}: expected text, a number, true, false or a list of text`,
    )
  })
}

/** `dataDir` → `data-dir`: as flags and config files have it. */
export function settingName(attribute: string): string {
  return attribute.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function camel(key: string): string {
  return key.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
