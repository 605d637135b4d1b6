import { Option } from 'commander'
import { withApi } from '../connect.ts'
import type { Verb } from '../verb.ts'

/** The start of a cell that spreadsheets take for a formula; numbers below zero are harmless. */
const FORMULA = /(?:^|[,\n])"?(?:[=+@\t]|-(?![\d.]))/

export const verb: Verb = {
  examples: [
    ['hearsay export > state.ndjson', 'everything: one JSON object per value, all groups'],
    ['hearsay export --group team', 'one group'],
    ['hearsay export --format csv > state.csv', 'for a spreadsheet'],
  ],
  build(command, act) {
    command.addOption(
      new Option('--format <format>', 'ndjson keeps types, csv is for spreadsheets')
        .choices(['ndjson', 'csv'])
        .default('ndjson'),
    )
    act(command, async ({ context, settings }) =>
      withApi(
        context,
        async (client, _target, signal) => {
          const format = settings.text('format') === 'csv' ? 'csv' : 'ndjson'
          const { groupAsked } = context.globals
          const { stdout } = context.io
          const decoder = new TextDecoder()
          let hasFormula = false
          const group = groupAsked === undefined ? {} : { group: groupAsked }
          for await (const piece of client.export({ format, signal, ...group })) {
            if (format === 'csv' && !hasFormula) {
              hasFormula = FORMULA.test(decoder.decode(piece, { stream: true }))
            }
            stdout.write(piece)
            // Whoever reads slowly slows the node down, instead of filling this process.
            await stdout.flush()
          }
          if (hasFormula) {
            context.print.note(
              'note: some texts begin with = + - or @, which a spreadsheet may run as formulas: import the columns as text',
            )
          }
          return undefined
        },
        { isTransfer: true },
      ),
    )
  },
}
