import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '../../http/client.ts'
import type { StreamedEvent } from '../../http/shapes.ts'
import type { MemberInfo, MembersInfo } from '../../index.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { describeEvent } from '../describe-event.ts'
import { formatAge } from '../duration.ts'
import { memberWord } from '../member-style.ts'
import { renderTable } from '../table.ts'
import { type Painter, printable } from '../text.ts'
import type { Verb } from '../verb.ts'

const WATCH_PERIOD_MS = 1000
const DIGEST_CHARACTERS = 8
const CLEAR_SCREEN = '\x1b[H\x1b[2J\x1b[3J'

export const verb: Verb = {
  examples: [
    ['hearsay members', 'a table'],
    ['hearsay members --watch', 'a table that stays current; in a pipe one line per change'],
    ['hearsay members --json | jq -r .members[].name', 'for scripts'],
  ],
  build(command, act) {
    command.option('--watch', 'go on: a table that stays current, in a pipe one line per change')
    act(command, async ({ context, settings }) =>
      withApi(
        context,
        async (client, _target, signal) => {
          if (settings.flag('watch')) {
            await watch(context, client, signal)
            return undefined
          }
          const view = await client.members()
          context.print.result(view, () => table(view, context.print.paint))
          return undefined
        },
        { isStream: settings.flag('watch') },
      ),
    )
  },
}

/** Draws the view anew on a terminal, else tells what changes, until stdout closes or a signal ends the process. */
async function watch(context: Context, client: Client, signal: AbortSignal): Promise<void> {
  const { io, print, globals } = context
  if (io.stdout.isTTY && !globals.json) await redraw(context, client, signal)
  // Opened first, so that nothing happens between the view and the changes of it.
  const events = client.events({ types: ['member-joined', 'member-changed'], signal })
  let next = events.next()
  const view = await client.members()
  if (globals.json) for (const member of view.members) print.json(momentOf(member))
  else for (const line of table(view, print.paint)) print.line(line)
  for (let result = await next; result.done !== true; result = await next) {
    tell(context, result.value.event)
    next = events.next()
  }
}

async function redraw({ io, print }: Context, client: Client, signal: AbortSignal): Promise<never> {
  for (;;) {
    const view = await client.members()
    const lines = table(view, print.paint)
    io.stdout.write(`${CLEAR_SCREEN}${lines.join('\n')}\n`)
    await delay(WATCH_PERIOD_MS, undefined, { signal })
  }
}

function tell({ print, globals }: Context, event: StreamedEvent['event']): void {
  if (event.type === 'reset') print.note('note: changes were missed here: read the members again')
  const line = describeEvent(event, print.paint)
  if (line === undefined) return
  if (!globals.json) print.line(line)
  else if (event.type === 'member-joined') {
    const { at, name, peerId } = event
    print.json({ at, name, peerId, state: 'alive', evidence: 'joined' })
  } else if (event.type === 'member-changed') {
    const { at, name, peerId, state, evidence } = event
    print.json({ at, name, peerId, state, evidence })
  }
}

/** The line of a member that is there from the start. */
function momentOf({ name, peerId, state, since }: MemberInfo): object {
  return { at: Date.parse(since), name, peerId, state, evidence: '' }
}

function table(view: MembersInfo, paint: Painter): readonly string[] {
  const now = Date.now()
  const sorted = view.members.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const rows = sorted.map((member) => [
    printable(member.name) + (member.name === view.self ? ' *' : ''),
    memberWord(member, paint),
    member.rttMs === undefined ? '-' : `${member.rttMs.toFixed(1)} ms`,
    String(member.protocol),
    tagsOf(member),
    printable(member.digest).slice(0, DIGEST_CHARACTERS) || '-',
    formatAge(member.since, now),
  ])
  return [
    ...renderTable(['NAME', 'STATE', 'RTT', 'PROTOCOL', 'TAGS', 'DIGEST', 'SINCE'], rows),
    ...(view.members.length > 0 ? [paint('dim', '* this node')] : []),
  ]
}

function tagsOf(member: MemberInfo): string {
  const tags = Object.entries(member.tags).map(([key, value]) => printable(`${key}=${value}`))
  return tags.length === 0 ? '-' : tags.join(',')
}
