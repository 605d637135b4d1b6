import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '../../http/client.ts'
import type { MemberInfo, MembersInfo } from '../../index.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { formatAge } from '../duration.ts'
import { renderTable } from '../table.ts'
import { type Painter, printable, type Style } from '../text.ts'
import type { Verb } from '../verb.ts'

const WATCH_PERIOD_MS = 1000
const DIGEST_CHARACTERS = 8
const CLEAR_SCREEN = '\x1b[H\x1b[2J\x1b[3J'
const STATE_STYLES: Readonly<Record<MemberInfo['state'], Style>> = {
  alive: 'green',
  suspect: 'yellow',
  degraded: 'yellow',
  failed: 'red',
  left: 'dim',
}

export const verb: Verb = {
  examples: [
    ['hearsay members', 'a table'],
    ['hearsay members --watch', 'again at every change'],
    ['hearsay members --json | jq -r .members[].name', 'for scripts'],
  ],
  build(command, act) {
    command.option('--watch', 'print again whenever something has changed')
    act(command, async ({ context, settings }) =>
      withApi(
        context,
        async (client, _target, signal) => {
          if (settings.flag('watch')) return await watch(context, client, signal)
          const view = await client.members()
          context.print.result(view, () => table(view, context.print.paint))
          return undefined
        },
        { isStream: settings.flag('watch') },
      ),
    )
  },
}

/** Prints the view at every change until stdout closes or a signal ends the process. */
async function watch(context: Context, client: Client, signal: AbortSignal): Promise<never> {
  const { io, print, globals } = context
  const isScreen = io.stdout.isTTY && !globals.json
  let last = ''
  for (;;) {
    const view = await client.members()
    const seen = fingerprint(view)
    if (seen !== last || isScreen) {
      if (isScreen) io.stdout.write(CLEAR_SCREEN)
      else if (last !== '' && !globals.json) print.line('')
      print.result(view, () => table(view, print.paint))
    }
    last = seen
    await delay(WATCH_PERIOD_MS, undefined, { signal })
  }
}

/** What has to differ for another picture: not the round trip, which always does. */
function fingerprint(view: MembersInfo): string {
  return JSON.stringify([
    view.viewHash,
    view.members.map(({ name, state, digest, tags }) => [name, state, digest, tags]),
  ])
}

function table(view: MembersInfo, paint: Painter): readonly string[] {
  const now = Date.now()
  const sorted = view.members.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const rows = sorted.map((member) => [
    printable(member.name) + (member.name === view.self ? ' *' : ''),
    paint(STATE_STYLES[member.state] ?? 'red', printable(member.state)),
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
