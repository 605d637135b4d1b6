import { withApi } from '../connect.ts'
import { readObject } from '../read-object.ts'
import { addExamples, type Verb } from '../verb.ts'
import { operand, parseInteger } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [],
  build(command, act) {
    const add = command
      .command('add <name> [n]')
      .description('add N (default 1, may be negative) and print the sum')
      .option('--grow-only', 'make it a counter that refuses negative numbers')
    addExamples(add, [
      ['hearsay counter add votes', 'one more'],
      ['hearsay counter add votes 3', 'three more'],
      ['hearsay counter add votes -3', 'three fewer'],
    ])
    act(add, async ({ context, operands, settings }) => {
      const name = operand(operands, 0)
      const amount = parseInteger(operands[1] ?? '1')
      const growOnly = settings.flag('growOnly') ? { growOnly: true } : {}
      const { group } = context.globals
      return await withApi(context, async (client) => {
        const operation = { type: 'counter', op: 'add', value: amount, ...growOnly } as const
        const state = await client.change(name, operation, { group })
        context.print.result(state, () => ['value' in state ? String(state.value) : ''])
      })
    })

    const get = command.command('get <name>').description('print the sum')
    addExamples(get, [
      ['hearsay counter get votes', 'what has been counted, as this node knows it'],
    ])
    act(get, async ({ context, operands }) =>
      withApi(context, async (client) => {
        const state = await readObject(client, context, {
          name: operand(operands, 0),
          type: 'counter',
        })
        context.print.result(state, () => [String(state.value)])
      }),
    )
    addExamples(command, [
      ['hearsay counter add votes 3', 'count'],
      ['hearsay counter get votes', 'read'],
    ])
  },
}
