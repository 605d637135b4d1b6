import type { EncodedPayload } from '../index.ts'
import type { Context } from './context.ts'
import { CliError, EXIT } from './errors.ts'
import { readInput } from './input.ts'

/** The node says so too; reading a disk image first helps nobody. */
const PAYLOAD_BYTES_MAX = 64 * 1024

/** The payload that a word of the command line names: itself, nothing, or `-` for stdin. */
export async function readPayload(
  context: Context,
  word: string | undefined,
): Promise<Partial<EncodedPayload>> {
  if (word === undefined) return {}
  if (word !== '-') return { payload: word }
  const bytes = Buffer.from(await readInput(context.io, '-', PAYLOAD_BYTES_MAX))
  if (bytes.length > PAYLOAD_BYTES_MAX) {
    throw new CliError(
      EXIT.failure,
      'ERR_LIMIT',
      `Cannot send the payload: it is larger than ${PAYLOAD_BYTES_MAX} bytes`,
      { hint: 'Store it with "hearsay put" and send its key' },
    )
  }
  return { payload: bytes.toString('base64'), encoding: 'base64' }
}
