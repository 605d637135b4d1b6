import { randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CliError, EXIT, exitOfCode } from './errors.ts'

/**
 * Writes a file, for nobody else to read, under a temporary name beside its own, and gives it its name only
 * when it is on the disk: a file of that name is always a whole one. What is in the way is found before the
 * first piece is asked for.
 * @param options.check reads the draft back before it gets its name; its result is handed on
 * @throws {CliError} ERR_FILE when it cannot be written, or exists and `replaces` is false
 */
export async function writeWholeFile<Result>(
  file: string,
  pieces: AsyncIterable<Uint8Array>,
  options: {
    readonly replaces: boolean
    /** What to do when it exists and is not replaced. */
    readonly hint: string
    readonly check: (draft: string) => Promise<Result>
  },
): Promise<Result> {
  await refuseExisting(file, options)
  const draft = `${file}.${randomBytes(4).toString('hex')}.part`
  try {
    const handle = await open(draft, 'wx', 0o600).catch(failed(file))
    try {
      for await (const piece of pieces) await writeAll(handle, piece).catch(failed(file))
      await handle.sync().catch(failed(file))
    } finally {
      await handle.close()
    }
    const result = await options.check(draft)
    await refuseExisting(file, options)
    await rename(draft, file).catch(failed(file))
    await syncDirectory(dirname(file))
    return result
  } finally {
    await rm(draft, { force: true })
  }
}

async function refuseExisting(
  file: string,
  { replaces, hint }: { readonly replaces: boolean; readonly hint: string },
): Promise<void> {
  const found = await lstat(file).catch(() => undefined)
  if (found === undefined || (replaces && !found.isDirectory())) return
  const isDirectory = found.isDirectory()
  const why = isDirectory ? 'it is a directory' : 'it exists'
  throw new CliError(EXIT.failure, 'ERR_FILE', `Cannot write ${file}: ${why}`, {
    hint: isDirectory ? 'Name a file in it' : hint,
  })
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    written += (await handle.write(bytes, written)).bytesWritten
  }
}

function failed(file: string): (error: unknown) => never {
  return (error) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason = error instanceof Error ? error.message : String(error)
    const exit = exitOfCode(code) ?? EXIT.failure
    throw new CliError(exit, 'ERR_FILE', `Cannot write ${file}: ${reason}`, {
      hint: 'Check the path, its permissions and the room on that disk',
      cause: error,
    })
  }
}

/** Makes the new name survive a power loss. The adapters have one too, which a shell may not reach into. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
