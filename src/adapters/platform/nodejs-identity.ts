import { randomBytes } from 'node:crypto'
import { link, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes, fromHex, hex } from '../../base/bytes.ts'
import { HearsayError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { syncDirectory } from '../common/sync-directory.ts'
import { SEED_BYTES } from './nodejs-signer.ts'

const IDENTITY_NAME = 'identity.key'
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700
const OTHERS_MASK = 0o077
/** The line is 102 bytes; more is not read. */
const FILE_BYTES_MAX = 256
const CHECKSUM_BYTES = 4
const LINE = /^hearsay-identity 1 ([0-9a-f]{64}) ([0-9a-f]{8})\n?$/

/**
 * The node's Ed25519 seed from DIR/identity.key, made on first use. The file is one line,
 * `hearsay-identity 1 SEED CHECKSUM` in hexadecimal: a damaged key would otherwise be another, valid
 * identity. It appears whole or not at all and is on disk before anybody uses it.
 *
 * Open the store of the directory first: it refuses directories that belong to somebody else.
 *
 * @returns 32 bytes, secret
 * @throws {HearsayError} ERR_IDENTITY: permissions wider than the owner's, damaged, or not readable
 */
export async function loadIdentity(directory: string): Promise<Uint8Array> {
  const path = join(directory, IDENTITY_NAME)
  try {
    const existing = await readIdentity(path)
    if (existing !== undefined) return existing
    await createIdentity(directory, path, new Uint8Array(randomBytes(SEED_BYTES)))
    const created = await readIdentity(path)
    if (created !== undefined) return created
  } catch (error) {
    if (error instanceof HearsayError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw identityError(path, reason, 'Check the permissions of the data directory', error)
  }
  throw identityError(path, 'it vanished', 'Let one process alone use the data directory')
}

/** The seed in any identity file. @throws {HearsayError} ERR_IDENTITY as {@link loadIdentity}, or there is none */
export async function readSeed(path: string): Promise<Uint8Array> {
  const seed = await readIdentity(path).catch((error: unknown) => {
    if (error instanceof HearsayError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw identityError(path, reason, 'Check the path and its permissions', error)
  })
  if (seed !== undefined) return seed
  throw identityError(path, 'there is no such file', 'It is the identity.key of a data directory')
}

/** Gives a directory without identity one. @param seed 32 bytes, secret */
export async function writeIdentity(directory: string, seed: Uint8Array): Promise<void> {
  await createIdentity(directory, join(directory, IDENTITY_NAME), seed)
}

async function readIdentity(path: string): Promise<Uint8Array | undefined> {
  const handle = await openExisting(path)
  if (handle === undefined) return undefined
  try {
    const file = await handle.stat()
    if (!file.isFile()) throw identityError(path, 'it is not a file', 'Move it away')
    // Windows has no such bits: there the user profile's access list protects it.
    const mode = file.mode & 0o777
    if (process.platform !== 'win32' && (mode & OTHERS_MASK) !== 0) {
      const shown = mode.toString(8).padStart(4, '0')
      throw identityError(path, `others may use it: mode ${shown}`, `Run: chmod 600 ${path}`)
    }
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FILE_BYTES_MAX), 0, FILE_BYTES_MAX)
    return parseIdentity(path, buffer.toString('latin1', 0, bytesRead))
  } finally {
    await handle.close()
  }
}

function parseIdentity(path: string, text: string): Uint8Array {
  const [, seedHex = '', checksumHex = ''] = LINE.exec(text) ?? []
  const seed = fromHex(seedHex)
  const checksum = fromHex(checksumHex)
  if (seed === undefined || checksum === undefined || seed.length !== SEED_BYTES) {
    throw damagedIdentity(path, 'it is no identity')
  }
  if (!equalBytes(checksum, checksumOf(seed))) {
    throw damagedIdentity(path, 'its checksum does not match')
  }
  return seed
}

async function openExisting(path: string): Promise<Awaited<ReturnType<typeof open>> | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function createIdentity(directory: string, path: string, seed: Uint8Array): Promise<void> {
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE })
  const draft = `${path}.${hex(randomBytes(8))}`
  const handle = await open(draft, 'wx', FILE_MODE)
  try {
    await handle.writeFile(`hearsay-identity 1 ${hex(seed)} ${hex(checksumOf(seed))}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    // A link is the exclusive creation of a file that is whole already; rename would replace.
    await link(draft, path)
  } catch (error) {
    // Somebody was faster: theirs is the identity.
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
  await syncDirectory(directory)
}

function checksumOf(seed: Uint8Array): Uint8Array {
  return sha256(seed).subarray(0, CHECKSUM_BYTES)
}

function damagedIdentity(path: string, why: string): HearsayError {
  return identityError(
    path,
    why,
    'Restore it from a backup, or delete it: the node then starts as a new peer with the same state',
  )
}

function identityError(path: string, why: string, hint: string, cause?: unknown): HearsayError {
  return new HearsayError('ERR_IDENTITY', `Cannot use identity ${path}: ${why}`, { hint, cause })
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
