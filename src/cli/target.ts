import type { Context } from './context.ts'
import { CliError, EXIT, usageError } from './errors.ts'
import { openRegistry, type Registry, type RegistryEntry } from './registry.ts'
import { runtimeDir } from './runtime-dir.ts'
import { printable } from './text.ts'

/** The node a client verb talks to. */
export interface Target {
  /** Base URL of its API, without a trailing slash. */
  readonly url: string
  readonly token: string | undefined
  /** For people. */
  readonly label: string
  /** Where the token is kept, for --curl. */
  readonly tokenFile: string | undefined
}

const NAMES_SHOWN_MAX = 8

export function noNodeError(): CliError {
  return new CliError(
    EXIT.noNode,
    'ERR_NO_NODE',
    'no node is running: start one with "hearsay up" or "hearsay demo"',
  )
}

/** The registry of this user, with unreadable entries told once. */
export async function runningNodes(
  context: Context,
): Promise<{ readonly registry: Registry; readonly entries: readonly RegistryEntry[] }> {
  const registry = openRegistry(runtimeDir(context.io.env))
  const { entries, problems } = await registry.list()
  for (const problem of problems) context.print.note(`note: registry: ${printable(problem)}`)
  return { registry, entries }
}

/**
 * Chooses by --api, else the only node running here, else --node, else the oldest with a note.
 * @throws {CliError} exit 3 when there is none
 */
export async function chooseTarget(context: Context): Promise<Target> {
  const { api } = context.globals
  if (api !== undefined) return await targetOfUrl(context, normalizeUrl(api))
  const { registry, entries } = await runningNodes(context)
  return await targetOfEntry(context, registry, choose(context, entries))
}

/** The target of one entry of the registry: with its own token, whatever the environment says. */
export async function targetOfEntry(
  context: Context,
  registry: Registry,
  entry: RegistryEntry,
): Promise<Target> {
  const { api: url, tokenFile } = entry
  const label = printable(entry.name)
  try {
    return { url, token: await registry.token(entry), label, tokenFile }
  } catch (error) {
    const token = context.globals.apiToken
    if (token !== undefined) return { url, token, label, tokenFile: undefined }
    throw new CliError(
      EXIT.failure,
      'ERR_TOKEN',
      `Cannot read the token of ${label}: ${tokenFile}`,
      { hint: 'Set HEARSAY_API_TOKEN, or restart that node', cause: error },
    )
  }
}

function choose(context: Context, entries: readonly RegistryEntry[]): RegistryEntry {
  const [oldest] = entries
  if (oldest === undefined) throw noNodeError()
  const wanted = context.globals.node
  if (wanted === undefined) {
    if (entries.length > 1) {
      const label = printable(oldest.name)
      context.print.note(
        `note: ${entries.length} nodes run here, using the oldest, ${label} (choose with --node: ${namesOf(entries)})`,
      )
    }
    return oldest
  }
  const matches = entries.filter((entry) => entry.name === wanted || entry.peerId === wanted)
  const [match] = matches
  if (match === undefined) {
    throw new CliError(
      EXIT.noNode,
      'ERR_NO_NODE',
      `no node named "${printable(wanted)}" is running here`,
      { hint: `These run: ${namesOf(entries)}` },
    )
  }
  if (matches.length > 1) {
    context.print.note(
      `note: ${matches.length} nodes are named ${printable(wanted)}, using the oldest (choose with --node PEER-ID)`,
    )
  }
  return match
}

function namesOf(entries: readonly RegistryEntry[]): string {
  const names = entries.slice(0, NAMES_SHOWN_MAX).map((entry) => printable(entry.name))
  const more = entries.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}

async function targetOfUrl(context: Context, url: string): Promise<Target> {
  const token = context.globals.apiToken
  if (token !== undefined) return { url, token, label: url, tokenFile: undefined }
  const { registry, entries } = await runningNodes(context)
  const entry = entries.find((candidate) => candidate.api === url)
  if (entry !== undefined) return await targetOfEntry(context, registry, entry)
  return { url, token: undefined, label: url, tokenFile: undefined }
}

/** `host:port` becomes a URL; a trailing slash goes. */
function normalizeUrl(text: string): string {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`
  if (!URL.canParse(url)) {
    throw usageError(`Cannot use --api: no URL: ${text}`, 'Write --api http://127.0.0.1:7400')
  }
  return url.replace(/\/+$/, '')
}
