import type { StreamedEvent } from '../../http/shapes.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { describeChange } from '../describe-change.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay watch', 'every change of every object of the group'],
    ['hearsay watch votes --json', 'one object, for scripts'],
    ['hearsay watch --from 4f1a09c2b7d3e586-42', 'go on after a cursor, missing nothing'],
  ],
  build(command, act) {
    command
      .argument('[name]', 'only this object')
      .option('--from <cursor>', 'go on after this cursor, the last column of every line')
    act(command, async ({ context, operands, settings }) =>
      withApi(
        context,
        async (client, _target, signal) => {
          const from = settings.text('from')
          const resume = from === undefined ? {} : { lastEventId: from }
          const types = ['object-changed']
          for await (const streamed of client.events({ types, signal, ...resume })) {
            tell(context, streamed, operands[0])
          }
          return undefined
        },
        { isStream: true },
      ),
    )
  },
}

function tell(context: Context, { id, event }: StreamedEvent, name: string | undefined): void {
  const { print, globals } = context
  if (event.type === 'reset') {
    print.note('note: changes were missed here: read the objects again')
    if (globals.json) print.json({ type: 'reset', cursor: id, at: event.at, reset: true })
  }
  if (event.type !== 'object-changed') return
  const { at, object, objectType, group, origin, diff } = event
  if (group !== globals.group || (name !== undefined && object !== name)) return
  const change = { cursor: id, at, object, type: objectType, group, origin }
  print.result({ ...change, ...(diff ?? { reset: true }) }, () => {
    const time = print.paint('dim', new Date(at).toISOString().slice(11, 23))
    const place = print.paint('dim', `${origin}  ${id}`)
    return [`${time}  ${print.paint('bold', printable(object))}  ${describeChange(diff)}  ${place}`]
  })
}
