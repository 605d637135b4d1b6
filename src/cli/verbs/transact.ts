import type { NamedOperation } from '../../http/shapes.ts'
import { withApi } from '../connect.ts'
import { CliError, EXIT, usageError } from '../errors.ts'
import { readInput } from '../input.ts'
import { parseJsonInput } from '../json-input.ts'
import { renderTable } from '../table.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

/** A request of the API ends here; the node says so too, but sending a disk image first helps nobody. */
const OPERATIONS_BYTES_MAX = 1024 * 1024
const FORM = `'[{"name":"users","type":"set","op":"add","value":"ada"}]'`

export const verb: Verb = {
  examples: [
    ['hearsay transact changes.json', 'a JSON list of operations: all of them, or none'],
    [`echo ${FORM} | hearsay transact -`, 'from stdin'],
    ['hearsay transact changes.json --group team', 'in another group'],
  ],
  build(command, act) {
    command.argument('<file>', 'file with a JSON list of operations, or - for stdin')
    act(command, async ({ context, operands }) => {
      const { group } = context.globals
      return await withApi(context, async (client) => {
        const bytes = await readInput(context.io, operand(operands, 0), OPERATIONS_BYTES_MAX)
        const done = await client.transact(parseOperations(bytes), { group })
        const rows = done.results.map(({ name, type, changed }) => [
          printable(name),
          type,
          String(changed),
        ])
        context.print.result(done, () => renderTable(['NAME', 'TYPE', 'CHANGED'], rows))
      })
    })
  },
}

/** Only whether it is a list: what an operation may be is the node's to say, which numbers the bad one. */
function parseOperations(bytes: Uint8Array): readonly NamedOperation[] {
  if (bytes.length > OPERATIONS_BYTES_MAX) {
    throw new CliError(
      EXIT.failure,
      'ERR_LIMIT',
      `Cannot transact: the operations are larger than ${OPERATIONS_BYTES_MAX} bytes`,
      { hint: 'Split them into several transactions' },
    )
  }
  let value: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = parseJsonInput('the operations', text)
  } catch (error) {
    if (error instanceof CliError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw usageError(`Cannot use the operations: no JSON: ${reason}`, `Write a list: ${FORM}`)
  }
  if (!Array.isArray(value)) {
    throw usageError('Cannot use the operations: expected a JSON list', `Write a list: ${FORM}`)
  }
  return value as readonly NamedOperation[]
}
