import { constants } from 'node:fs'
import { access, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HearsayError } from '../../base/errors.ts'
import { syncDirectory } from '../common/sync-directory.ts'
import { makeDirectory } from './make-directory.ts'

const KIND = 'hearsay-store'
const MARKER = 'hearsay-store.json'
const MARKER_DRAFT = `${MARKER}.tmp`
const OWNER = 'owner.pid'
const DATABASE = 'db'
/** What else may lie in a directory that becomes ours: the node's key, and a file system's own. */
const TOLERATED = new Set(['identity.key', 'lost+found', MARKER_DRAFT])
const NEW_DIRECTORY_HINT = 'Choose another data directory with --data-dir'

/** What DIR/hearsay-store.json says beside whose the directory is. */
export interface Marker {
  /** Format of the rows; versions that know only smaller ones refuse the directory. */
  readonly format: number
  /** Set while rows are being migrated: they are in no format, the backup of this one is whole. */
  readonly migratingFrom?: number
}

/** The directory of a store: DIR/hearsay-store.json says whose and which format, DIR/db is LevelDB's. */
export function databasePath(directory: string): string {
  return join(directory, DATABASE)
}

/** Where the rows of an older format are kept. */
export function backupPath(directory: string, format: number): string {
  return join(directory, `${DATABASE}.backup-${format}`)
}

/**
 * Makes the directory ours, or refuses it untouched.
 * @param format the newest format that is known, and that a new directory gets
 * @throws {HearsayError} ERR_STORE, ERR_STORE_FOREIGN, ERR_STORE_VERSION
 */
export async function claimDirectory(directory: string, format: number): Promise<void> {
  const names = await namesIn(directory)
  if (names.includes(MARKER)) {
    await readMarker(directory, format)
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
  if (!names.includes(MARKER)) await writeMarker(directory, { format })
}

/**
 * @param known the newest format that is known
 * @throws {HearsayError} ERR_STORE_FOREIGN, ERR_STORE_VERSION
 */
export async function readMarker(directory: string, known: number): Promise<Marker> {
  const marker = parseMarker(await readFile(join(directory, MARKER), 'utf8'))
  if (marker === undefined) throw foreignDirectory(directory, `its ${MARKER} is not ours`)
  if (marker.format <= known) return marker
  throw new HearsayError(
    'ERR_STORE_VERSION',
    `Cannot open data directory ${directory}: its format is ${marker.format}, this version knows ${known}`,
    { hint: 'Run the newer hearsay that wrote it; nothing was changed' },
  )
}

/** Replaces the marker: afterwards the new one is durable, before it the old one was. */
export async function writeMarker(directory: string, marker: Marker): Promise<void> {
  const draft = join(directory, MARKER_DRAFT)
  await writeFile(draft, `${JSON.stringify({ kind: KIND, ...marker })}\n`, { flush: true })
  await rename(draft, join(directory, MARKER))
  await syncDirectory(directory)
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

function parseMarker(text: string): Marker | undefined {
  try {
    const marker: unknown = JSON.parse(text)
    if (typeof marker !== 'object' || marker === null) return undefined
    if (!('kind' in marker) || !('format' in marker) || marker.kind !== KIND) return undefined
    const { format } = marker
    if (!isFormat(format)) return undefined
    if (!('migratingFrom' in marker)) return { format }
    const { migratingFrom } = marker
    return isFormat(migratingFrom) && migratingFrom < format ? { format, migratingFrom } : undefined
  } catch {
    return undefined
  }
}

function isFormat(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1
}

function foreignDirectory(directory: string, why: string): HearsayError {
  return new HearsayError(
    'ERR_STORE_FOREIGN',
    `Cannot use data directory ${directory}: ${why}, and it was not made by hearsay`,
    { hint: 'Choose an empty or new directory with --data-dir; nothing was changed' },
  )
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
