import { runBench } from '../run-bench.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay bench', 'all that need no other program, as tables; in a checkout'],
    ['hearsay bench state --quick', 'one of them: state, dht, members, serf'],
  ],
  build(command, act) {
    command
      .argument('[name...]', 'state, dht, members, serf (default: all but serf, a program)')
      .option('--quick', 'smaller counts and fewer rounds')
    act(command, async ({ context, operands, settings }) =>
      runBench(context, [...operands, ...(settings.flag('quick') ? ['--quick'] : [])]),
    )
  },
}
