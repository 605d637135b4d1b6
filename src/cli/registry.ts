import { randomBytes } from 'node:crypto'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { basename, join } from 'node:path'
import { checkRuntimeDir, makeRuntimeDir, type RuntimeDir } from './runtime-dir.ts'

/** One running node, as one JSON file of the registry. Fields may be added, never renamed. */
export interface RegistryEntry {
  readonly name: string
  readonly peerId: string
  readonly pid: number
  /** Base URL of its HTTP API. */
  readonly api: string
  /** File with the token of that API, readable by this user only. */
  readonly tokenFile: string
  readonly network: string
  /** Multiaddrs with /p2p on which it can be joined. */
  readonly addresses: readonly string[]
  /** ISO 8601. */
  readonly startedAt: string
  /** Whether faults can be injected. */
  readonly chaos: boolean
  /** Whether a network key guards it: only its holders can join. */
  readonly isPrivate?: boolean
  /** Shared by all nodes of one demo: one chaos call reaches them all. */
  readonly lab?: string
}

/** What a reading found: the nodes that run, oldest first, and the files that made no sense. */
export interface Listing {
  readonly entries: readonly RegistryEntry[]
  readonly problems: readonly string[]
}

/** The registry of running nodes on this machine. */
export interface Registry {
  readonly directory: string
  /** Writes the token (mode 0600), then the entry; both atomically, replacing this peer's former ones. */
  register(entry: Omit<RegistryEntry, 'tokenFile'>, token: string): Promise<RegistryEntry>
  /** Removes an entry and its token; an entry that is gone is no error. */
  remove(entry: Pick<RegistryEntry, 'peerId'>): Promise<void>
  /**
   * Running nodes; entries of dead processes are removed on the way.
   * @param options `isProbing`: also ask whether something listens at the API, which finds entries
   * whose pid now belongs to another program; default true
   */
  list(options?: { readonly isProbing?: boolean }): Promise<Listing>
  /** Peer ids of all entries, without reading them: some may be of dead processes. */
  peerIds(): Promise<readonly string[]>
  /** The token of an entry. */
  token(entry: Pick<RegistryEntry, 'tokenFile'>): Promise<string>
}

const FILE_BYTES_MAX = 64 * 1024
/** More nodes than any laptop runs; a bound on what a reading costs. */
const ENTRIES_MAX = 1000
const PROBE_MS_MAX = 300
/** A temporary file, or a token without its entry, this old was left behind by a crash. */
const TEMPORARY_AGE_MS_MAX = 60_000
const SAFE_NAME = /^[A-Za-z0-9._-]{1,128}$/

/** Opens the registry in a folder, which is created by the first `register`. */
export function openRegistry(directory: RuntimeDir): Registry {
  const { path } = directory
  const entryFile = (peerId: string): string => join(path, `${fileName(peerId)}.json`)
  const tokenFile = (peerId: string): string => join(path, `${fileName(peerId)}.token`)
  const remove: Registry['remove'] = async ({ peerId }) => {
    await rm(entryFile(peerId), { force: true })
    await rm(tokenFile(peerId), { force: true })
  }
  return {
    directory: path,
    async register(entry, token) {
      await makeRuntimeDir(directory)
      const whole: RegistryEntry = { ...entry, tokenFile: tokenFile(entry.peerId) }
      await writeAtomically(whole.tokenFile, `${token}\n`)
      await writeAtomically(entryFile(entry.peerId), `${JSON.stringify(whole, undefined, 2)}\n`)
      return whole
    },
    remove,
    async list({ isProbing = true } = {}) {
      if (!(await checkRuntimeDir(directory))) return { entries: [], problems: [] }
      const { entries, problems } = await readEntries(path)
      const isRunning = await probeAll(entries, isProbing)
      const running: RegistryEntry[] = []
      for (const entry of entries) {
        if (isRunning(entry)) running.push(entry)
        else if (await isUnchanged(entryFile(entry.peerId), entry)) await remove(entry)
      }
      return { entries: running.toSorted(olderFirst), problems }
    },
    async peerIds() {
      if (!(await checkRuntimeDir(directory))) return []
      const names = await readdir(path)
      return names.filter((name) => name.endsWith('.json')).map((name) => basename(name, '.json'))
    },
    async token(entry) {
      return (await readFile(entry.tokenFile, 'utf8')).trim()
    },
  }
}

