import type { Client } from '../../http/client.ts'
import type { UndoAnswer } from '../../http/shapes.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { usageError } from '../errors.ts'
import { integerOption } from '../flags.ts'
import { renderTable } from '../table.ts'
import { plural, printable } from '../text.ts'
import type { Verb } from '../verb.ts'

type Kept = UndoAnswer['kept'][number]

const REASONS: Readonly<Record<Kept['reason'], string>> = {
  'changed-since': 'somebody has written there since',
  'grow-only': 'it only grows',
}

export const verb: Verb = {
  examples: [
    ['hearsay undo', 'the last transaction of the node that runs here'],
    ['hearsay undo', 'once more: redo'],
    ['hearsay undo --list', 'what can be undone, with numbers'],
    ['hearsay undo --transaction 7 --group team', 'an earlier one'],
  ],
  build(command, act) {
    command.option('--list', 'print what can be undone, and undo nothing').addOption(
      integerOption('--transaction <n>', 'undo this one instead of the last', {
        min: 1,
        max: Number.MAX_SAFE_INTEGER,
      }),
    )
    act(command, async ({ context, settings }) => {
      const transaction = settings.number('transaction')
      const isList = settings.flag('list')
      if (isList && transaction !== undefined) {
        throw usageError('Cannot use --list with --transaction: choose one')
      }
      return await withApi(context, async (client) => {
        if (isList) await list(client, context)
        else await undo(client, context, transaction)
        return undefined
      })
    })
  },
}

async function list(client: Client, { globals, print }: Context): Promise<void> {
  const answer = await client.undoable({ group: globals.group })
  const rows = answer.transactions.map(({ transaction, undoes, objects }) => [
    String(transaction),
    objects.map(({ name, type }) => `${type} ${printable(name)}`).join(', '),
    undoes === undefined ? '-' : String(undoes),
  ])
  print.result(answer, () => renderTable(['TRANSACTION', 'OBJECTS', 'UNDOES'], rows))
}

async function undo(
  client: Client,
  { globals, print }: Context,
  transaction: number | undefined,
): Promise<void> {
  const { group } = globals
  const answer = await client.undo(transaction === undefined ? { group } : { group, transaction })
  const { undone, kept, undoneBy } = answer
  print.result(answer, () =>
    undone.map(
      ({ name, type, changed }) =>
        `${type} ${printable(name)}: ${plural(changed, 'change')} undone`,
    ),
  )
  for (const one of kept) print.note(`note: ${describe(one)} stays: ${REASONS[one.reason]}`)
  if (undone.length === 0) print.note('note: nothing was left to undo')
  if (undoneBy === undefined) return
  const where = globals.groupAsked === undefined ? '' : ` --group ${group}`
  print.note(`note: redo with: hearsay undo --transaction ${undoneBy}${where}`)
}

function describe({ name, type, path, value }: Kept): string {
  const place = path === undefined ? '' : `, ${printable(path.join('.'))}`
  return `${type} ${printable(name)}${place}${value === undefined ? '' : `, ${printable(value)}`}`
}
