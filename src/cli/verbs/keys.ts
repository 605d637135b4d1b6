import { Option } from 'commander'
import { withApi } from '../connect.ts'
import { integerOption } from '../flags.ts'
import { renderTable } from '../table.ts'
import { plural, printable } from '../text.ts'
import type { Verb } from '../verb.ts'

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 10_000

export const verb: Verb = {
  examples: [
    ['hearsay keys', 'what this node has stored in the DHT, wherever it is held'],
    ['hearsay keys --limit 1000 --json', 'with the cursor of the next page in "next"'],
  ],
  build(command, act) {
    const range = { min: 1, max: LIMIT_MAX }
    command
      .addOption(
        integerOption('--limit <n>', `keys of a page, at most ${LIMIT_MAX}`, range).default(
          LIMIT_DEFAULT,
        ),
      )
      .addOption(new Option('--from <cursor>', 'go on where the page before ended'))
    act(command, async ({ context, settings }) =>
      withApi(context, async (client) => {
        const { print } = context
        const limit = settings.number('limit') ?? LIMIT_DEFAULT
        const from = settings.text('from')
        const page = await client.keys({ limit, ...(from === undefined ? {} : { from }) })
        print.result(page, () =>
          page.keys.length === 0
            ? []
            : renderTable(
                ['KEY', 'KIND', 'BYTES', 'EXPIRES', 'VERSION'],
                page.keys.map(({ key, kind, bytes, expiresAt, version }) => {
                  return [printable(key), kind, String(bytes), expiresAt, version]
                }),
              ),
        )
        if (page.keys.length === 0) print.note('note: no keys: try "hearsay put hello world"')
        if (page.next !== undefined) {
          const shown = plural(page.keys.length, 'key')
          print.note(`note: ${shown} of more: go on with --from ${page.next}`)
        }
        if (!page.complete) print.note('note: this node has written more keys than it remembers')
      }),
    )
  },
}