async function readEntries(path: string): Promise<Listing> {
  const entries: RegistryEntry[] = []
  const problems: string[] = []
  const names = (await readdir(path)).toSorted()
  for (const name of names.slice(0, ENTRIES_MAX * 2)) {
    const file = join(path, name)
    const isOrphan = name.endsWith('.token') && !names.includes(`${basename(name, '.token')}.json`)
    if (name.endsWith('.tmp') || isOrphan) await removeLeftOver(file)
    if (!name.endsWith('.json')) continue
    const read = await readEntry(file)
    if (typeof read === 'string') problems.push(`skipped ${file}: ${read}`)
    else if (read !== undefined) entries.push(read)
  }
  return { entries, problems }
}

/** The entry, a reason why it is none, or undefined when its node has just taken it away. */
async function readEntry(file: string): Promise<RegistryEntry | string | undefined> {
  let text: string
  try {
    if ((await stat(file)).size > FILE_BYTES_MAX) return 'too large for an entry'
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    return error instanceof Error ? error.message : String(error)
  }
  try {
    return parseEntry(JSON.parse(text)) ?? 'no entry of a running node'
  } catch {
    return 'no JSON'
  }
}

/** Parses an entry; undefined when a field is missing or of another type. */
export function parseEntry(value: unknown): RegistryEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const field = (name: string): unknown => Reflect.get(value, name)
  const text = (name: string): string | undefined => {
    const content = field(name)
    return typeof content === 'string' ? content : undefined
  }
  const name = text('name')
  const peerId = text('peerId')
  const api = text('api')
  const tokenFile = text('tokenFile')
  const network = text('network')
  const startedAt = text('startedAt')
  const lab = text('lab')
  const pid = field('pid')
  const addresses = field('addresses')
  if (name === undefined || peerId === undefined || !SAFE_NAME.test(peerId)) return undefined
  if (api === undefined || !URL.canParse(api) || tokenFile === undefined) return undefined
  if (network === undefined || startedAt === undefined) return undefined
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 1) return undefined
  if (!Array.isArray(addresses)) return undefined
  return {
    name,
    peerId,
    pid,
    api,
    tokenFile,
    network,
    addresses: addresses.filter((address): address is string => typeof address === 'string'),
    startedAt,
    chaos: field('chaos') === true,
    isPrivate: field('isPrivate') === true,
    ...(lab === undefined ? {} : { lab }),
  }
}

/**
 * Who still runs. A live pid is not enough, the number may belong to another program by now: then
 * nothing listens at the API, or a newer entry names the same address. One probe for each pid.
 */
async function probeAll(
  entries: readonly RegistryEntry[],
  isProbing: boolean,
): Promise<(entry: RegistryEntry) => boolean> {
  const newestAtApi = new Map<string, RegistryEntry>()
  for (const entry of entries.toSorted(olderFirst)) newestAtApi.set(entry.api, entry)
  const candidates = [...newestAtApi.values()].filter((entry) => isAlive(entry.pid))
  const byPid = Map.groupBy(candidates, (entry) => entry.pid)
  const answering = new Set<number>()
  await Promise.all(
    [...byPid].map(async ([pid, [first]]) => {
      const isTrusted = !isProbing || pid === process.pid
      if (isTrusted || (first !== undefined && (await listens(first.api)))) answering.add(pid)
    }),
  )
  const running = new Set(candidates.filter((entry) => answering.has(entry.pid)))
  return (entry) => running.has(entry)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // ESRCH: gone. EPERM: the pid now belongs to another user, and our nodes run as this one.
    return false
  }
}

/** False only when the system refuses the connection: a stopped or busy process still listens. */
function listens(api: string): Promise<boolean> {
  const { hostname, port } = new URL(api)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 80 })
    const settle = (isListening: boolean): void => {
      socket.destroy()
      resolve(isListening)
    }
    socket.setTimeout(PROBE_MS_MAX, () => settle(true))
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

/** A node that came back with the same identity has replaced its dead entry: that one stays. */
async function isUnchanged(file: string, entry: RegistryEntry): Promise<boolean> {
  const now = await readEntry(file)
  return typeof now === 'object' && now.pid === entry.pid && now.startedAt === entry.startedAt
}

async function writeAtomically(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function removeLeftOver(file: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(file)
    if (Date.now() - mtimeMs > TEMPORARY_AGE_MS_MAX) await rm(file, { force: true })
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

function fileName(peerId: string): string {
  if (!SAFE_NAME.test(peerId)) throw new TypeError(`Cannot use as a file name: ${peerId}`)
  return peerId
}

function olderFirst(a: RegistryEntry, b: RegistryEntry): number {
  if (a.startedAt === b.startedAt) return a.name < b.name ? -1 : 1
  return a.startedAt < b.startedAt ? -1 : 1
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}
