import type { ReadyAnswer } from '../../http/shapes.ts'
import type { MembersInfo, StatusInfo } from '../../index.ts'
import { plural, printable } from '../text.ts'
import { type Finding, failure, ok, warning } from './finding.ts'

/** Refusals of what comes from the future: somebody's clock is wrong. */
const SKEW_DROPS = ['stamp-ahead'] as const
/** Hosts that only their own machine or network reaches. */
const LOOPBACK = /^\/ip4\/127\.|^\/ip6\/::1\//
const PRIVATE =
  /^\/ip4\/(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.)|^\/ip6\/(?:f[cd]|fe8)/i
const NAMES_MAX = 5

export interface NodeAnswers {
  readonly ready: ReadyAnswer
  readonly status: StatusInfo
  readonly members: MembersInfo
}

/** What a node says of itself and of others. */
export function checkNode({ ready, status, members }: NodeAnswers): readonly Finding[] {
  return [
    ...checkReady(ready),
    checkStore(status),
    ...checkAccess(status),
    checkPeers(status, members),
    ...checkFailed(members),
    checkQuorum(status),
    checkVersions(members),
    checkClock(status),
    checkAddresses(status),
  ]
}

function checkReady({ checks }: ReadyAnswer): readonly Finding[] {
  const bad = checks.filter((check) => !check.ok)
  if (bad.length === 0) return [ok('node', 'it is ready')]
  return bad.map(({ name, reason }) =>
    failure(
      'node',
      `not ready: ${name}: ${printable(reason)}`,
      'Look at its log, or start it anew',
    ),
  )
}

function checkStore({ store }: StatusInfo): Finding {
  if (store.full) {
    return failure(
      'disk',
      'the disk of the node is full: it refuses writes',
      'Free some space there',
    )
  }
  if (store.damagedRows > 0) {
    const message = `${store.damagedRows} rows of the store were damaged; peers are asked for them`
    return warning('store', message, 'Check the disk: it has changed bytes that were written')
  }
  if (store.path === undefined) {
    const hint = 'Start it with --data-dir DIR to keep identity and data'
    return warning('store', 'the node keeps everything in memory', hint)
  }
  return ok('store', `${printable(store.path)} takes writes`)
}

/** Soon to end: whoever invited it should know now. */
const ACCESS_MS_MIN = 10 * 60_000
const NEW_INVITE = 'Ask for a new one ("hearsay invite"), start the node again with it'

function checkAccess({ access }: StatusInfo): readonly Finding[] {
  const { by, role, state, expiresAt = '', unsent, refused } = access
  if (by !== 'invite') return []
  if (state === 'expired' || state === 'revoked' || state === 'used') {
    const why = state === 'used' ? 'was used by another peer' : `is ${state}`
    return [failure('invite', `the invite ${why}: nobody admits this node`, NEW_INVITE)]
  }
  if (refused !== undefined) {
    return [failure('invite', `a peer refused: ${printable(refused)}`, NEW_INVITE)]
  }
  if (state === 'unused') {
    const hint = 'hearsay join ADDRESS of a node that has the network key'
    return [warning('invite', 'no node with the network key has taken the invite yet', hint)]
  }
  if (unsent !== undefined) {
    const what = `it only reads, and ${plural(unsent, 'event')} of its time as a member no other member holds`
    const hint = 'Start it once with an invite as a member ("hearsay invite --role member")'
    return [warning('invite', what, hint)]
  }
  const until = `as ${role} until ${printable(expiresAt)}`
  return Date.parse(expiresAt) - Date.now() < ACCESS_MS_MIN
    ? [warning('invite', `invited ${until}: that is soon`, NEW_INVITE)]
    : [ok('invite', `invited ${until}`)]
}

function checkPeers({ members }: StatusInfo, { members: all }: MembersInfo): Finding {
  const others = members.alive + members.suspect - 1
  if (others > 0) return ok('peers', `${others} other members are alive`)
  const hint =
    all.length > 1 ? 'Look at why they failed: hearsay explain NAME' : 'hearsay join ADDRESS'
  return warning('peers', 'no other member is alive: what is written here is only here', hint)
}

function checkFailed({ members }: MembersInfo): readonly Finding[] {
  const found: Finding[] = []
  for (const [state, what] of [
    ['failed', 'have failed'],
    ['suspect', 'are in doubt'],
    ['degraded', 'hear others badly'],
  ] as const) {
    const names = members.filter((member) => member.state === state).map(({ name }) => name)
    if (names.length === 0) continue
    const shown = names.slice(0, NAMES_MAX).map(printable).join(', ')
    const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : ''
    const hint = `hearsay explain ${printable(names[0] ?? '')}`
    found.push(warning('members', `${names.length} members ${what}: ${shown}${more}`, hint))
  }
  return found
}

/** A write needs most of the replicas, and those that have failed lately count among them. */
function checkQuorum({ members, dht }: StatusInfo): Finding {
  const alive = members.alive + members.suspect
  const replicas = Math.min(dht.replication, alive + members.failed)
  const required = Math.floor(replicas / 2) + 1
  if (alive >= required) return ok('quorum', `${required} of ${replicas} replicas can be reached`)
  const message = `${required} of ${replicas} replicas must store a value, ${alive} members are alive`
  const hint = 'Start the failed members, heal the partition, or write with --level one'
  return failure('quorum', message, hint)
}

function checkVersions({ members }: MembersInfo): Finding {
  const protocols = [...new Set(members.map(({ protocol }) => protocol))].sort((a, b) => a - b)
  if (protocols.length < 2) return ok('versions', 'all members speak the same protocol')
  const message = `members speak protocols ${protocols.join(', ')}`
  return warning('versions', message, 'Upgrade the older ones: hearsay version --protocols')
}

function checkClock({ drops }: StatusInfo): Finding {
  const skewed = SKEW_DROPS.reduce((sum, reason) => sum + (drops[reason] ?? 0), 0)
  if (skewed === 0) return ok('clock', 'nobody writes from the future')
  const message = `${skewed} writes came from more than a minute in the future`
  return warning('clock', message, 'Set the clocks of all machines by NTP')
}

function checkAddresses({ listen }: StatusInfo): Finding {
  if (listen.length === 0) {
    return failure(
      'addresses',
      'the node listens nowhere',
      'Start it with --listen or --profile lan',
    )
  }
  if (listen.every((address) => LOOPBACK.test(address))) {
    const hint = 'For other machines start it with --profile lan'
    return warning('addresses', 'only this machine can reach the node', hint)
  }
  if (listen.every((address) => LOOPBACK.test(address) || PRIVATE.test(address))) {
    const hint = 'For others tell a public one with --announce'
    return warning('addresses', 'only its own network can reach the node', hint)
  }
  return ok('addresses', 'it has an address that others can reach')
}
