import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '../../http/client.ts'
import type { StreamedEvent } from '../../http/shapes.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { describeEvent } from '../describe-event.ts'
import { STRIP_MOMENTS, type TopMoment, type TopView, topLines } from '../top-view.ts'
import type { Verb } from '../verb.ts'

const PERIOD_MS = 1_000
const RECENT_LINES = 6
const EVENT_TYPES = ['member-joined', 'member-changed', 'broadcast', 'alarm']
/** Another screen, so that what the terminal showed is there again afterwards; no cursor, no wrapping. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const EXIT = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_REST = '\u001b[J'
/** q, Q, escape, ctrl-c, ctrl-d: in raw mode the terminal sends them as bytes. */
const QUIT_KEYS: ReadonlySet<string> = new Set(['q', 'Q', '\u001b', '\u0003', '\u0004'])

export const verb: Verb = {
  examples: [
    ['hearsay top', 'the whole screen, once a second; q quits'],
    ['hearsay top --node b', 'of another node'],
    ['hearsay top | cat', 'once, as text'],
  ],
  build(command, act) {
    act(command, async ({ context }) =>
      withApi(
        context,
        async (client, _target, signal) => {
          const { io, globals } = context
          if (io.stdout.isTTY && !globals.json && !globals.curl) await live(context, client, signal)
          else await once(context, client)
          return undefined
        },
        { isStream: context.io.stdout.isTTY && !context.globals.json },
      ),
    )
  },
}

async function read(client: Client): Promise<TopMoment> {
  const [status, view] = await Promise.all([client.status(), client.members()])
  return { at: Date.now(), status, view }
}

async function once({ print }: Context, client: Client): Promise<void> {
  const now = await read(client)
  const { status, view } = now
  print.result({ ...view, traffic: status.traffic, states: view.digests }, () =>
    topLines(
      { now, before: undefined, digests: [], recent: [] },
      { columns: Number.POSITIVE_INFINITY, rows: undefined },
      print.paint,
    ),
  )
}

async function live(context: Context, client: Client, closed: AbortSignal): Promise<void> {
  const { io } = context
  const quit = new AbortController()
  const signal = AbortSignal.any([closed, quit.signal])
  const end = (): void => quit.abort()
  const releaseKeys = io.onKey((key) => {
    if (QUIT_KEYS.has(key)) end()
  })
  const releaseStop = io.onStop(end)
  io.stdout.write(ENTER)
  try {
    await draw(context, client, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    end()
    releaseKeys()
    releaseStop()
    io.stdout.write(EXIT)
  }
}

async function draw(context: Context, client: Client, signal: AbortSignal): Promise<never> {
  const { io, print } = context
  const recent: string[] = []
  const following = follow(client, signal, (event) => {
    const line = describeEvent(event, print.paint)
    if (line !== undefined) recent.push(line)
    recent.splice(0, recent.length - RECENT_LINES)
  })
  // The pictures go on without it; a node that is gone ends them too.
  following.catch(() => {})
  const digests: number[] = []
  let before: TopMoment | undefined
  for (;;) {
    const now = await read(client)
    digests.push(now.view.digests)
    digests.splice(0, digests.length - STRIP_MOMENTS)
    paintScreen(context, { now, before, digests, recent })
    before = now
    await delay(PERIOD_MS, undefined, { signal })
    if (io.closed.aborted) throw io.closed.reason
  }
}

function paintScreen({ io, print }: Context, top: TopView): void {
  const { columns, rows } = io.stdout
  const lines = topLines(top, { columns, rows: rows - 1 }, print.paint)
  const foot = print.paint('dim', '* this node   ≠ another state than this node   q quits')
  const shown = lines.slice(0, rows - 1)
  const blank = Array.from({ length: rows - 1 - shown.length }, () => '')
  const screen = [...shown, ...blank, foot].map((line) => `${line}${CLEAR_LINE}`)
  io.stdout.write(`${HOME}${screen.join('\r\n')}${CLEAR_REST}`)
}

async function follow(
  client: Client,
  signal: AbortSignal,
  tell: (event: StreamedEvent['event']) => void,
): Promise<void> {
  for await (const { event } of client.events({ types: EVENT_TYPES, signal })) tell(event)
}
