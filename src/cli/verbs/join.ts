import { withApi } from '../connect.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay join 192.0.2.7:4001', 'host and port'],
    ['hearsay join dns:node:4001', 'every address behind a name'],
    ['hearsay join /ip4/192.0.2.7/tcp/4001 --node b', 'a multiaddr, told to node b'],
  ],
  build(command, act) {
    command.argument('<address...>', 'multiaddr, host:port or dns:name:port')
    act(command, async ({ context, operands }) =>
      withApi(context, async (client) => {
        await client.join(operands)
        context.print.result({ joining: operands }, () => [
          `joining ${operands.join(', ')} in the background: see "hearsay members"`,
        ])
      }),
    )
  },
}
