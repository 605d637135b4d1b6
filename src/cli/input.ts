import { createReadStream } from 'node:fs'
import { CliError, EXIT } from './errors.ts'
import type { Io } from './io.ts'

/**
 * The bytes of a file, or of stdin for `-`.
 * @param bytesMax more is not read: the result is then longer by up to one chunk, for the caller to refuse
 * @throws {CliError} exit 1 when the file cannot be read
 */
export async function readInput(io: Io, source: string, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const input: AsyncIterable<Uint8Array> = source === '-' ? io.stdin : createReadStream(source)
  try {
    for await (const chunk of input) {
      chunks.push(chunk)
      length += chunk.length
      if (length > bytesMax) break
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError(EXIT.failure, 'ERR_FILE', `Cannot read ${source}: ${reason}`)
  }
  return Buffer.concat(chunks)
}
