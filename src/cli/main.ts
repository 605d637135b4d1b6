import { Command, CommanderError, Help } from 'commander'
import { type Context, type Globals, Printer } from './context.ts'
import { EXIT, type Failure, failureOf, usageError } from './errors.ts'
import { addGlobalFlags, GLOBAL_GROUP } from './flags.ts'
import { type Io, processIo } from './io.ts'
import { fillSettings } from './settings.ts'
import { jsonLine, painterOf } from './text.ts'
import { addExamples, type Handler, Settings } from './verb.ts'
import { VERBS } from './verbs.ts'

const USAGE_HINT = 'See "hearsay --help" for the verbs and "hearsay VERB --help" for examples'
const FIRST_STEPS = [
  ['hearsay demo', 'five peers in this process, a partition, a heal'],
  ['hearsay up', 'run one node; run it again in a second terminal'],
  ['hearsay put hello world', 'store a value, from any terminal'],
  ['hearsay counter add votes 3', 'count together'],
] as const

/**
 * Runs one command line.
 * @param argv the words after the program's name
 * @returns the exit code of the contract; errors have been told on stderr
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const wantsJson = isAsked('json', argv, io)
  const wantsDebug = isAsked('debug', argv, io)
  try {
    return await parse(argv, io)
  } catch (error) {
    if (io.closed.aborted) return EXIT.ok
    if (isHelp(error)) return EXIT.ok
    const failure = error instanceof CommanderError ? usageFailure(error, argv) : failureOf(error)
    tell(io, failure, { wantsJson, stack: wantsDebug ? stackOf(error) : undefined })
    return failure.exit
  }
}

/** The process: runs its arguments, lets the outputs drain, and ends. */
export async function main(): Promise<void> {
  const io = processIo()
  const argv = process.argv.slice(2)
  const end = async (code: number): Promise<never> => {
    await Promise.all([io.stdout.flush(), io.stderr.flush()])
    process.exit(code)
  }
  const crash = (error: unknown): void => {
    const wantsDebug = isAsked('debug', argv, io)
    const failure = failureOf(error)
    const isResource = failure.exit === EXIT.resources
    tell(io, isResource ? failure : { ...failure, exit: EXIT.internal }, {
      wantsJson: isAsked('json', argv, io),
      stack: wantsDebug ? stackOf(error) : undefined,
    })
    void end(isResource ? EXIT.resources : EXIT.internal)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  await end(await run(argv, io))
}

async function parse(argv: readonly string[], io: Io): Promise<number> {
  const called = calledVerb(argv)
  const program = newProgram(io, called)
  let code: number = EXIT.ok
  const act = (command: Command, handler: Handler): void => {
    command.action(async () => {
      const known = await configKeys(command)
      await fillSettings(command, { env: io.env, known })
      const context = contextOf(command, io)
      const settings = new Settings(command.optsWithGlobals())
      code = (await handler({ context, operands: command.args, settings })) ?? EXIT.ok
    })
  }
  for (const verb of VERBS) {
    const command = program.command(verb.name).description(verb.summary)
    if (verb.name !== called) continue
    const { build, examples } = await verb.load()
    build(command, act)
    if (command.commands.length === 0) addExamples(command, examples)
  }
  if (argv.length === 0) {
    program.outputHelp()
    return EXIT.ok
  }
  await program.parseAsync([...argv], { from: 'user' })
  return code
}

function newProgram(io: Io, called: string | undefined): Command {
  const program = new Command('hearsay')
    .description('A peer-to-peer node: membership, a DHT, and replicated state that converges')
    .usage('VERB [options]')
    .commandsGroup('Verbs:')
    .configureHelp({
      showGlobalOptions: true,
      formatHelp: (command, helper) => verbsFirst(new Help().formatHelp(command, helper)),
    })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // Errors are told in one place, run().
      writeErr: () => undefined,
      getOutHelpWidth: () => io.stdout.columns,
      getOutHasColors: () => painterOf(io, io.stdout)('bold', 'x') !== 'x',
    })
    .exitOverride()
    .helpCommand('help [verb]', 'show the help of a verb')
    .helpOption('-h, --help', 'show this help')
  addGlobalFlags(
    program,
    VERBS.some((verb) => verb.name === called && verb.servesApi),
  )
  addExamples(program, FIRST_STEPS)
  return program
}

