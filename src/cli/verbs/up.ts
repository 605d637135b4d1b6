import { upOptions } from '../up-options.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay up', 'a node in memory; a second one finds it'],
    ['hearsay up --name a --data-dir ./a', 'keep identity and data'],
    ['hearsay up --profile lan --network-key key.txt --join 192.0.2.7:4001', 'across machines'],
    ['hearsay up --json --log-level error', 'events as lines of JSON'],
  ],
  build(command, act) {
    for (const option of upOptions()) command.addOption(option)
    act(command, async ({ context, settings }) => {
      // Loads libp2p: only here, so that --help and other verbs stay quick.
      const { runNode } = await import('../run-node.ts')
      return await runNode(context, settings)
    })
  },
}
