import { withApi } from '../connect.ts'
import { notFoundError } from '../errors.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [
    ['hearsay get hello', 'print the value, byte for byte'],
    ['hearsay get picture > picture.png', 'into a file'],
    ['hearsay get hello --json', 'with version, author and who answered'],
  ],
  build(command, act) {
    command.argument('<key>', 'key of the value')
    act(command, async ({ context, operands }) =>
      withApi(
        context,
        async (client) => {
          const key = operand(operands, 0)
          const { timeoutMs } = context.globals
          const found = await client.get(key, timeoutMs === undefined ? {} : { timeoutMs })
          if (found === undefined) throw notFoundError(`No value found for ${printable(key)}`)
          if (context.globals.json) {
            context.print.json(found)
            return undefined
          }
          const { stdout } = context.io
          stdout.write(Buffer.from(found.value, found.encoding))
          if (stdout.isTTY) stdout.write('\n')
          return undefined
        },
        { nodeWaits: true },
      ),
    )
  },
}