/** The help in the order in which people look: verbs, own flags, then the flags that all share. */
function verbsFirst(help: string): string {
  const rank = (section: string): number =>
    section.startsWith(GLOBAL_GROUP) ? 2 : section.startsWith('Options:') ? 1 : 0
  const sections = help.trimEnd().split('\n\n')
  return `${sections.toSorted((a, b) => rank(a) - rank(b)).join('\n\n')}\n`
}

/** The first word that is neither a flag nor a global flag's value; after `help` the second one. */
function calledVerb(argv: readonly string[]): string | undefined {
  const probe = new Command()
  addGlobalFlags(probe, false)
  const takesValue = new Set(
    probe.options.filter((option) => !option.isBoolean()).map((option) => option.long),
  )
  const words: string[] = []
  for (let i = 0; i < argv.length && words.length < 2; i++) {
    const word = argv[i] ?? ''
    if (!word.startsWith('-')) words.push(word)
    else if (takesValue.has(word)) i++
  }
  return words[0] === 'help' ? words[1] : words[0]
}

/** What may stand in a config file: the verb's own flags, and those of `up`, for which it is written. */
async function configKeys(command: Command): Promise<readonly string[]> {
  const path: unknown = command.optsWithGlobals().config
  if (path === undefined) return []
  const { upOptions } = await import('./up-options.ts')
  return upOptions().map((option) => option.attributeName())
}

function contextOf(command: Command, io: Io): Context {
  const settings = new Settings(command.optsWithGlobals())
  const isGroupAsked = command.getOptionValueSourceWithGlobals('group') !== 'default'
  const globals: Globals = {
    json: settings.flag('json'),
    api: settings.text('api'),
    apiToken: settings.text('apiToken'),
    node: settings.text('node'),
    group: settings.text('group') ?? 'main',
    groupAsked: isGroupAsked ? settings.text('group') : undefined,
    timeoutMs: settings.number('timeout'),
    curl: settings.flag('curl'),
    quiet: settings.flag('quiet'),
    debug: settings.flag('debug'),
  }
  return { io, globals, print: new Printer(io, globals) }
}

function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0
}

/** Commander's complaint in our words: its "Did you mean" becomes the next step. */
function usageFailure(error: CommanderError, argv: readonly string[]): Failure {
  if (error.code === 'commander.help') {
    const verb = calledVerb(argv) ?? ''
    return usageError(`"${verb}" needs a verb of its own`, `See "hearsay ${verb} --help"`)
  }
  const [first = '', second = ''] = error.message.split('\n')
  const message = first.replace(/^error: /, '').replace(/^unknown command/, 'unknown verb')
  const guess = /^\((Did you mean .*\?)\)$/.exec(second)?.[1]
  const isFlag = error.code === 'commander.unknownOption'
  const hint = isFlag ? `${USAGE_HINT}; values that begin with a dash go behind --` : USAGE_HINT
  return usageError(`${message.charAt(0).toUpperCase()}${message.slice(1)}`, guess ?? hint)
}

function tell(
  io: Io,
  failure: Failure,
  options: { readonly wantsJson: boolean; readonly stack: string | undefined },
): void {
  const { code, message, hint, quorum } = failure
  if (options.wantsJson) {
    io.stderr.write(`${jsonLine({ error: { code, message, hint, ...quorum } })}\n`)
    return
  }
  const paint = painterOf(io, io.stderr)
  io.stderr.write(`${paint('red', 'error:')} ${message} ${paint('dim', `(${code})`)}\n`)
  if (hint !== '') io.stderr.write(`       ${hint}\n`)
  if (options.stack !== undefined) io.stderr.write(`${paint('dim', options.stack)}\n`)
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined
}

/** Whether a switch is on, known before (and even when) parsing fails. */
function isAsked(name: 'json' | 'debug', argv: readonly string[], io: Io): boolean {
  const end = argv.indexOf('--')
  const flags = end === -1 ? argv : argv.slice(0, end)
  const variable = io.env[`HEARSAY_${name.toUpperCase()}`]?.toLowerCase() ?? ''
  return flags.includes(`--${name}`) || ['1', 'true', 'yes', 'on'].includes(variable)
}
