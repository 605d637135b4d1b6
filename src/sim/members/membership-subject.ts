import { assert } from '../../base/assert.ts'
import { hex } from '../../base/bytes.ts'
import type { Millis, StoreRow } from '../../base/core.ts'
import type { Command, EngineEvent, Outcome } from '../../engine/engine-types.ts'
import { twinFailure } from '../../engine/failures.ts'
import type { Ports } from '../../engine/ports.ts'
import {
  Membership,
  type MembershipInput,
  type MembershipOutput,
} from '../../membership/membership.ts'
import type { RecordCache } from '../../membership/record-cache.ts'
import type { Subject, SubjectMember, SubjectOptions, SubjectState } from '../subject.ts'

const PROTOCOL_VERSION = 1
const DIGEST_BYTES = 16

/** A member's own entry in its table, as others take it over. */
export type Introduction = ReturnType<Membership['introduce']>

export interface MembershipSubjectOptions {
  readonly records?: RecordCache
  /** Whether it tells which replicated state it holds, as every node does. @default true */
  readonly tellsDigest?: boolean
}

/**
 * The production membership core over the ports of a node, without the cores beside it. The engine tells its
 * key-value core of all members after each change and holds replicas of state: with a thousand nodes in one
 * process that would be nearly all of the time and the memory, and nothing of it is membership. What the driver
 * does for this core (one timer, time that never goes back, nothing waits for the disk) is done here alike.
 */
export class MembershipSubject implements Subject {
  readonly #ports: Ports
  readonly #observe: (event: EngineEvent) => void
  readonly #core: Membership
  readonly #tellsDigest: boolean
  readonly #leavers: ((outcome: Outcome) => void)[] = []
  readonly #casters: Map<number, (outcome: Outcome) => void> = new Map()
  #casts = 0
  #isHalted = false
  #armed: Millis | undefined
  #last: Millis = 0
  #clockOffsetMs: Millis = 0

  /** @param options.records what tables share that run in one process */
  constructor(options: SubjectOptions & MembershipSubjectOptions) {
    const { ports, network, name, observe, records } = options
    this.#ports = ports
    this.#observe = observe
    this.#core = new Membership({
      signer: ports.signer,
      random: ports.random,
      network,
      name,
      protocol: { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION },
      dialLoopback: true,
      ...(records === undefined ? {} : { records }),
    })
    this.#tellsDigest = options.tellsDigest ?? true
  }

  load(row: StoreRow): void {
    this.#core.load(row)
  }

  start(): void {
    this.#ports.links.listen({
      linkUp: (peer, { direction, remoteAddress, via }) => {
        const route = via === undefined ? {} : { via }
        this.#input({ type: 'link-up', peer, direction, remoteAddress, ...route })
      },
      linkDown: (peer, end) => this.#input({ type: 'link-down', peer, end }),
      dialFailed: (peer, end) => this.#input({ type: 'dial-failed', peer, end }),
      joinFailed: (address) => this.#input({ type: 'join-failed', address }),
      frame: (peer, protocol, bytes) => {
        if (protocol === 'member') this.#input({ type: 'frame', peer, bytes })
      },
      addresses: (addresses) => this.#input({ type: 'addresses', addresses }),
      dropped: (reason) => this.#observe({ type: 'dropped', reason }),
    })
    this.#core.start(this.#now())
    // The state of a node without events: probes carry it as they do in production.
    if (this.#tellsDigest) this.#input({ type: 'digest', digest: new Uint8Array(DIGEST_BYTES) })
  }

  join(addresses: readonly string[]): void {
    this.#input({ type: 'join', addresses })
  }

  request(command: Command, done: (outcome: Outcome) => void): void {
    if (command.type === 'broadcast') {
      this.#casts += 1
      this.#casters.set(this.#casts, done)
      this.#input({ ...command, request: this.#casts })
      return
    }
    assert(command.type === 'leave', `membership alone cannot ${command.type}`)
    this.#leavers.push(done)
    this.#input({ type: 'leave' })
  }

  halt(): void {
    this.#isHalted = true
    this.#ports.clock.arm(undefined, () => {})
  }

  introduce(): Introduction {
    return this.#core.introduce()
  }

  /** Takes over members from others of this process, as if tables had been exchanged. */
  adopt(members: readonly Introduction[]): void {
    this.#core.adopt(members, this.#now())
    this.#drain()
  }

  members(): readonly SubjectMember[] {
    return this.#core.members().map(({ peerId, epoch, incarnation, state }) => ({
      peer: peerId,
      epoch,
      incarnation,
      state,
    }))
  }

  viewHash(): string {
    return hex(this.#core.viewHash())
  }

  digest(): string {
    return ''
  }

  identity(): string {
    return ''
  }

  vector(): ReadonlyMap<string, number> {
    return new Map()
  }

  state(): SubjectState {
    return NO_STATE
  }

  #now(): Millis {
    const wall = this.#ports.clock.now()
    if (wall + this.#clockOffsetMs < this.#last) this.#clockOffsetMs = this.#last - wall
    this.#last = wall + this.#clockOffsetMs
    return this.#last
  }

  #input(input: MembershipInput): void {
    if (this.#isHalted) return
    this.#core.handle(input, this.#now())
    this.#drain()
  }

  #drain(): void {
    for (let output = this.#core.poll(); output !== undefined; output = this.#core.poll()) {
      if (this.#isHalted) return
      this.#perform(output)
    }
    this.#arm()
  }

  #perform(output: MembershipOutput): void {
    const { links, disk } = this.#ports
    switch (output.type) {
      case 'send': {
        const { peer, lane, bytes } = output
        const isQueued = links.send({ peer, protocol: 'member', lane, bytes })
        if (!isQueued) this.#observe({ type: 'dropped', reason: 'unsent member frame' })
        return
      }
      case 'link-wanted':
        links.dial(output.peer, output.addresses)
        return
      case 'protect':
        links.protect(output.peer, output.isProtected)
        return
      case 'close':
        links.close(output.peer)
        return
      case 'join-wanted':
        links.join(output.address)
        return
      case 'persist':
        disk.commit(output.writes, () => {})
        return
      case 'left':
        for (const done of this.#leavers.splice(0)) done({ ok: true, result: { type: 'leave' } })
        return
      case 'broadcast-sent': {
        const result = { type: 'broadcast', id: output.id } as const
        this.#cast(output.request, { ok: true, result })
        return
      }
      case 'cast-refused':
        this.#cast(output.request, { ok: false, error: output.error })
        return
      case 'gave-way':
        this.#observe({ type: 'fatal', error: twinFailure(output.addresses) })
        return
      case 'member':
      case 'broadcast':
      case 'alarm':
      case 'dropped':
        this.#observe(output)
        return
      default:
        // What concerns replicated state has nobody to go to here.
        return
    }
  }

  #cast(request: number, outcome: Outcome): void {
    this.#casters.get(request)?.(outcome)
    this.#casters.delete(request)
  }

  #arm(): void {
    const at = this.#core.nextDeadline()
    if (at === this.#armed) return
    this.#armed = at
    this.#ports.clock.arm(at === undefined ? undefined : at - this.#clockOffsetMs, () => {
      this.#armed = undefined
      this.#input({ type: 'tick' })
    })
  }
}

const NO_STATE: SubjectState = {
  counter: () => 0n,
  setValues: () => [],
  register: () => [],
  map: () => ({}),
  text: () => '',
}
