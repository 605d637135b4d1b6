import { Command, type Option } from 'commander'
import type { Client } from '../http/client.ts'
import { withApi } from './connect.ts'
import type { Context } from './context.ts'
import { addGlobalFlags } from './flags.ts'
import { VERBS } from './verbs.ts'

/** A shell waits for it at each press of a key. */
const LIVE_MS = 800

type Live = 'members' | 'counter' | 'set' | 'register' | 'map' | 'objects'

/** What the operand after these words is the name of. */
const OPERANDS: Readonly<Record<string, Live>> = {
  explain: 'members',
  'chaos kill': 'members',
  'chaos restart': 'members',
  'chaos pause': 'members',
  'chaos resume': 'members',
  watch: 'objects',
}
const OBJECT_VERBS = ['counter', 'set', 'register', 'map'] as const

/**
 * Words that may stand where the last one stands: flags after a dash, values of a flag, verbs, and names of live
 * members and objects. Never throws for lack of a node: nothing fits then.
 * @param line words after the program's name, the one at the cursor last
 */
export async function candidates(
  context: Context,
  line: readonly string[],
): Promise<readonly string[]> {
  const partial = line.at(-1) ?? ''
  const done = line.slice(0, -1)
  const verb = VERBS.find(({ name }) => name === firstWord(done))
  const program = new Command('hearsay')
  addGlobalFlags(program, verb?.servesApi === true)
  if (verb !== undefined) (await verb.load()).build(program.command(verb.name), () => {})
  const { command, operands } = descend(program, done)
  const flags = [...command.options, ...program.options]
  const asked = flags.find(({ long }) => long === done.at(-1))
  const found = async (): Promise<readonly string[]> => {
    if (asked !== undefined && !asked.isBoolean()) return await valuesOf(context, asked)
    if (partial.startsWith('-')) return [...flags.map(({ long }) => long ?? ''), '--help']
    if (verb === undefined) {
      return operands.length > 0 ? [] : [...VERBS.map(({ name }) => name), 'help']
    }
    if (command.commands.length > 0) return command.commands.map((sub) => sub.name())
    return operands.length === 0 ? await named(context, liveOf(pathOf(command))) : []
  }
  const fitting = (await found()).filter((word) => word !== '' && word.startsWith(partial))
  return [...new Set(fitting)].sort()
}

function firstWord(words: readonly string[]): string | undefined {
  const probe = new Command()
  addGlobalFlags(probe, false)
  return descend(probe, words).operands[0]
}

/** The command that words lead to, and those that are neither its name nor a flag nor a flag's value. */
function descend(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly operands: readonly string[] } {
  let command = program
  const operands: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    if (word.startsWith('-')) {
      const flag = [...command.options, ...program.options].find(({ long }) => long === word)
      if (flag !== undefined && !flag.isBoolean()) i += 1
      continue
    }
    const next = command.commands.find((sub) => sub.name() === word)
    if (next === undefined || operands.length > 0) operands.push(word)
    else command = next
  }
  return { command, operands }
}

function pathOf(command: Command): string {
  const names: string[] = []
  for (let at: Command = command; at.parent !== null; at = at.parent) names.unshift(at.name())
  return names.join(' ')
}

function liveOf(path: string): Live | undefined {
  return OPERANDS[path] ?? OBJECT_VERBS.find((type) => path.startsWith(`${type} `))
}

async function valuesOf(
  context: Context,
  { argChoices, long }: Option,
): Promise<readonly string[]> {
  if (argChoices !== undefined) return argChoices
  return long === '--node' ? await named(context, 'members') : []
}

/** Names that exist now; none when nobody can be asked. */
async function named(context: Context, live: Live | undefined): Promise<readonly string[]> {
  if (live === undefined) return []
  let names: readonly string[] = []
  const globals = {
    ...context.globals,
    timeoutMs: context.globals.timeoutMs ?? LIVE_MS,
    quiet: true,
  }
  const { io, print } = context
  try {
    await withApi({ io, print, globals }, async (client) => {
      names = await namesOf(client, live, globals.groupAsked)
      return undefined
    })
  } catch {
    // Nobody is running, or nobody answers in time: whoever types has no use for the reason.
  }
  return names
}

async function namesOf(
  client: Client,
  live: Live,
  group: string | undefined,
): Promise<readonly string[]> {
  if (live === 'members') return (await client.members()).members.map(({ name }) => name)
  const { objects } = await client.objects(group === undefined ? {} : { group })
  return objects.filter(({ type }) => live === 'objects' || type === live).map(({ name }) => name)
}
