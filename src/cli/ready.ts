import type { Context } from './context.ts'
import { printable } from './text.ts'

/** What `up` says when it serves; with --json as `{"event":"ready",…}`. */
export interface ReadyInfo {
  readonly name: string
  readonly peerId: string
  readonly network: string
  /** Multiaddrs with /p2p. */
  readonly listen: readonly string[]
  readonly api: string
  readonly tokenFile: string
  /** Null for a node in memory: a field that is always there is easier on scripts. */
  readonly dataDir: string | null
}

/** The lines for people: what runs, where it keeps things, what to do next. */
export function describeReady(
  info: ReadyInfo,
  options: { readonly context: Context; readonly token: string },
): readonly string[] {
  const { io, print } = options.context
  const { paint } = print
  const row = (label: string, text: string): string => `  ${paint('dim', label.padEnd(9))} ${text}`
  const data =
    info.dataDir === null
      ? `in memory: gone when this process ends ${paint('dim', '(keep it with --data-dir DIR)')}`
      : printable(info.dataDir)
  // The token goes to a person at a terminal only: a log that is kept must not hold it.
  const page = io.stdout.isTTY ? [row('dashboard', `${info.api}/#token=${options.token}`)] : []
  return [
    `${paint(['bold', 'green'], '●')} ${paint('bold', printable(info.name))} is up`,
    row('peer', info.peerId),
    row('network', printable(info.network)),
    ...info.listen.map((address, index) => row(index === 0 ? 'listens' : '', printable(address))),
    row('api', `${info.api} ${paint('dim', `(token in ${info.tokenFile})`)}`),
    ...page,
    row('data', data),
    '',
    'Next, in another terminal:',
    ...nextSteps(io.program, [
      ['up', 'a second node: it finds this one'],
      ['put hello world', 'store a value'],
      ['members', 'see who is there'],
    ]).map((line) => line.replace(/#.*/, (comment) => paint('dim', comment))),
    paint('dim', 'Ctrl-C leaves the network and ends.'),
    '',
  ]
}

/** Commands to try, as the caller would type them. */
export function nextSteps(
  program: string,
  steps: readonly (readonly [command: string, does: string])[],
): readonly string[] {
  const width = Math.max(...steps.map(([command]) => command.length))
  return steps.map(([command, does]) => `  ${program} ${command.padEnd(width)}   # ${does}`)
}
