import { withApi } from '../connect.ts'
import { renderTable } from '../table.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  examples: [
    ['hearsay objects', 'name, type and group of each'],
    ['hearsay objects --group team', 'of another group'],
  ],
  build(command, act) {
    act(command, async ({ context }) =>
      withApi(context, async (client) => {
        const { objects } = await client.objects({ group: context.globals.group })
        if (objects.length === 0) {
          context.print.note('note: no objects yet: try "hearsay counter add votes 3"')
        }
        context.print.result({ objects }, () =>
          objects.length === 0
            ? []
            : renderTable(
                ['NAME', 'TYPE', 'GROUP'],
                objects.map(({ name, type, group }) => [name, type, group].map(printable)),
              ),
        )
      }),
    )
  },
}
