import type { MemberInfo, MembersInfo, StatusInfo } from '../index.ts'
import { formatAge, formatBytes, formatDuration } from './duration.ts'
import { memberWord, observersWord, stateWord } from './member-style.ts'
import { renderTable } from './table.ts'
import { type Painter, plural, printable } from './text.ts'

/** Moments of convergence shown. */
export const STRIP_MOMENTS = 30
const DIGEST_CHARACTERS = 8
const LABEL_COLUMNS = 10
/** Lines of members, with their heading, that recent events leave free. */
const ROWS_MIN = 8
const BARS = '▁▂▃▄▅▆▇█'
const ORDER: Readonly<Record<MemberInfo['state'], number>> = {
  suspect: 0,
  degraded: 0,
  alive: 1,
  failed: 2,
  left: 3,
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with it
const STYLE = /\u001b\[[0-9;]*m/y

/** What was read of a node at one moment. */
export interface TopMoment {
  readonly at: number
  readonly status: StatusInfo
  readonly view: MembersInfo
}

export interface TopView {
  readonly now: TopMoment
  /** A moment before, for what happens in a second. */
  readonly before: TopMoment | undefined
  /** Distinct digests of live members, the latest last. */
  readonly digests: readonly number[]
  /** What happened lately, the latest last. */
  readonly recent: readonly string[]
}

/**
 * The screen as lines.
 * @param size of the terminal; without rows everything is shown
 */
export function topLines(
  top: TopView,
  size: { readonly columns: number; readonly rows: number | undefined },
  paint: Painter,
): readonly string[] {
  const head = headLines(top, paint)
  const table = memberLines(top.now, paint)
  const recent = recentLines(top, (size.rows ?? 0) - head.length - Math.min(table.length, ROWS_MIN))
  const heading = recent.length === 0 ? [] : ['', paint('bold', 'recent'), ...recent]
  const room = size.rows === undefined ? table.length : size.rows - head.length - heading.length - 1
  const shown = table.slice(0, Math.max(2, room))
  const hidden = table.length - shown.length
  if (hidden > 0) {
    const more = paint('dim', `… and ${plural(hidden + 1, 'more member')}: make the window taller`)
    shown.splice(-1, 1, more)
  }
  const lines = [...head, ...shown, ...heading]
  return size.rows === undefined ? lines : lines.map((line) => clip(line, size.columns))
}

/** The latest, as many as members leave room for under a heading. */
function recentLines({ recent }: TopView, room: number): readonly string[] {
  const lines = room - 3
  return lines < 1 ? [] : recent.slice(-lines)
}

function headLines({ now, before, digests }: TopView, paint: Painter): string[] {
  const { status, view, at } = now
  const line = (label: string, text: string): string =>
    `${paint('bold', label.padEnd(LABEL_COLUMNS))} ${text}`
  const clock = new Date(at).toISOString().slice(11, 19)
  const { sent, delivered, missed } = status.broadcasts
  const lost = missed > 0 ? paint('yellow', `, ${missed} missed`) : ''
  return [
    `${paint('bold', 'hearsay top')}  ${printable(status.name)}  ` +
      paint(
        'dim',
        `${printable(status.network)}, up ${formatDuration(status.uptimeMs)}, ${clock} UTC`,
      ),
    '',
    line('members', membersText(status, paint)),
    line('state', stateText(view, digests, paint)),
    line('sent', rateText(now, before, ['framesSent', 'bytesSent'])),
    line('received', rateText(now, before, ['framesReceived', 'bytesReceived'])),
    line('broadcasts', `${sent} sent, ${delivered} delivered${lost}`),
    '',
  ]
}

function membersText({ members }: StatusInfo, paint: Painter): string {
  const { alive, suspect, failed, left } = members
  return [
    paint('green', `${alive} alive`),
    ...(suspect > 0 ? [paint('yellow', `${suspect} suspect`)] : []),
    ...(failed > 0 ? [paint('red', `${failed} failed`)] : []),
    ...(left > 0 ? [`${left} left`] : []),
    ...observersWord(members),
  ].join(', ')
}

function stateText(view: MembersInfo, digests: readonly number[], paint: Painter): string {
  const word = stateWord(view.digests, paint)
  const strip = digests
    .slice(-STRIP_MOMENTS)
    .map((count) => BARS[Math.min(count, 8) - 1] ?? BARS[0])
  return strip.length === 0 ? word : `${word}  ${paint('dim', strip.join(''))}`
}

/** `12 frames/s, 3.4 kB/s`; the totals while there is nothing to compare with. */
function rateText(
  now: TopMoment,
  before: TopMoment | undefined,
  [frames, bytes]: readonly ['framesSent' | 'framesReceived', 'bytesSent' | 'bytesReceived'],
): string {
  const { traffic } = now.status
  const total = `${plural(traffic[frames], 'frame')}, ${formatBytes(traffic[bytes])} in all`
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1_000
  if (before === undefined || seconds <= 0) return total
  const past = before.status.traffic
  const perSecond = (key: typeof frames | typeof bytes): number =>
    Math.max(0, Math.round((traffic[key] - past[key]) / seconds))
  const rate = `${perSecond(frames)} frames/s, ${formatBytes(perSecond(bytes))}/s`
  return `${rate.padEnd(26)} ${total}`
}

function memberLines({ view, at }: TopMoment, paint: Painter): string[] {
  const sorted = view.members.toSorted(
    (a, b) => ORDER[a.state] - ORDER[b.state] || (a.name < b.name ? -1 : 1),
  )
  const own = view.members.find(({ name }) => name === view.self)?.digest
  const rows = sorted.map((member) => {
    const digest = printable(member.digest).slice(0, DIGEST_CHARACTERS) || '-'
    const isLive = member.state !== 'failed' && member.state !== 'left'
    const differs = isLive && member.digest !== own
    return [
      printable(member.name) + (member.name === view.self ? ' *' : ''),
      memberWord(member, paint),
      member.rttMs === undefined ? '-' : `${member.rttMs.toFixed(1)} ms`,
      differs ? paint('yellow', `${digest} ≠`) : digest,
      formatAge(member.since, at),
    ]
  })
  return [...renderTable(['NAME', 'STATE', 'RTT', 'DIGEST', 'SINCE'], rows)]
}

/** The part of a line that fits, colours not counted. */
export function clip(line: string, columns: number): string {
  let shown = 0
  let at = 0
  while (at < line.length && shown < columns) {
    STYLE.lastIndex = at
    const style = STYLE.exec(line)
    if (style === null) {
      shown += 1
      at += 1
    } else at += style[0].length
  }
  if (at >= line.length) return line
  return line.includes('\u001b') ? `${line.slice(0, at)}\u001b[0m` : line.slice(0, at)
}
