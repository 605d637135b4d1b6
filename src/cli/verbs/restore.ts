import { usageError } from '../errors.ts'
import { dataDirOption } from '../flags.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [
    ['hearsay restore monday.backup --data-dir ./b', 'a new peer with the state of then'],
    ['hearsay up --data-dir ./b', 'it joins its network and catches up'],
    [
      'hearsay restore monday.backup --data-dir ./b --identity ./a/identity.key',
      'the same peer again: only when the old one is gone for good',
    ],
  ],
  build(command, act) {
    command
      .argument('<file>', 'what hearsay backup wrote')
      .addOption(dataDirOption('directory to make; new, or empty'))
      .option(
        '--identity <file>',
        'identity.key of the node that it replaces (default: a new peer)',
      )
    act(command, async ({ context, operands, settings }) => {
      const dataDir = settings.text('dataDir')
      if (dataDir === undefined) {
        throw usageError('Cannot restore: --data-dir is missing', 'Say which directory to make')
      }
      const identity = settings.text('identity')
      // Opens a database: only here, so that --help and other verbs stay quick.
      const { runRestore } = await import('../run-restore.ts')
      const options = identity === undefined ? { dataDir } : { dataDir, identity }
      return await runRestore(context, operand(operands, 0), options)
    })
  },
}
