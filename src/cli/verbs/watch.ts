import { withApi } from '../connect.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay watch', 'every change of every object of the group'],
    ['hearsay watch votes --json', 'one object, for scripts'],
    ['hearsay watch --from 7216389463703552', 'go on after a cursor, missing nothing'],
  ],
  build(command, act) {
    command
      .argument('[name]', 'only this object')
      .option('--from <cursor>', 'go on after this cursor, the last column of every line')
    act(command, async ({ context, operands, settings }) =>
      withApi(
        context,
        async (client, _target, signal) => {
          const [name] = operands
          const lastEventId = settings.text('from')
          const types = ['object-changed']
          const resume = lastEventId === undefined ? {} : { lastEventId }
          for await (const { id, event } of client.events({ types, signal, ...resume })) {
            if (event.type === 'reset') {
              context.print.note('note: changes were missed here: read the objects again')
              if (context.globals.json)
                context.print.json({ cursor: id, at: event.at, reset: true })
            }
            if (event.type !== 'object-changed') continue
            const { at, object, objectType, group, origin } = event
            if (group !== context.globals.group || (name !== undefined && object !== name)) continue
            const change = { cursor: id, at, object, type: objectType, group, origin }
            context.print.result(change, () => {
              const time = context.print.paint('dim', new Date(at).toISOString().slice(11, 23))
              const cursor = context.print.paint('dim', id)
              return [`${time}  ${printable(object)}  ${objectType}  ${origin}  ${cursor}`]
            })
          }
          return undefined
        },
        { isStream: true },
      ),
    )
  },
}
