import { withApi } from '../connect.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay leave', 'the node says goodbye and stops'],
    ['hearsay leave --node b', 'another one'],
  ],
  build(command, act) {
    act(command, async ({ context }) =>
      withApi(context, async (client, target) => {
        await client.leave()
        context.print.result({ left: true }, () => [`${target.label} has left`])
      }),
    )
  },
}
