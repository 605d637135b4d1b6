/**
 * The engine: the three protocol cores of one node as one core.
 *
 * It routes frames by protocol, tells each core what the others know (who is alive, whose state
 * differs, who cannot be reached) and puts a gate on everything that must not leave before what it
 * depends on is durable. It does no I/O and holds no policy of its own beyond that routing.
 */
import { unreachable } from '../base/assert.ts'
import { type Core, type Millis, Outbox, type StoreRow } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { Kv, type KvOutput } from '../kv/kv.ts'
import { Membership, type MembershipOutput } from '../membership/membership.ts'
import { Replication, type ReplicationOutput } from '../replication/replication.ts'
import { behindOf, combineDigests, groupDigests } from './combine-digests.ts'
import { damagedRow } from './damaged-row.ts'
import { DropCounts } from './drop-counts.ts'
import type { EngineOptions } from './engine-options.ts'
import type { Command, EngineEvent, EngineInput, EngineOutput, Gate } from './engine-types.ts'
import { fromKv } from './kv-outputs.ts'
import { fromMembership } from './membership-outputs.ts'
import { Observers } from './observers.ts'
import type { LinkDetails, LinkEnd } from './ports.ts'
import { presentMembers } from './present-members.ts'
import { fromReplication } from './replication-outputs.ts'
import { Strangers } from './strangers.ts'

export class Engine implements Core<EngineInput, EngineOutput> {
  readonly membership: Membership
  readonly replication: Replication
  readonly kv: Kv
  readonly observers: Observers
  readonly #self: PeerId
  readonly #outbox: Outbox<EngineOutput> = new Outbox()
  readonly #linked: Set<PeerId> = new Set()
  readonly #drops: DropCounts = new DropCounts()
  #durableDigests: Map<string, Uint8Array> = new Map()
  /** Loopback frames to our own kv replica, taken up within the same drain. */
  readonly #loopback: Outbox<Uint8Array> = new Outbox()
  readonly #strangers: Strangers = new Strangers()
  #leaveRequests: number[] = []
  #hasLeft = false
  #areMembersStale = true
  #lostUntil: Millis | undefined

