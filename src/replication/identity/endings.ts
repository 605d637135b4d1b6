import type { Millis, Outbox, StoreWrite } from '../../base/core.ts'
import type { HybridClock } from '../../base/hybrid-clock.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { CheckedOperation } from '../../crdt/operation.ts'
import type { Adopting } from '../base/adopting.ts'
import type { Commits } from '../commits.ts'
import type { Group } from '../group/group.ts'
import type { LoggedRun } from '../group/group-log.ts'
import type { Host } from '../host.ts'
import type { ReplicationOutput } from '../replication-io.ts'
import type { SyncSessions } from '../sync/sync-sessions.ts'
import type { Issued } from './branches.ts'
import type { Identity } from './identity.ts'
import { MistakenKills } from './mistaken-kills.ts'
import { type Renewed, renew } from './renew.ts'
import { differingWriters, replace } from './replacement.ts'

/** What making room for another history took. */
export type Replaced = Pick<Renewed, 'writes' | 'issued'>

export interface EndingsParts {
  readonly host: Host
  readonly commits: Commits
  readonly identity: Identity
  readonly sessions: SyncSessions
  readonly outbox: Outbox<ReplicationOutput>
  readonly clock: HybridClock
}

const NOTHING: Replaced = { writes: [], issued: [] }

/** Ends writers whose events are others elsewhere, stores what becomes of it, and tells people and peers. */
export class Endings {
  readonly #parts: EndingsParts
  readonly #mistaken = new MistakenKills()

  constructor(parts: EndingsParts) {
    this.#parts = parts
  }

  /**
   * Ends a writer at event `n` and issues what came after under another id.
   * @returns false where the log does not reach back far enough: nothing has changed then
   */
  renew(group: Group, { replica: former, n }: Issued, now: Millis): boolean {
    const { host, commits, identity, sessions, outbox } = this.#parts
    commits.save(now)
    const self = host.writerOf(group)
    const next = former === self ? identity.mint() : undefined
    const renewed = renew(group, { former, n, self, next, now })
    if (renewed === undefined) return false
    const { writes, issued, killed, mistaken, text } = renewed
    this.#mistaken.note(group, former, mistaken)
    outbox.push({ type: 'persist', writes })
    this.#tell(group, { former, n, isOurs: former === self, text })
    commits.tell(group, issued)
    if (killed.length > 0) this.#write(group, [{ type: 'retract', object: '', dots: killed }], now)
    sessions.pulls.abandon(group, now)
    host.announce(group, undefined)
    sessions.comparisons.disturb(now)
    return true
  }

  /** After a start: goes on where a writer was ended before. */
  load(group: Group): void {
    this.#mistaken.load(group)
  }

  /** Writes again what has come of a writer that was ended here, and that we had killed by mistake. */
  bringBack(group: Group, now: Millis): void {
    const operations = this.#mistaken.take(group, this.#parts.host.runs)
    if (operations.length > 0) this.#write(group, operations, now)
  }

  #write(group: Group, operations: readonly CheckedOperation[], now: Millis): void {
    const { host, commits, clock } = this.#parts
    group.write(host.writerOf(group), operations, clock.next(now))
    commits.wrote(group)
  }

  /** Makes room for a peer's view of a writer, which a base brings, and issues what only we hold of it. */
  replace(group: Group, adopting: Adopting, now: Millis): Replaced {
    const { host, identity } = this.#parts
    const { replaces } = adopting
    if (replaces === undefined) return NOTHING
    const formers = replaces === 'differing' ? differingWriters(group, adopting) : [replaces]
    const writes: StoreWrite[] = []
    const issued: LoggedRun[] = []
    for (const former of formers) {
      const isOurs = former === host.writerOf(group)
      const replaced = replace(group, adopting, { former, to: identity.mint(), isOurs, now })
      if (replaced === undefined) continue
      this.#tell(group, { former, n: 0, isOurs, text: replaced.text })
      writes.push(...replaced.writes)
      issued.push(...replaced.issued)
    }
    return { writes, issued }
  }

  #tell(
    group: Group,
    ending: { former: ReplicaId; n: number; isOurs: boolean; text: string | undefined },
  ): void {
    const { host, identity, outbox } = this.#parts
    const { former, n, isOurs, text } = ending
    const writer = group.state.intern(former)
    for (const peer of host.peers.values()) peer.unlearn(group.name, writer, n)
    identity.ended(group)
    if (text === undefined) return
    const what = isOurs ? 'identity-reused' : 'replica-forked'
    outbox.push({ type: 'alarm', reason: `${what}: group ${group.name}: ${text}` })
  }
}
