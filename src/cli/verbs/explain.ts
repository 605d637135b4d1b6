import type { MemberExplanation } from '../../index.ts'
import { withApi } from '../connect.ts'
import { formatAge } from '../duration.ts'
import { notFoundError } from '../errors.ts'
import { memberWord, STATE_STYLES } from '../member-style.ts'
import { renderTable } from '../table.ts'
import { type Painter, plural, printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [
    ['hearsay explain b', 'what happened to b, as this node saw it, and who said so'],
    ['hearsay explain b --node c --json', 'as another node saw it, for scripts'],
  ],
  build(command, act) {
    command.argument('<member>', 'name or peer id of a member')
    act(command, async ({ context, operands }) =>
      withApi(context, async (client, target) => {
        const who = operand(operands, 0)
        const found = await client.explain(who)
        if (found === undefined) {
          const message = `no member "${printable(who)}" is known to ${target.label}`
          throw notFoundError(message, 'See "hearsay members" for their names')
        }
        context.print.result(found, () => describe(found, context.print.paint))
        const others = found.namesakes.length
        if (others > 0) {
          const ids = found.namesakes.map(printable).join(', ')
          context.print.note(`note: ${plural(others, 'other')} of this name: ${ids}`)
        }
      }),
    )
  },
}

function describe(found: MemberExplanation, paint: Painter): readonly string[] {
  const { name, peerId, since, epoch, incarnation, linked, rttMs, addresses } = found
  const link = linked ? `linked${rttMs === undefined ? '' : `, ${rttMs.toFixed(1)} ms`}` : 'no link'
  const rows = found.history.map((moment) => [
    moment.at.slice(0, 23).replace('T', ' '),
    paint(STATE_STYLES[moment.state] ?? 'red', printable(moment.state)),
    `${moment.epoch}.${moment.incarnation}`,
    printable(moment.evidence),
  ])
  const older = found.forgotten > 0 ? [`${found.forgotten} older ones are not kept`] : []
  const empty = rows.length === 0 ? ['nothing has happened to it since this node started'] : []
  return [
    `${paint('bold', printable(name))} is ${memberWord(found, paint)} for ${formatAge(since, Date.now())}`,
    `peer id ${printable(peerId)}, life ${epoch}.${incarnation}, ${link}`,
    ...(addresses.length === 0 ? [] : [`at ${addresses.map(printable).join(', ')}`]),
    '',
    ...[...older, ...empty].map((line) => paint('dim', line)),
    ...(rows.length === 0 ? [] : renderTable(['TIME (UTC)', 'STATE', 'LIFE', 'EVIDENCE'], rows)),
  ]
}
