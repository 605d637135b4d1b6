import type { Client } from '../http/client.ts'
import type { Context } from './context.ts'
import { curlCommand } from './curl.ts'
import { CliError, EXIT } from './errors.ts'
import type { Registry, RegistryEntry } from './registry.ts'
import { chooseTarget, type Target, targetOfEntry } from './target.ts'

/** Time a call may take when --timeout does not say. */
const CALL_MS_DEFAULT = 15_000
/** What an answer needs beyond the time that the node itself was given to wait. */
const ANSWER_MS = 2_000

/**
 * Calls the API of a node; the result is the exit code, 0 when undefined. Calls end with `signal`
 * by themselves; it is there for work that waits for something else.
 */
export type Work = (
  client: Client,
  target: Target,
  signal: AbortSignal,
) => Promise<number | undefined>

export interface WorkOptions {
  /** Has no time limit of its own: a stream. */
  readonly isStream?: boolean
  /** Moves more data than a default time limit could foresee: there is none unless --timeout asks for one. */
  readonly isTransfer?: boolean
  /** The node is told the time limit and does the waiting: its answer may come a moment later. */
  readonly nodeWaits?: boolean
}

/**
 * Chooses the node and does the work with a client of its API.
 * @throws {CliError} exit 3 when nothing answers, and what the client throws
 */
export async function withApi(
  context: Context,
  work: Work,
  options: WorkOptions = {},
): Promise<number | undefined> {
  return await withTarget(context, await chooseTarget(context), { ...options, work })
}

/** Does the work with each of several nodes, one after the other; the first failure ends it. */
export async function withEach(
  context: Context,
  nodes: { readonly registry: Registry; readonly entries: readonly RegistryEntry[] },
  work: Work,
): Promise<number | undefined> {
  for (const entry of nodes.entries) {
    const target = await targetOfEntry(context, nodes.registry, entry)
    const code = await withTarget(context, target, { work })
    if (code !== undefined && code !== EXIT.ok) return code
  }
  return undefined
}

async function withTarget(
  context: Context,
  target: Target,
  options: WorkOptions & { readonly work: Work },
): Promise<number | undefined> {
  const { createClient } = await import('../http/client.ts')
  const signal = limitOf(context, options)
  let hasPrinted = false
  const printCurl = async (request: Request): Promise<Response> => {
    hasPrinted = true
    context.print.line(await curlCommand(request))
    if (target.tokenFile !== undefined) {
      context.print.note(`note: export HEARSAY_API_TOKEN="$(cat '${target.tokenFile}')"`)
    }
    throw new Error('printed, not sent')
  }
  const send = (request: Request): Promise<Response> =>
    fetch(request, { signal: AbortSignal.any([request.signal, signal]) })
  const client = createClient({
    url: target.url,
    token: target.token ?? '',
    fetch: context.globals.curl ? printCurl : send,
  })
  try {
    return await options.work(client, target, signal)
  } catch (error) {
    if (hasPrinted) return undefined
    // A stream that was to run for a while has done so.
    if (signal.aborted && options.isStream === true) return undefined
    if (signal.aborted) throw signal.reason
    throw explain(error, target)
  }
}

/** Ends with stdout, and with the time limit: the one asked for leaves the node a moment to answer in. */
function limitOf(context: Context, options: WorkOptions): AbortSignal {
  const { timeoutMs } = context.globals
  const { closed } = context.io
  if (timeoutMs === undefined) {
    if (options.isStream === true || options.isTransfer === true) return closed
    return AbortSignal.any([closed, AbortSignal.timeout(CALL_MS_DEFAULT)])
  }
  const graceMs = options.nodeWaits === true ? ANSWER_MS : 0
  return AbortSignal.any([closed, AbortSignal.timeout(timeoutMs + graceMs)])
}

function explain(error: unknown, target: Target): unknown {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  if (code === 'ERR_UNREACHABLE') {
    return new CliError(
      EXIT.noNode,
      'ERR_NO_NODE',
      `Cannot reach ${target.label}: nothing answers at ${target.url}`,
      {
        hint: 'See what runs here with "hearsay members", or start one with "hearsay up"',
        cause: error,
      },
    )
  }
  if (code === 'ERR_UNAUTHORIZED') {
    return new CliError(
      EXIT.failure,
      'ERR_UNAUTHORIZED',
      `Cannot use the API of ${target.label}: it wants another token`,
      { hint: 'Set HEARSAY_API_TOKEN to the token of that node', cause: error },
    )
  }
  return error
}
