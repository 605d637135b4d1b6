import { unreachable } from '../../base/assert.ts'
import type { Millis } from '../../base/core.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { KILLS_MAX } from '../../crdt/limits.ts'
import { decodeRunHead } from '../../crdt/run-head.ts'
import { wholeRun } from '../group/brief-runs.ts'
import type { Group } from '../group/group.ts'
import type { LoggedRun } from '../group/group-log.ts'
import type { Arrival, Host } from '../host.ts'
import type { Dissemination } from './dissemination.ts'
import type { Fragments } from './fragments.ts'
import { FRAME_EVENTS_MAX, type SyncFrame } from './frames.ts'
import type { Peer } from './peer.ts'
import type { SyncSessions } from './sync-sessions.ts'

/** What the intake works with. */
export interface IntakeParts {
  readonly host: Host
  readonly fragments: Fragments
  readonly dissemination: Dissemination
  readonly sessions: SyncSessions
}

/** Kills of the runs of one frame after which the rest is not taken in: bounds the work that a frame causes. */
const FRAME_KILLS_MAX: number = 4 * KILLS_MAX

/** Takes in runs from peers: integrates them, has them persisted and asks for what is missing. */
export class Intake {
  readonly #host: Host
  readonly #fragments: Fragments
  readonly #dissemination: Dissemination
  readonly #sessions: SyncSessions

  constructor({ host, fragments, dissemination, sessions }: IntakeParts) {
    this.#host = host
    this.#fragments = fragments
    this.#dissemination = dissemination
    this.#sessions = sessions
  }

  onPiece(peer: Peer, frame: Extract<SyncFrame, { type: 'piece' }>, now: Millis): void {
    const { group: name, session } = frame
    // Never pushed: whoever sends pieces unasked would fill the room for those asked for.
    if (!this.#sessions.pulls.isPulling(peer, name, session)) {
      this.#host.dropped('sync-piece-unasked')
      return
    }
    const group = this.#host.groupFrom(name, peer)
    if (group === undefined) return
    const { isNew, whole } = this.#fragments.add(frame)
    const payload = { session, bytes: frame.bytes.length, events: 0, isNew }
    this.#sessions.pulls.onPayload(peer, group, payload, now)
    if (whole === undefined) return
    this.#receive({ peer, group, session, sentTo: [], runs: [whole], bytes: 0 }, now)
  }

  onEvents(peer: Peer, frame: Extract<SyncFrame, { type: 'events' }>, now: Millis): void {
    const { session, sentTo } = frame
    const group = this.#host.groupFrom(frame.group, peer)
    if (group === undefined) return
    const runs: Uint8Array[] = []
    let events = 0
    let bytes = 0
    for (const each of frame.runs) {
      const run = wholeRun(each, group.state)
      if (run === undefined) {
        this.#host.dropped('sync-writer-unknown')
        continue
      }
      const head = decodeRunHead(run)
      if (head.ok) events += head.value.count
      bytes += run.length
      runs.push(run)
    }
    if (events > FRAME_EVENTS_MAX) {
      this.#host.dropped('sync-frame-events-limit')
      return
    }
    if (session !== 0 && this.#sessions.pulls.keepTail(peer, group.name, session, runs)) return
    this.#receive({ peer, group, session, sentTo, runs, bytes }, now)
    // Answers to a pull have whole ids.
    if (runs.length < frame.runs.length) this.#sessions.pulls.pull(peer, group, now)
  }

  #receive(incoming: Incoming, now: Millis): void {
    const { peer, group, session } = incoming
    const integrated: LoggedRun[] = []
    let hasGap = false
    let kills = 0
    for (const bytes of incoming.runs) {
      // Their lengths do not tell; what is left out is pulled.
      if (kills > FRAME_KILLS_MAX) {
        this.#host.dropped('sync-frame-kills-limit')
        break
      }
      if (this.#isOurs(bytes, group)) {
        // Nobody but us writes under our id: this store has been rolled back, or cloned.
        this.#host.suspect(peer, group, now)
        continue
      }
      const receipt = group.receive(bytes)
      switch (receipt.type) {
        case 'integrated':
          integrated.push(...receipt.runs)
          kills += this.#host.runs.kills
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
          this.#conflict(peer, group, receipt, now)
          break
        case 'dropped':
          kills += this.#host.runs.kills
          this.#host.dropped(receipt.reason)
          break
        default:
          unreachable(receipt)
      }
    }
    this.#arrived(incoming, integrated, now)
    let events = 0
    for (const { count } of integrated) events += count
    const payload = { session, bytes: incoming.bytes, events, isNew: events > 0 }
    this.#sessions.pulls.onPayload(peer, group, payload, now)
    if (hasGap) this.#sessions.pulls.pull(peer, group, now)
  }

  /** Takes in the events that followed a base. */
  onTail(arrival: Arrival, group: Group, runs: readonly Uint8Array[], now: Millis): void {
    const { peer, session } = arrival
    this.#receive({ peer, group, session, sentTo: [], runs, bytes: 0 }, now)
  }

  #arrived(incoming: Incoming, integrated: readonly LoggedRun[], now: Millis): void {
    if (integrated.length === 0) return
    const { peer, group, session, sentTo } = incoming
    for (const { writer, n0, count, stamp } of integrated) {
      peer.learn(group.name, writer, n0 + count - 1)
      if (!this.#host.observe(stamp, now)) this.#host.dropped('stamp-ahead')
    }
    const arrival: Arrival = { peer, session, served: new Set([...sentTo, peer.hash]) }
    this.#host.integrated(group, integrated, arrival)
    // What a pull brings is told when it ends; what comes after its end is told now.
    if (session !== 0 && !this.#sessions.pulls.isPulling(peer, group.name, session)) {
      this.#dissemination.announce(group, peer)
    }
    this.#sessions.comparisons.disturb(now)
  }

  /** Whether a run holds events of our own that we do not have. */
  #isOurs(bytes: Uint8Array, group: Group): boolean {
    const head = decodeRunHead(bytes)
    if (!head.ok) return false
    const { replica, n0, count } = head.value
    if (replica !== this.#host.writerOf(group)) return false
    group.close()
    return n0 + count - 1 > group.state.haveOf(replica)
  }

  /** Two histories under one replica id: nothing is taken in before it is clear which of them keeps it. */
  #conflict(
    peer: Peer,
    group: Group,
    { replica, n0 }: { readonly replica: ReplicaId; readonly n0: number },
    now: Millis,
  ): void {
    if (replica !== this.#host.writerOf(group)) {
      this.#host.dropped('replica-forked')
      this.#host.send(peer, 'control', { type: 'fork', group: group.name, replica, n: n0 })
    }
    this.#host.suspect(peer, group, now, replica)
  }
}

/** Runs in one frame from a peer. */
interface Incoming {
  readonly peer: Peer
  readonly group: Group
  readonly session: number
  readonly sentTo: readonly number[]
  readonly runs: readonly Uint8Array[]
  /** Payload to count for the session. */
  readonly bytes: number
}
