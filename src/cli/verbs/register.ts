import type { Json } from '../../index.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { readObject } from '../read-object.ts'
import { jsonLine, printable } from '../text.ts'
import { addExamples, type Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [],
  build(command, act) {
    const set = command
      .command('set <name> <value>')
      .description('write text; the last writer wins')
    addExamples(set, [['hearsay register set motto "trust, but verify"', 'write']])
    act(set, async ({ context, operands }) =>
      withApi(context, async (client) => {
        const { group } = context.globals
        const operation = { type: 'register', op: 'set', value: operand(operands, 1) } as const
        const state = await client.change(operand(operands, 0), operation, { group })
        context.print.result(state, () => ['value' in state ? textOf(state.value, context) : ''])
      }),
    )

    const get = command
      .command('get <name>')
      .description('print the value')
      .option('--all', 'print all concurrent values as JSON, the winner first')
    addExamples(get, [
      ['hearsay register get motto', 'the value'],
      ['hearsay register get motto --all', 'what was written at the same time'],
    ])
    act(get, async ({ context, operands, settings }) =>
      withApi(context, async (client) => {
        const name = operand(operands, 0)
        const state = await readObject(client, context, { name, type: 'register' })
        context.print.result(state, () =>
          settings.flag('all')
            ? state.siblings.map((sibling) => jsonLine(sibling))
            : [textOf(state.value, context)],
        )
      }),
    )
    addExamples(command, [
      ['hearsay register set motto "trust, but verify"', 'write'],
      ['hearsay register get motto', 'read'],
    ])
  },
}

/** Text as it is, made harmless for a terminal; everything else as JSON. */
function textOf(value: Json, context: Context): string {
  if (typeof value !== 'string') return jsonLine(value)
  return context.io.stdout.isTTY ? printable(value) : value
}
