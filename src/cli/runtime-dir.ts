import { lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError, EXIT } from './errors.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Where the registry lives and how private it must be. */
export interface RuntimeDir {
  readonly path: string
  /** Mode bits that must not be set: chosen folders may be readable by others, ours may not. */
  readonly forbiddenMode: number
}

const WRITABLE_BY_OTHERS = 0o022
const WIDER_THAN_0700 = 0o077

/** HEARSAY_RUNTIME_DIR, else XDG_RUNTIME_DIR/hearsay, else a folder of this user in the temporary directory. */
export function runtimeDir(env: Environment, temporary: string = tmpdir()): RuntimeDir {
  const chosen = env.HEARSAY_RUNTIME_DIR
  if (chosen !== undefined && chosen !== '') {
    return { path: chosen, forbiddenMode: WRITABLE_BY_OTHERS }
  }
  const xdg = env.XDG_RUNTIME_DIR
  if (xdg !== undefined && xdg !== '') {
    return { path: join(xdg, 'hearsay'), forbiddenMode: WIDER_THAN_0700 }
  }
  return {
    path: join(temporary, `hearsay-${process.getuid?.() ?? 'user'}`),
    forbiddenMode: WIDER_THAN_0700,
  }
}

/**
 * Checks that nobody else can plant or read files there.
 * @param self the user it must belong to; undefined where there are no users
 * @returns false when the folder does not exist
 * @throws {CliError} it is no folder, belongs to somebody else, or is open to others
 */
export async function checkRuntimeDir(
  directory: RuntimeDir,
  self: number | undefined = process.getuid?.(),
): Promise<boolean> {
  const { path, forbiddenMode } = directory
  let stats: Awaited<ReturnType<typeof lstat>>
  try {
    stats = await lstat(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
  if (!stats.isDirectory()) throw refusal(path, 'it is no folder')
  // Windows has neither owners nor modes; its temporary directory belongs to the user.
  if (self === undefined) return true
  if (stats.uid !== self) throw refusal(path, `it belongs to user ${stats.uid}`)
  const mode = stats.mode & 0o777
  if ((mode & forbiddenMode) !== 0) {
    throw refusal(path, `its mode is ${mode.toString(8)}, open to other users`)
  }
  return true
}

/**
 * Creates the folder (mode 0700) when it is missing, and checks it. Its parent must exist: creating
 * all of a path hangs on file systems that refuse with ENOENT, such as /proc.
 * @throws {CliError} as checkRuntimeDir, and when it cannot be created
 */
export async function makeRuntimeDir(directory: RuntimeDir): Promise<void> {
  if (await checkRuntimeDir(directory)) return
  try {
    await mkdir(directory.path, { mode: 0o700 })
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
    // Another node may have been quicker.
    if (code !== 'EEXIST') throw refusal(directory.path, `cannot create it: ${String(code)}`)
  }
  await checkRuntimeDir(directory)
}

function refusal(path: string, reason: string): CliError {
  return new CliError(
    EXIT.failure,
    'ERR_RUNTIME_DIR',
    `Cannot use the registry of running nodes in ${path}: ${reason}`,
    {
      hint: 'Set HEARSAY_RUNTIME_DIR to a folder of your own with mode 700',
    },
  )
}
