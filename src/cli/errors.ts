import { errorEntry } from '../http/errors/catalogue.ts'

/** Exit codes of the contract; scripts match on them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  noNode: 3,
  notFound: 4,
  quorum: 5,
  timeout: 6,
  notConverged: 7,
  config: 8,
  internal: 70,
  resources: 75,
  dataDir: 78,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A failure that is told to people: what and why in the message, the next step in the hint. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exit: ExitCode
  readonly code: string
  /** The next step, one sentence without a period; empty when there is none. */
  readonly hint: string

  constructor(
    exit: ExitCode,
    code: string,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.exit = exit
    this.code = code
    this.hint = options.hint ?? ''
  }
}

/** A bad flag or argument: exit 2. */
export function usageError(message: string, hint = ''): CliError {
  return new CliError(EXIT.usage, 'ERR_USAGE', message, { hint })
}

/** What was asked for does not exist: exit 4. */
export function notFoundError(message: string, hint = ''): CliError {
  return new CliError(EXIT.notFound, 'ERR_NOT_FOUND', message, { hint })
}

/** A bad value from the environment or the config file: exit 8. */
export function configError(message: string, hint = ''): CliError {
  return new CliError(EXIT.config, 'ERR_CONFIG', message, { hint })
}

/** The exit code that belongs to an error code; undefined when it has none of its own. */
export function exitOfCode(code: string): ExitCode | undefined {
  const exit = errorEntry(code)?.exit
  return Object.values(EXIT).find((one) => one === exit)
}

/** What a failed run says and how it ends. */
export interface Failure {
  readonly exit: ExitCode
  readonly code: string
  readonly message: string
  readonly hint: string
  /** Of a write below its quorum: how many replicas stored it, and how many should have. */
  readonly quorum?: { readonly acks: number; readonly required: number } | undefined
}

/** The failure of anything thrown: known errors by their code, everything else is a bug of ours (70). */
export function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return error
  if (!(error instanceof Error)) return internalFailure(String(error))
  if (error.name === 'TimeoutError') {
    return {
      exit: EXIT.timeout,
      code: 'ERR_TIMEOUT',
      message: 'The time limit passed before there was an answer',
      hint: 'Wait longer with --timeout 1m, or look at "hearsay members"',
    }
  }
  const code = textField(error, 'code')
  const hint = textField(error, 'hint') ?? ''
  // That a node failed is no failure of this program.
  const exit = code === undefined || code === 'ERR_INTERNAL' ? undefined : exitOfCode(code)
  if (code !== undefined && exit !== undefined) {
    return { exit, code, message: error.message, hint, quorum: quorumOf(error) }
  }
  // Codes of the library (ERR_…) and of the system (EACCES) are failures with a name, not bugs;
  // those of Node.js itself (ERR_INVALID_ARG_TYPE on a TypeError) are bugs.
  const isNamed = code !== undefined && !(error instanceof TypeError || error instanceof RangeError)
  if (isNamed) return { exit: EXIT.failure, code, message: error.message, hint }
  return internalFailure(error.message)
}

function internalFailure(reason: string): Failure {
  return {
    exit: EXIT.internal,
    code: 'ERR_INTERNAL',
    message: `Internal error: ${reason}`,
    hint: 'This is a bug in hearsay: run it again with --debug and report what it prints',
  }
}

function textField(value: object, key: string): string | undefined {
  const field: unknown = Reflect.get(value, key)
  return typeof field === 'string' && field !== '' ? field : undefined
}

/** The library's QuorumError has the numbers itself, the client's ApiError in the problem it received. */
function quorumOf(error: Error): Failure['quorum'] {
  const body: unknown = Reflect.get(error, 'body')
  const holder = typeof body === 'object' && body !== null ? body : error
  const acks: unknown = Reflect.get(holder, 'acks')
  const required: unknown = Reflect.get(holder, 'required')
  return typeof acks === 'number' && typeof required === 'number' ? { acks, required } : undefined
}
