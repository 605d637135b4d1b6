import { withApi } from '../connect.ts'
import { formatDuration } from '../duration.ts'
import { EXIT, usageError } from '../errors.ts'
import { plural, printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

const TIMEOUT_MS_DEFAULT = 10_000
/** What the node takes. */
const REPLICAS_MAX = 255

export const verb: Verb = {
  examples: [
    ['hearsay replicated 2', 'wait at most 10 s; exit 6 if fewer than two others hold it'],
    ['hearsay replicated 1 --group team --timeout 1m', 'what this node wrote in group team'],
  ],
  build(command, act) {
    command.argument('<k>', 'how many other members must hold what this node wrote, 1 … 255')
    act(command, async ({ context, operands }) => {
      const wanted = parseReplicas(operand(operands, 0))
      const { globals, print } = context
      return await withApi(
        context,
        async (client) => {
          const timeoutMs = globals.timeoutMs ?? TIMEOUT_MS_DEFAULT
          const found = await client.replicated(wanted, { timeoutMs, group: globals.group })
          const holders = plural(found.replicas, 'linked member')
          const after = `after ${formatDuration(found.elapsedMs)}`
          const where = found.group === 'main' ? '' : ` in ${printable(found.group)}`
          print.result(found, () => [
            found.replicated
              ? `${print.paint('green', 'replicated')}${where}: durable on ${holders}, ${after}`
              : `${print.paint('yellow', 'not replicated')}${where}: durable on ${holders} of ${wanted}, ${after}`,
          ])
          if (found.replicated) return EXIT.ok
          print.note('note: see who is there with "hearsay members", or wait longer with --timeout')
          return EXIT.timeout
        },
        { nodeWaits: true },
      )
    })
  },
}

function parseReplicas(text: string): number {
  const wanted = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (wanted >= 1 && wanted <= REPLICAS_MAX) return wanted
  throw usageError(
    `Cannot wait for "${printable(text)}" members: expected a whole number in 1 … ${REPLICAS_MAX}`,
    'Write how many other members must hold it, such as "hearsay replicated 2"',
  )
}
