import type { QueryInfo } from '../../index.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { formatDuration } from '../duration.ts'
import { EXIT } from '../errors.ts'
import { integerOption } from '../flags.ts'
import { readPayload } from '../payload-input.ts'
import { renderTable } from '../table.ts'
import { plural, printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

const TIMEOUT_MS_DEFAULT = 2_000

export const verb: Verb = {
  examples: [
    ['hearsay query ping', 'who answers, and how fast'],
    ['hearsay query version --json | jq -r .answers[].payload', 'for scripts'],
    ['hearsay query load --timeout 5s', 'a question that the members’ programs answer'],
  ],
  build(command, act) {
    command
      .argument('<name>', 'the question, at most 64 bytes; ping and version are always answered')
      .argument('[payload]', 'text, or - for stdin')
      .addOption(
        integerOption('--relay-factor <n>', 'ways back for each answer, 1 … 3 (default 1)', {
          min: 1,
          max: 3,
        }),
      )
    act(command, async ({ context, operands, settings }) => {
      const relayFactor = settings.number('relayFactor')
      const message = {
        name: operand(operands, 0),
        ...(await readPayload(context, operands[1])),
        ...(relayFactor === undefined ? {} : { relayFactor }),
      }
      const timeoutMs = context.globals.timeoutMs ?? TIMEOUT_MS_DEFAULT
      return await withApi(
        context,
        async (client) => tell(context, await client.query(message, { timeoutMs })),
        { nodeWaits: true },
      )
    })
  },
}

/** 6 when members did not answer in time; those without a handler have answered. */
function tell(context: Context, found: QueryInfo): number {
  const { print } = context
  print.result(found, () => {
    const rows = found.answers.map(({ from, payload, encoding, elapsedMs }) => [
      printable(from),
      formatDuration(elapsedMs),
      encoding === 'utf8' ? printable(payload) : `base64:${payload}`,
    ])
    return rows.length === 0 ? [] : renderTable(['FROM', 'AFTER', 'ANSWER'], rows)
  })
  const names = (list: readonly string[]): string => list.map(printable).join(', ')
  const { silent, unhandled, failed } = found
  const answers = plural(found.answers.length, 'answer')
  print.note(`note: ${answers} in ${formatDuration(found.elapsedMs)}`)
  if (unhandled.length > 0) print.note(`note: no handler: ${names(unhandled)}`)
  if (failed.length > 0) print.note(`note: its handler failed: ${names(failed)}`)
  if (silent.length > 0) print.note(`note: no answer in time: ${names(silent)}`)
  return silent.length > 0 ? EXIT.timeout : EXIT.ok
}
