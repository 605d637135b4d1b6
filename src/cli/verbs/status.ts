import type { GroupInfo, StatusInfo } from '../../index.ts'
import { withApi } from '../connect.ts'
import { formatBytes, formatDuration } from '../duration.ts'
import { observersWord, stateWord } from '../member-style.ts'
import { type Painter, plural, printable, type Style } from '../text.ts'
import type { Verb } from '../verb.ts'

const LABEL_COLUMNS = 10
const STATE_STYLES: Readonly<Record<GroupInfo['state'], Style>> = {
  offline: 'yellow',
  'saved-locally': 'yellow',
  spreading: 'cyan',
  converged: 'green',
}

export const verb: Verb = {
  examples: [
    ['hearsay status', 'the node in numbers'],
    ['hearsay status --node b --json', 'of another node, for scripts'],
  ],
  build(command, act) {
    act(command, async ({ context }) =>
      withApi(context, async (client) => {
        const status = await client.status()
        context.print.result(status, () => describe(status, context.print.paint))
      }),
    )
  },
}

function describe(status: StatusInfo, paint: Painter): readonly string[] {
  const { members, digests, dht, store, access } = status
  const line = (label: string, text: string): string =>
    `${paint('bold', label.padEnd(LABEL_COLUMNS))} ${text}`
  const gone = [
    members.suspect > 0 ? paint('yellow', `${members.suspect} suspect`) : '',
    members.failed > 0 ? paint('red', `${members.failed} failed`) : '',
    members.left > 0 ? `${members.left} left` : '',
  ].filter((part) => part !== '')
  const alone = status.degraded ? [paint('yellow', 'alone: writes are kept by this node only')] : []
  const drops = Object.entries(status.drops).map(
    ([reason, count]) => `${printable(reason)} ${count}`,
  )
  return [
    line('node', `${printable(status.name)}  ${printable(status.peerId)}`),
    line(
      'network',
      `${printable(status.network)}, up ${formatDuration(status.uptimeMs)}, hearsay ${printable(status.version)}`,
    ),
    ...(access.by === 'open' ? [] : [line('access', accessLine(access, paint))]),
    line(
      'members',
      [`${members.alive} alive`, ...gone, ...observersWord(members), ...alone].join(', '),
    ),
    line('state', stateWord(digests, paint)),
    ...status.groups.map((group) => line('group', groupLine(group, paint))),
    line(
      'dht',
      `${plural(dht.records, 'record')}, ${formatBytes(dht.bytes)}, ${plural(dht.replication, 'replica')} each, ${printable(dht.mode)}`,
    ),
    line('store', storeLine(store, paint)),
    ...status.listen.map((address) => line('listen', printable(address))),
    ...(drops.length === 0 ? [] : [line('dropped', drops.join(', '))]),
  ]
}

function accessLine(access: StatusInfo['access'], paint: Painter): string {
  const { by, role, id, expiresAt, state, unsent, refused } = access
  if (by === 'key') return 'by the network key'
  return [
    `invited as ${role}`,
    ...(id === undefined ? [] : [printable(id)]),
    state === 'valid' ? paint('green', state) : paint('yellow', state ?? 'unknown'),
    ...(expiresAt === undefined ? [] : [`until ${printable(expiresAt)}`]),
    ...(unsent === undefined
      ? []
      : [paint('yellow', `${plural(unsent, 'own event')} that nobody else holds`)]),
    ...(refused === undefined ? [] : [paint('red', `refused: ${printable(refused)}`)]),
  ].join(', ')
}

function storeLine(store: StatusInfo['store'], paint: Painter): string {
  const { path, bytes, full, tornBytes, damagedRows } = store
  return [
    path === undefined ? 'in memory' : printable(path),
    formatBytes(bytes),
    ...(full ? [paint('red', 'the disk is full: writes are refused')] : []),
    ...(damagedRows > 0 ? [paint('yellow', `${plural(damagedRows, 'row')} found damaged`)] : []),
    ...(tornBytes > 0 ? [`${formatBytes(tornBytes)} of an unfinished write cut`] : []),
  ].join(', ')
}

function groupLine(group: GroupInfo, paint: Painter): string {
  const state = paint(STATE_STYLES[group.state] ?? 'red', printable(group.state))
  const behind =
    group.behind.length === 0 ? '' : `, differs from ${group.behind.map(printable).join(', ')}`
  const unsynced = group.unsynced === 0 ? '' : `, ${group.unsynced} unsynced`
  return (
    `${printable(group.name)}: ${state}, digest ${printable(group.digest).slice(0, 8)}, ` +
    `${plural(group.objects, 'object')}, ${plural(group.events, 'event')}${unsynced}${behind}`
  )
}
