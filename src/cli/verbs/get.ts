import { Option } from 'commander'
import { withApi } from '../connect.ts'
import { notFoundError } from '../errors.ts'
import { addKeyKinds, keyQuery } from '../key-kind.ts'
import { levelOption } from '../level.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [
    ['hearsay get hello', 'print the value, byte for byte'],
    ['hearsay get picture > picture.png', 'into a file'],
    ['hearsay get hello --json', 'with version, author and who answered'],
    ['hearsay get status --owner ada', 'a name that only the member ada can write'],
  ],
  build(command, act) {
    addKeyKinds(command)
      .argument('<key>', 'key of the value')
      .addOption(new Option('--owner <member>', 'read a name of another member').conflicts('own'))
      .addOption(levelOption('how many replicas must have told what they hold'))
    act(command, async ({ context, operands, settings }) =>
      withApi(
        context,
        async (client) => {
          const key = operand(operands, 0)
          const { timeoutMs } = context.globals
          const found = await client.get(key, {
            ...keyQuery(settings),
            ...(timeoutMs === undefined ? {} : { timeoutMs }),
          })
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
