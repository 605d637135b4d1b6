import { constants } from 'node:fs'
import { access, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HearsayError } from '../../base/errors.ts'
import { makeDirectory } from './make-directory.ts'

/** The layout of rows in the database; a change of it needs a migration. */
export const STORE_FORMAT = 1

const MARKER = 'hearsay-store.json'
const MARKER_DRAFT = `${MARKER}.tmp`
const OWNER = 'owner.pid'
const DATABASE = 'db'
/** What else may lie in a directory that becomes ours: the node's key, and a file system's own. */
const TOLERATED = new Set(['identity.key', 'lost+found', MARKER_DRAFT])
const NEW_DIRECTORY_HINT = 'Choose another data directory with --data-dir'

/** The directory of a store: DIR/hearsay-store.json says whose and which format, DIR/db is LevelDB's. */
export function databasePath(directory: string): string {
  return join(directory, DATABASE)
}

/**
 * Makes the directory ours, or refuses it untouched.
 * @throws {HearsayError} ERR_STORE, ERR_STORE_FOREIGN, ERR_STORE_VERSION
 */
export async function claimDirectory(directory: string): Promise<void> {
  const names = await namesIn(directory)
  if (names.includes(MARKER)) {
    await checkMarker(directory)
  } else {
    const foreign = names.find((name) => !isTolerated(name))
    if (foreign !== undefined) throw foreignDirectory(directory, `it holds "${foreign}"`)
  }
  await access(directory, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw new HearsayError('ERR_STORE', `Cannot use data directory ${directory}: not writable`, {
      hint: 'Give this user write permission, or choose another data directory with --data-dir',
      cause: error,
    })
  })
  if (!names.includes(MARKER)) await writeMarker(directory)
}

/** Makes creations, renames and removals in a directory survive a power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open directories; NTFS journals their entries by itself.
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Leaves the process id for the message that a second process gets. */
export async function writeOwner(directory: string): Promise<void> {
  await writeFile(join(directory, OWNER), `${process.pid}\n`)
}

export async function removeOwner(directory: string): Promise<void> {
  await rm(join(directory, OWNER), { force: true })
}

/** @throws {HearsayError} always: ERR_STORE_LOCKED with the holder's process id when it is known */
export async function refuseLocked(directory: string, cause: unknown): Promise<never> {
  const text = await readFile(join(directory, OWNER), 'utf8').catch(() => '')
  const pid = /^\d+\n$/.test(text) ? ` ${text.trim()}` : ''
  throw new HearsayError(
    'ERR_STORE_LOCKED',
    `Cannot open data directory ${directory}: in use by process${pid || ' (unknown)'}`,
    { hint: 'Stop that node, or give this one its own --data-dir', cause },
  )
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    const created = await makeDirectory(directory)
    if (created !== undefined) await syncDirectory(dirname(created))
    return await readdir(directory)
  } catch (error) {
    const code = errorCode(error)
    const isNoDirectory = code === 'EEXIST' || code === 'ENOTDIR'
    throw new HearsayError(
      'ERR_STORE',
      `Cannot use data directory ${directory}: ${isNoDirectory ? 'not a directory' : code}`,
      { hint: NEW_DIRECTORY_HINT, cause: error },
    )
  }
}

function isTolerated(name: string): boolean {
  return TOLERATED.has(name) || name.startsWith('identity.key.')
}

async function checkMarker(directory: string): Promise<void> {
  const format = markerFormat(await readFile(join(directory, MARKER), 'utf8'))
  if (format === undefined) throw foreignDirectory(directory, `its ${MARKER} is not ours`)
  if (format > STORE_FORMAT) {
    throw new HearsayError(
      'ERR_STORE_VERSION',
      `Cannot open data directory ${directory}: its format is ${format}, this version knows ${STORE_FORMAT}`,
      { hint: 'Run the newer hearsay that wrote it; nothing was changed' },
    )
  }
}

function markerFormat(text: string): number | undefined {
  try {
    const marker: unknown = JSON.parse(text)
    if (typeof marker !== 'object' || marker === null) return undefined
    if (!('format' in marker) || !('kind' in marker)) return undefined
    const { format, kind } = marker
    const isOurs = kind === 'hearsay-store' && typeof format === 'number' && format >= 1
    return isOurs ? format : undefined
  } catch {
    return undefined
  }
}

function foreignDirectory(directory: string, why: string): HearsayError {
  return new HearsayError(
    'ERR_STORE_FOREIGN',
    `Cannot use data directory ${directory}: ${why}, and it was not made by hearsay`,
    { hint: 'Choose an empty or new directory with --data-dir; nothing was changed' },
  )
}

async function writeMarker(directory: string): Promise<void> {
  const draft = join(directory, MARKER_DRAFT)
  const marker = { kind: 'hearsay-store', format: STORE_FORMAT }
  await writeFile(draft, `${JSON.stringify(marker)}\n`, { flush: true })
  await rename(draft, join(directory, MARKER))
  await syncDirectory(directory)
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