  constructor(options: EngineOptions) {
    const { signer, random, network, name, protocol, dialLoopback } = options
    this.#self = signer.peerId
    const own = { signer, random, network, name, protocol, dialLoopback }
    this.membership = new Membership({
      ...own,
      ...(options.tags === undefined ? {} : { tags: options.tags }),
      ...(options.records === undefined ? {} : { records: options.records }),
    })
    const { isObserver = false, place } = options
    this.observers = new Observers({ self: this.#self, isSelf: isObserver })
    this.replication = new Replication({ random, tellsDiffs: true, place, isObserver })
    const { replication, hasKademlia = false, oneHopMembersMax } = options
    const tunables = oneHopMembersMax === undefined ? {} : { oneHopMembersMax }
    this.kv = new Kv({ signer, random, replication, hasKademlia, tunables, isObserver })
  }

  /** Rows of the durable store in key order, before start(). @throws {HearsayError} ERR_STORE on damage */
  load(row: StoreRow): void {
    if (row.key.startsWith('state!')) this.replication.load(row)
    else if (row.key.startsWith('member!')) this.membership.load(row)
    else if (row.key.startsWith('kv!')) this.kv.load(row)
    else this.#drop('unknown store row')
  }

  /** A row whose bytes the disk changed, instead of load(). @throws {HearsayError} ERR_STORE: see damagedRow() */
  damaged(key: string): void {
    this.#drop('damaged store row')
    if (key.startsWith('state!')) this.replication.damaged(key)
    else this.#push(damagedRow(key))
  }

  start(now: Millis): void {
    this.membership.start(now)
    this.replication.start(now)
    this.kv.start(now)
    // What was loaded is durable: others may compare with it from the first frame on.
    this.#durableDigests = groupDigests(this.replication)
    this.membership.handle({ type: 'digest', digest: combineDigests(this.#durableDigests) }, now)
    this.#drain(now)
  }

  handle(input: EngineInput, now: Millis): void {
    this.handleAll([input], now)
  }

  /** Several at once: what they send to one peer shares frames. */
  handleAll(inputs: readonly EngineInput[], now: Millis): void {
    for (const input of inputs) this.#route(input, now)
    this.#drain(now)
  }

  poll(): EngineOutput | undefined {
    return this.#outbox.shift()
  }

  nextDeadline(): Millis | undefined {
    let soonest: Millis | undefined = this.#lostUntil
    for (const core of [this.membership, this.replication, this.kv]) {
      const at = core.nextDeadline()
      if (at !== undefined && (soonest === undefined || at < soonest)) soonest = at
    }
    return soonest
  }

  /** Whether events gather until a `flush`. */
  get hasUnsaved(): boolean {
    return this.replication.hasUnsaved
  }

  /** Frames, rows and records refused, by reason. */
  get drops(): ReadonlyMap<string, number> {
    return this.#drops.byReason
  }

  get linked(): ReadonlySet<PeerId> {
    return this.#linked
  }

  /**
   * One digest over all groups with events, 16 bytes; zero when there are none. With only `main`
   * it is main's own digest, so the number a person compares is the same everywhere.
   */
  stateDigest(): Uint8Array {
    return combineDigests(groupDigests(this.replication))
  }

  /** Live members other than ourselves, and no observers, whose digest differs from ours or is not known. */
  behind(): readonly PeerId[] {
    const skipped = new Set([this.#self, ...this.observers.all])
    return behindOf(this.membership.members(), { skipped, own: this.stateDigest() })
  }

  #route(input: EngineInput, now: Millis): void {
    switch (input.type) {
      case 'tick':
        this.#tick(now)
        return
      case 'flush':
        this.replication.handle(input, now)
        return
      case 'link-up':
        this.#linkUp(input.peer, input.details, now)
        return
      case 'link-down':
        this.#linkDown(input.peer, input.end, now)
        return
      case 'dial-failed':
        this.membership.handle(input, now)
        this.kv.handle({ type: 'unreachable', peer: input.peer }, now)
        return
      case 'join-failed':
        this.membership.handle({ type: 'join-failed', address: input.address }, now)
        this.#event({ type: 'join-failed', address: input.address, reason: input.reason })
        return
      case 'frame':
        this.#frame(input, now)
        return
      case 'addresses':
      case 'join':
        if (input.type === 'addresses') this.#areMembersStale = true
        this.membership.handle(input, now)
        return
      case 'command':
        this.#command(input.request, input.command, now)
        return
      case 'cancel':
        this.membership.handle(input, now)
        this.kv.handle(input, now)
        return
      case 'dropped':
        this.#drop(input.reason)
        return
      case 'searched':
        this.kv.handle({ ...input, ...this.observers.withoutFinds(input, this.#strangers) }, now)
        return
      case 'observers':
        this.#observersChange(() => this.observers.tell(input.peers), now)
        return
      case 'durable-digest':
        this.#durableDigests.set(input.group, input.digest)
        this.membership.handle(
          { type: 'digest', digest: combineDigests(this.#durableDigests) },
          now,
        )
        return
      default:
        unreachable(input)
    }
  }

  #tick(now: Millis): void {
    if (this.#lostUntil !== undefined && this.#lostUntil <= now) this.#areMembersStale = true
    for (const core of [this.membership, this.replication, this.kv]) {
      core.handle({ type: 'tick' }, now)
    }
  }

  #linkUp(peer: PeerId, details: LinkDetails, now: Millis): void {
    this.#observersChange(() => this.observers.linkUp(peer, details.role), now)
    const isNew = !this.#linked.has(peer)
    this.#linked.add(peer)
    const { remoteAddress, direction, via } = details
    const route = via === undefined ? {} : { via }
    this.membership.handle({ type: 'link-up', peer, remoteAddress, direction, ...route }, now)
    // A repeated link-up only tells which join address led to a peer we already had.
    if (!isNew) return
    this.replication.handle({ type: 'peer-up', peer, isObserver: this.observers.has(peer) }, now)
    this.#event({ type: 'link-up', peer, details })
  }

  /** Tells all cores who only reads, if that changes; to replication it is another peer from then on. */
  #observersChange(change: () => void, now: Millis): void {
    const before = this.observers.all
    change()
    const peers = this.observers.all
    if (peers === before) return
    this.membership.handle({ type: 'observers', peers }, now)
    this.kv.handle({ type: 'observers', peers }, now)
    for (const peer of this.#linked) {
      if (peers.has(peer) === before.has(peer)) continue
      this.replication.handle({ type: 'peer-up', peer, isObserver: peers.has(peer) }, now)
    }
    this.#areMembersStale = true
  }

  #linkDown(peer: PeerId, end: LinkEnd, now: Millis): void {
    if (!this.#linked.delete(peer)) return
    this.membership.handle({ type: 'link-down', peer, end }, now)
    this.replication.handle({ type: 'peer-down', peer }, now)
    this.kv.handle({ type: 'unreachable', peer }, now)
    this.#observersChange(() => this.observers.linkDown(peer), now)
    this.#event({ type: 'link-down', peer, end })
  }

  #frame(input: EngineInput & { type: 'frame' }, now: Millis): void {
    const { peer, protocol, bytes } = input
    const isBarred = this.observers.isBarred(input)
    if (isBarred) this.#drop('cast of an observer')
    else if (protocol === 'member') {
      this.membership.handle({ type: 'frame', peer, bytes }, now)
      return
    }
    if (peer !== this.#self) this.membership.handle({ type: 'heard', peer }, now)
    if (protocol === 'sync') this.replication.handle({ type: 'frame', peer, bytes }, now)
    else if (!isBarred) this.kv.handle({ type: 'frame', peer, bytes }, now)
  }

  #command(request: number, command: Command, now: Millis): void {
    switch (command.type) {
      case 'transact':
      case 'undo':
        this.replication.handle({ ...command, request }, now)
        return
      case 'put':
      case 'delete':
      case 'get':
      case 'offer':
        this.kv.handle({ ...command, request }, now)
        return
      case 'leave':
        this.#leave(request, now)
        return
      case 'broadcast':
      case 'query':
        this.membership.handle({ ...command, request }, now)
        return
      case 'tags':
      case 'answer':
        this.membership.handle(command, now)
        this.#outcome(request, { ok: true, result: { type: command.type } })
        return
      default:
        unreachable(command)
    }
  }

  #leave(request: number, now: Millis): void {
    if (this.#hasLeft) this.#outcome(request, { ok: true, result: { type: 'leave' } })
    else this.#leaveRequests.push(request)
    if (!this.#hasLeft && this.#leaveRequests.length === 1)
      this.membership.handle({ type: 'leave' }, now)
  }

  /** Takes up outputs until every core is quiet; what one core says may move another. */
  #drain(now: Millis): void {
    for (;;) {
      const member = this.membership.poll()
      if (member !== undefined) {
        this.#fromMembership(member, now)
        continue
      }
      const state = this.replication.poll()
      if (state !== undefined) {
        this.#fromReplication(state)
        continue
      }
      if (this.#areMembersStale) {
        this.#tellMembers(now)
        continue
      }
      const value = this.kv.poll()
      if (value !== undefined) {
        this.#fromKv(value)
        continue
      }
      const looped = this.#loopback.shift()
      if (looped === undefined) return
      this.kv.handle({ type: 'frame', peer: this.#self, bytes: looped }, now)
    }
  }

  #tellMembers(now: Millis): void {
    this.#areMembersStale = false
    const { changesAt, ...present } = presentMembers(this.membership.members(), this, now)
    this.#lostUntil = changesAt
    this.kv.handle({ type: 'members', ...present }, now)
  }

  #fromMembership(output: MembershipOutput, now: Millis): void {
    switch (output.type) {
      case 'member':
        this.#areMembersStale = true
        this.#event({ type: 'member', change: output.change })
        return
      case 'digest-differs':
        this.replication.handle({ type: 'sync-wanted', peer: output.peer }, now)
        return
      case 'left':
        this.#hasLeft = true
        for (const request of this.#leaveRequests) {
          this.#outcome(request, { ok: true, result: { type: 'leave' } })
        }
        this.#leaveRequests = []
        return
      case 'dropped':
        this.#drop(output.reason)
        return
      case 'broadcast':
      case 'question':
        if (this.observers.has(output.peer)) this.#drop('cast of an observer')
        // Nobody would take its answer.
        else if (output.type === 'broadcast' || !this.observers.isSelf)
          this.#push(fromMembership(output))
        return
      default:
        this.#push(fromMembership(output))
    }
  }

  #fromReplication(output: ReplicationOutput): void {
    if (output.type === 'dropped') this.#drop(output.reason)
    else for (const translated of fromReplication(output)) this.#push(translated)
  }

  #fromKv(output: KvOutput): void {
    if (output.type === 'dropped') this.#drop(output.reason)
    else if (output.type === 'send') this.#kvSend(output)
    else this.#push(fromKv(output))
  }

  #kvSend(output: KvOutput & { type: 'send' }): void {
    const { peer, lane, bytes } = output
    const gate = output.gated ? 'kv' : undefined
    if (peer === this.#self) {
      if (gate === undefined) this.#loopback.push(bytes)
      else {
        const input = { type: 'frame', peer, protocol: 'kv', bytes } as const
        this.#push({ type: 'feedback', gate, input })
      }
      return
    }
    if (!this.#linked.has(peer)) {
      const known = this.membership.member(peer)?.addresses ?? this.#strangers.addresses(peer)
      if (known !== undefined) this.#push({ type: 'dial', peer, addresses: known })
    }
    this.#push({ type: 'send', gate, peer, protocol: 'kv', lane, bytes })
  }

  #outcome(request: number, outcome: (EngineOutput & { type: 'outcome' })['outcome']): void {
    this.#push({ type: 'outcome', gate: undefined, request, outcome })
  }

  #event(event: EngineEvent, gate?: Gate): void {
    this.#push({ type: 'event', gate, event })
  }

  #drop(reason: string): void {
    this.#event({ type: 'dropped', reason: this.#drops.count(reason) })
  }

  #push(output: EngineOutput): void {
    this.#outbox.push(output)
  }
}
