import { unreachable } from '../base/assert.ts'
import type { Millis } from '../base/core.ts'
import type { ReplicaId } from '../base/ids.ts'
import type { LiveObject } from '../crdt/live-object.ts'
import { decodeTransactionHead } from '../crdt/transaction.ts'
import type { Dissemination } from './dissemination.ts'
import type { Fragments } from './fragments.ts'
import { FRAME_EVENTS_MAX, type SyncFrame } from './frames.ts'
import type { Group, Integrated } from './group.ts'
import type { Host } from './host.ts'
import type { Peer } from './peer.ts'
import type { SyncSessions } from './sync-sessions.ts'

/** An alarm about one thing is not repeated within this time. */
const ALARM_PAUSE_MS = 60_000
const ALARMS_MAX = 256

/** What the intake works with. */
export interface IntakeParts {
  readonly host: Host
  readonly fragments: Fragments
  readonly dissemination: Dissemination
  readonly sessions: SyncSessions
}

/** Takes in transactions from peers: integrates, persists, then acks, passes on and asks for what is missing. */
export class Intake {
  readonly #host: Host
  readonly #fragments: Fragments
  readonly #dissemination: Dissemination
  readonly #sessions: SyncSessions
  readonly #alarms = new Map<string, Millis>()

  constructor({ host, fragments, dissemination, sessions }: IntakeParts) {
    this.#host = host
    this.#fragments = fragments
    this.#dissemination = dissemination
    this.#sessions = sessions
  }

  onPiece(peer: Peer, frame: Extract<SyncFrame, { type: 'piece' }>, now: Millis): void {
    const { group: name, session } = frame
    // Never pushed: whoever sends pieces unasked would fill the room for those asked for.
    if (!this.#sessions.isPulling(peer, name, session)) {
      this.#host.dropped('sync-piece-unasked')
      return
    }
    const group = this.#host.groupFrom(name)
    if (group === undefined) return
    const { isNew, whole } = this.#fragments.add(frame)
    this.#sessions.onPayload(
      peer,
      group,
      { session, bytes: frame.bytes.length, events: 0, isNew },
      now,
    )
    if (whole !== undefined)
      this.#receive({ peer, group, session, sentTo: [], transactions: [whole], bytes: 0 }, now)
  }

  onEvents(peer: Peer, frame: Extract<SyncFrame, { type: 'events' }>, now: Millis): void {
    const { session, sentTo, transactions } = frame
    let events = 0
    let bytes = 0
    for (const transaction of transactions) {
      const head = decodeTransactionHead(transaction)
      if (head.ok) events += head.value.count
      bytes += transaction.length
    }
    if (events > FRAME_EVENTS_MAX) {
      this.#host.dropped('sync-frame-events-limit')
      return
    }
    const group = this.#host.groupFrom(frame.group)
    if (group === undefined) return
    this.#receive({ peer, group, session, sentTo, transactions, bytes }, now)
  }

  #receive(arrival: Arrival, now: Millis): void {
    const { peer, group, session } = arrival
    const integrated: Integrated[] = []
    const touched = new Set<LiveObject>()
    let hasGap = false
    for (const transaction of arrival.transactions) {
      const receipt = group.receive(transaction)
      switch (receipt.type) {
        case 'integrated':
          integrated.push(...receipt.transactions)
          for (const object of receipt.touched) touched.add(object)
          if (receipt.chainBroken) this.#alarmOnce(now, 'chain-broken', group, receipt)
          break
        case 'staged':
          hasGap = true
          break
        case 'duplicate': {
          const writer = group.state.indexOf(receipt.replica)
          if (writer === undefined) break
          peer.learn(group.name, writer, receipt.end)
          if (session === 0) this.#dissemination.owesAck(peer, group, writer)
          break
        }
        case 'conflict':
          this.#host.dropped('transaction-conflict')
          this.#alarmOnce(now, 'dot-reused', group, receipt)
          break
        case 'dropped':
          this.#host.dropped(receipt.reason)
          break
        default:
          unreachable(receipt)
      }
    }
    this.#host.persist(group, integrated)
    this.#host.tellChanges(group, touched)
    this.#spread(arrival, integrated, now)
    let events = 0
    for (const { count } of integrated) events += count
    const payload = { session, bytes: arrival.bytes, events, isNew: events > 0 }
    this.#sessions.onPayload(peer, group, payload, now)
    if (hasGap) this.#sessions.pull(peer, group, now)
  }

  /** Passes on what was new, after it was persisted. */
  #spread(arrival: Arrival, integrated: readonly Integrated[], now: Millis): void {
    if (integrated.length === 0) return
    const { peer, group, session, sentTo } = arrival
    const served = new Set([...sentTo, peer.hash])
    for (const transaction of integrated) {
      const { writer, n0, count, stamp } = transaction
      peer.learn(group.name, writer, n0 + count - 1)
      if (!this.#host.observe(stamp, now)) this.#host.dropped('stamp-ahead')
      if (transaction.replica === this.#host.replica()) this.#host.identityReused(group, now)
      if (session !== 0) continue
      this.#dissemination.owesAck(peer, group, writer)
      this.#dissemination.push(group, transaction, served)
    }
    // What a pull brings is told when it ends; what comes after its end is told now.
    if (session !== 0 && !this.#sessions.isPulling(peer, group.name, session)) {
      this.#dissemination.announce(group, peer)
    }
    this.#sessions.disturb(now)
  }

  #alarmOnce(now: Millis, reason: string, group: Group, receipt: Receipted): void {
    const writer = 'replica' in receipt ? receipt.replica : receipt.transactions[0]?.replica
    const text = `${reason}: group ${group.name}: writer ${writer ?? 'unknown'}`
    if (now - (this.#alarms.get(text) ?? Number.NEGATIVE_INFINITY) < ALARM_PAUSE_MS) return
    if (this.#alarms.size >= ALARMS_MAX) this.#alarms.clear()
    this.#alarms.set(text, now)
    this.#host.alarm(text)
  }
}

type Receipted = { readonly replica: ReplicaId } | { readonly transactions: readonly Integrated[] }

/** Transactions from a peer: pushed (session 0) or pulled. */
interface Arrival {
  readonly peer: Peer
  readonly group: Group
  readonly session: number
  readonly sentTo: readonly number[]
  readonly transactions: readonly Uint8Array[]
  /** Payload to count for the session. */
  readonly bytes: number
}
