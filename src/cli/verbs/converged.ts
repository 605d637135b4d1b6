import { withApi } from '../connect.ts'
import { formatDuration } from '../duration.ts'
import { EXIT } from '../errors.ts'
import { plural } from '../text.ts'
import type { Verb } from '../verb.ts'

const TIMEOUT_MS_DEFAULT = 10_000

export const verb: Verb = {
  examples: [
    ['hearsay converged', 'wait at most 10 s; exit 7 if they still differ'],
    ['hearsay converged --timeout 1m && echo same', 'in a script'],
  ],
  build(command, act) {
    act(command, async ({ context }) =>
      withApi(
        context,
        async (client) => {
          const timeoutMs = context.globals.timeoutMs ?? TIMEOUT_MS_DEFAULT
          const found = await client.converged({ timeoutMs, group: context.globals.group })
          const members = plural(found.members, 'live member')
          context.print.result(found, () => [
            found.converged
              ? `${context.print.paint('green', 'converged')}: ${members}, digest ${found.digest}, after ${formatDuration(found.elapsedMs)}`
              : `${context.print.paint('yellow', 'not converged')}: ${members} after ${formatDuration(found.elapsedMs)}`,
          ])
          if (found.converged) return EXIT.ok
          context.print.note(
            'note: see who differs with "hearsay members", or wait longer with --timeout',
          )
          return EXIT.notConverged
        },
        { nodeWaits: true },
      ),
    )
  },
}
