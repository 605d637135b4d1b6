import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Creates a directory (mode 0700) and what is missing above it.
 *
 * Not `mkdir` with `recursive`: where a file system refuses with ENOENT below a directory that exists,
 * as procfs does, Node.js 24 retries for ever.
 * @returns the topmost directory created, undefined when all were there
 * @throws the system's error when one cannot be created, or the path is something else
 */
export async function makeDirectory(directory: string): Promise<string | undefined> {
  const outcome = await makeOne(directory)
  if (outcome !== 'no-parent') return outcome === 'made' ? directory : undefined
  const parent = dirname(directory)
  const topmost = parent === directory ? undefined : await makeDirectory(parent)
  await mkdir(directory, { mode: 0o700 })
  return topmost ?? directory
}

async function makeOne(directory: string): Promise<'made' | 'there' | 'no-parent'> {
  try {
    await mkdir(directory, { mode: 0o700 })
    return 'made'
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') return 'there'
    if (code === 'ENOENT') return 'no-parent'
    throw error
  }
}
