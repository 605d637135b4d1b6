import type { Command } from 'commander'
import { withApi } from '../connect.ts'
import { readObject } from '../read-object.ts'
import { printable } from '../text.ts'
import { addExamples, type Handler, type Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [],
  build(command, act) {
    const add = command.command('add <name> <value...>').description('add values')
    addExamples(add, [['hearsay set add colours red green', 'add two']])
    act(add, change('add'))

    const remove = command.command('remove <name> <value...>').description('remove values')
    addExamples(remove, [['hearsay set remove colours red', 'remove one']])
    act(remove, change('remove'))

    buildHas(command, act)

    const list = command
      .command('list <name>')
      .description('print the values, sorted, one per line')
    addExamples(list, [['hearsay set list colours', 'all of them']])
    act(list, async ({ context, operands }) =>
      withApi(context, async (client) => {
        const name = operand(operands, 0)
        const state = await readObject(client, context, { name, type: 'set' })
        context.print.result(state, () => state.values.map(printable))
      }),
    )
    addExamples(command, [
      ['hearsay set add colours red green', 'add two values'],
      ['hearsay set list colours', 'print all'],
    ])
  },
}

function buildHas(command: Command, act: Parameters<Verb['build']>[1]): void {
  const has = command.command('has <name> <value>').description('print true or false')
  addExamples(has, [['hearsay set has colours red', 'is it in there?']])
  act(has, async ({ context, operands }) =>
    withApi(context, async (client) => {
      const { group } = context.globals
      const state = await client.setHas(operand(operands, 0), operand(operands, 1), { group })
      context.print.result(state, () => [String(state.has)])
    }),
  )
}

function change(op: 'add' | 'remove'): Handler {
  return async ({ context, operands }) => {
    const [name = '', ...values] = operands
    const { group } = context.globals
    return await withApi(context, async (client) => {
      const state = await client.change(name, { type: 'set', op, values }, { group })
      const done = op === 'add' ? 'added' : 'removed'
      context.print.result(state, () =>
        'size' in state
          ? [`${done} ${state.changed} of ${values.length}, ${state.size} in the set`]
          : [],
      )
    })
  }
}
