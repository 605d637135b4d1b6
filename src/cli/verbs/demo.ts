import { Option } from 'commander'
import { dataDirOption, integerOption } from '../flags.ts'
import type { Verb } from '../verb.ts'

const NODES_DEFAULT = 5
const NODES_MAX = 200

export const verb: Verb = {
  examples: [
    ['hearsay demo', 'five peers, a partition, a heal; stays until Ctrl-C'],
    ['hearsay demo --nodes 20 --once', 'ends after the story'],
    ['hearsay demo --once --json | tail -n 1', 'the figures'],
  ],
  build(command, act) {
    command
      .addOption(
        integerOption('--nodes <n>', 'how many peers', { min: 1, max: NODES_MAX }).default(
          NODES_DEFAULT,
        ),
      )
      .option('--once', 'end after the story, also at a terminal')
      .addOption(new Option('--scenario <name>', 'which story').choices(['split-brain']))
      .addOption(dataDirOption('keep the data of the nodes here (default: in memory)'))
    act(command, async ({ context, settings }) => {
      // Loads libp2p: only here, so that --help and other verbs stay quick.
      const { runDemo } = await import('../run-demo.ts')
      return await runDemo(context, {
        nodes: settings.number('nodes') ?? NODES_DEFAULT,
        isOnce: settings.flag('once') || !context.io.stdout.isTTY,
        dataDir: settings.text('dataDir'),
      })
    })
  },
}
