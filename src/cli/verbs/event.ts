import { withApi } from '../connect.ts'
import { formatBytes } from '../duration.ts'
import { readPayload } from '../payload-input.ts'
import { plural, printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [
    ['hearsay event deploy v1.2.3', 'every member gets it once: an event of type "broadcast"'],
    ['hearsay event restart', 'without a payload'],
    ['date | hearsay event now -', 'what comes in on stdin, at most 64 KiB'],
  ],
  build(command, act) {
    command
      .argument('<name>', 'name of the broadcast, at most 64 bytes')
      .argument('[payload]', 'text, or - for stdin; up to 1 KiB is fastest')
    act(command, async ({ context, operands }) => {
      const message = {
        name: operand(operands, 0),
        ...(await readPayload(context, operands[1])),
      }
      return await withApi(context, async (client) => {
        const sent = await client.broadcast(message)
        context.print.result(sent, () => [
          `sent ${printable(sent.name)} (${formatBytes(sent.bytes)}) to ${plural(sent.members, 'member')}: ${sent.id}`,
        ])
      })
    })
  },
}
