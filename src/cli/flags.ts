import { type Command, InvalidArgumentError, Option } from 'commander'
import { DURATION_MS_MAX, parseDuration } from './duration.ts'

/** Heading of the flags that every verb has, commander's own for those of a parent. */
export const GLOBAL_GROUP = 'Global Options:'
/** A flag with a duration: stored in ms. */
export function durationOption(
  flags: string,
  description: string,
  msMax: number = DURATION_MS_MAX,
): Option {
  return new Option(flags, description).argParser((text: string) => {
    try {
      return parseDuration(text, msMax)
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
    }
  })
}

/** A flag with a whole number in a range. */
export function integerOption(
  flags: string,
  description: string,
  range: { readonly min: number; readonly max: number },
): Option {
  return new Option(flags, description).argParser((text: string) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= range.min && value <= range.max)) {
      throw new InvalidArgumentError(`expected a whole number in ${range.min} … ${range.max}`)
    }
    return value
  })
}

/** The flags every verb accepts, before and after its name. `up` and `demo` serve at --api, others call it. */
export function addGlobalFlags(program: Command, servesApi: boolean): void {
  const api = servesApi
    ? new Option(
        '--api <host:port>',
        'where to serve the HTTP API (default 127.0.0.1:7400 or next free)',
      )
    : new Option('--api <url>', 'talk to this API instead of the one in the registry')
  const all = [
    new Option('--json', 'print JSON: one value, or one per line for streams'),
    api,
    new Option('--api-token <token>', 'token of that API; better in HEARSAY_API_TOKEN'),
    new Option('--node <name>', 'choose the node by name or peer id when several run here'),
    new Option('--group <name>', 'group of replicated objects').default('main'),
    durationOption('--timeout <duration>', 'give up after this time: 500ms, 10s, 1m'),
    new Option('--curl', 'print the equivalent curl command and do nothing'),
    new Option('--quiet', 'no notes on stderr, only errors'),
    new Option('--debug', 'stack traces, and more detail in logs'),
    new Option('--config <file>', 'config file (JSON): keys are the names of flags'),
  ]
  for (const option of all) program.addOption(option.helpGroup(GLOBAL_GROUP))
}

/** A directory that data is kept in. An empty one, such as that of a variable without a value, is none: not `.`. */
export function dataDirOption(description: string): Option {
  return new Option('--data-dir <dir>', description).argParser((text: string): string => {
    if (text === '') throw new InvalidArgumentError('it is empty: write . for this directory')
    return text
  })
}
