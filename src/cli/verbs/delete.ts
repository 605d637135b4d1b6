import { Option } from 'commander'
import { withApi } from '../connect.ts'
import { formatDuration } from '../duration.ts'
import { ifVersionOption, keyQuery } from '../key-kind.ts'
import { levelOption } from '../level.ts'
import { plural, printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [
    ['hearsay delete hello', 'delete a value on its replicas'],
    ['hearsay delete hello --level all', 'and wait for every one of them'],
  ],
  build(command, act) {
    command
      .argument('<key>', 'key of the value')
      .addOption(levelOption('how many replicas must have deleted it'))
      .addOption(new Option('--own', "a name of this node's own"))
      .addOption(ifVersionOption())
    act(command, async ({ context, operands, settings }) =>
      withApi(
        context,
        async (client) => {
          const { timeoutMs } = context.globals
          const result = await client.delete(operand(operands, 0), {
            ...keyQuery(settings),
            ...(timeoutMs === undefined ? {} : { timeoutMs }),
          })
          context.print.result(result, () => [
            `deleted ${printable(result.key)} on ${plural(result.acks, 'replica')} ` +
              `(${result.required} needed) in ${formatDuration(result.elapsedMs)}`,
          ])
        },
        { nodeWaits: true },
      ),
    )
  },
}
