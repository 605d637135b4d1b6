import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { CliError, EXIT } from '../errors.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'

const KEY_BYTES = 32

export const verb: Verb = {
  examples: [
    ['hearsay keygen key.txt', 'a new key, readable by this user alone'],
    ['hearsay up --network-key key.txt', 'whoever has it can join, nobody else'],
  ],
  build(command, act) {
    command.argument('[file]', 'where to keep the key (default: standard output)')
    act(command, async ({ context, operands }) => {
      const key = randomBytes(KEY_BYTES).toString('base64url')
      const [file] = operands
      if (file === undefined) {
        context.print.result({ key }, () => [key])
        return undefined
      }
      await keep(file, key)
      context.print.result({ file }, () => [`${printable(file)}: a new network key`])
      context.print.note('note: copy it to every machine of the network, and to nowhere else')
      return undefined
    })
  },
}

/** @throws {CliError} exit 1: there is a file already, or it cannot be written */
async function keep(file: string, key: string): Promise<void> {
  try {
    await writeFile(file, `${key}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
    const isThere = code === 'EEXIST'
    const reason = error instanceof Error ? error.message : String(error)
    const message = isThere
      ? `Cannot write ${printable(file)}: it exists, and may be the key of a network`
      : `Cannot write ${printable(file)}: ${printable(reason)}`
    const hint = isThere
      ? 'Choose another name, or remove it'
      : 'Choose a place that can be written'
    throw new CliError(EXIT.failure, isThere ? 'ERR_EXISTS' : 'ERR_FILE', message, {
      hint,
      cause: error,
    })
  }
}
