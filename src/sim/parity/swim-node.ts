import type { Millis } from '../../base/core.ts'
import { type Random, randomInteger, shuffle } from '../../base/random.ts'
import type { World } from '../world.ts'
import { type Rumour, RumourQueue } from './rumour-queue.ts'
import { pushPullMs, type SwimOptions, suspicionSpan, transmitsMax } from './swim-options.ts'
import { type SwimState, SwimView } from './swim-view.ts'

type Body =
  | { readonly type: 'ping' | 'ack' | 'nack'; readonly sequence: number }
  | { readonly type: 'ping-request'; readonly sequence: number; readonly target: number }

/** One UDP packet. */
export interface Packet {
  readonly body: Body | undefined
  readonly rumours: readonly Rumour[]
}

export interface SwimNodeOptions {
  readonly world: World
  readonly index: number
  readonly nodes: number
  readonly options: SwimOptions
  /** All tick at one instant, as rounds in a paper do. @default false: processes are out of step */
  readonly areTicksAligned?: boolean
  readonly random: Random
  readonly send: (to: number, packet: Packet) => void
  /** A TCP connection to a node: calls back with what answers there; never when nothing does. */
  readonly connect: (to: number, answered: (node: SwimNode) => void) => void
  readonly changed: (subject: number, state: SwimState) => void
  readonly event: (event: number) => void
}

/** A probe under way (SWIM §4.1); its own answer and those of relays end it. */
interface Probe {
  nacks: number
  expectedNacks: number
  hasTcpAnswer: boolean
}

/**
 * SWIM with Lifeguard as memberlist describes and documents it, for comparison: ticks, UDP packets with rumours
 * on their backs, suspicion with confirmations, local health, push-pull. Written from the papers (SWIM, DSN 2002;
 * Lifeguard, arXiv 1707.00788) and the documented behaviour; it is no part of hearsay's own protocol.
 */
export class SwimNode {
  readonly index: number
  readonly view: SwimView
  readonly #given: SwimNodeOptions
  readonly #queue: RumourQueue = new RumourQueue()
  readonly #probes: Map<number, Probe> = new Map()
  readonly #relayed: Map<number, () => void> = new Map()
  #current: Probe | undefined
  readonly #events: Set<number> = new Set()
  readonly #transmitsMax: number
  #order: number[] = []
  #sequence = 0
  #health = 0
  #incarnation = 0
  #isTickWaiting = false
  #isUp = true

  constructor(given: SwimNodeOptions) {
    const { world, index, nodes, options, changed } = given
    this.#given = given
    this.index = index
    this.#transmitsMax = transmitsMax(options, nodes)
    this.view = new SwimView({
      world,
      self: index,
      span: suspicionSpan(options, nodes),
      spread: (rumour) => this.#queue.add(rumour),
      accused: (incarnation) => this.#refute(incarnation),
      changed,
    })
  }

  start(): void {
    const { options, nodes } = this.#given
    this.#every(options.probeIntervalMs, () => this.#probeTick())
    this.#every(options.gossipIntervalMs, () => this.#gossip())
    this.#every(pushPullMs(options, nodes), () => this.#pushPull())
  }

  /** The host is gone: nothing is answered, nobody is told. */
  kill(): void {
    this.#isUp = false
  }

  get isUp(): boolean {
    return this.#isUp
  }

  broadcast(event: number): void {
    this.#hear({ kind: 'event', subject: event, incarnation: 0, from: this.index })
  }

  receive(from: number, { body, rumours }: Packet): void {
    if (!this.#isUp) return
    for (const rumour of rumours) this.#hear(rumour)
    if (body?.type === 'ping') this.#send(from, { type: 'ack', sequence: body.sequence })
    else if (body?.type === 'ping-request') this.#relay(from, body.sequence, body.target)
    else if (body?.type === 'ack') {
      this.#probes.delete(body.sequence)
      this.#relayed.get(body.sequence)?.()
    } else if (body?.type === 'nack') {
      const probe = this.#probes.get(body.sequence)
      if (probe !== undefined) probe.nacks += 1
    }
  }

  /** The whole state of another node, over TCP; its dead are suspected first. */
  merge(rows: readonly Rumour[]): void {
    for (const row of rows) {
      if (row.kind === 'alive') this.view.hear(row)
      else this.view.suspect({ ...row, kind: 'suspect', from: this.index })
    }
  }

  #hear(rumour: Rumour): void {
    if (rumour.kind !== 'event') {
      this.view.hear(rumour)
      return
    }
    if (this.#events.has(rumour.subject)) return
    this.#events.add(rumour.subject)
    this.#queue.add(rumour)
    this.#given.event(rumour.subject)
  }

  /** A ticker, out of step with those of others. */
  #every(periodMs: Millis, act: () => void): void {
    const { world, random } = this.#given
    const next = (delayMs: Millis): void =>
      world.schedule(delayMs, () => {
        if (!this.#isUp) return
        next(periodMs)
        act()
      })
    next(this.#given.areTicksAligned === true ? periodMs : random.next() * periodMs)
  }

  #send(to: number, body: Body | undefined): void {
    this.#given.send(to, { body, rumours: this.#queue.take(this.#transmitsMax) })
  }

  /** A tick during a probe waits for its end; a second one is lost. */
  #probeTick(): void {
    if (this.#current !== undefined) this.#isTickWaiting = true
    else this.#probe()
  }

  #probe(): void {
    const target = this.#nextTarget()
    if (target === undefined) return
    const { world, options, send } = this.#given
    const sequence = this.#nextSequence()
    const probe: Probe = { nacks: 0, expectedNacks: 0, hasTcpAnswer: false }
    this.#current = probe
    this.#probes.set(sequence, probe)
    if (this.view.state(target) === 'alive') this.#send(target, { type: 'ping', sequence })
    else send(target, { body: { type: 'ping', sequence }, rumours: [this.#accusation(target)] })
    const isOpen = (): boolean => this.#isUp && this.#probes.has(sequence)
    const intervalMs = options.probeIntervalMs * (1 + this.#health)
    world.schedule(options.probeTimeoutMs, () => {
      if (isOpen()) this.#probeIndirectly(target, sequence, probe)
      else this.#probed(probe, -1)
    })
    world.schedule(intervalMs, () => {
      if (this.#current !== probe || !this.#isUp) return
      const isMissed = this.#probes.delete(sequence) && !probe.hasTcpAnswer
      if (isMissed) this.view.suspect(this.#accusation(target))
      this.#probed(probe, isMissed ? missedHealth(probe) : -1)
    })
  }

  #probeIndirectly(target: number, sequence: number, probe: Probe): void {
    const { options, connect } = this.#given
    const isRelay = (index: number): boolean =>
      index !== target && this.view.state(index) === 'alive'
    for (const relay of this.#chooseOthers(options.indirectChecks, isRelay)) {
      probe.expectedNacks += 1
      this.#send(relay, { type: 'ping-request', sequence, target })
    }
    if (!options.hasTcpPings) return
    connect(target, () => {
      probe.hasTcpAnswer = true
    })
  }

  #probed(probe: Probe, healthChange: number): void {
    if (this.#current !== probe) return
    this.#current = undefined
    this.#changeHealth(healthChange)
    if (!this.#isTickWaiting) return
    this.#isTickWaiting = false
    this.#probe()
  }

  /** Pings for somebody else; without an answer it says so at the end of the probe timeout. */
  #relay(requester: number, theirSequence: number, target: number): void {
    const { world, options } = this.#given
    const sequence = this.#nextSequence()
    this.#relayed.set(sequence, () => {
      this.#relayed.delete(sequence)
      this.#send(requester, { type: 'ack', sequence: theirSequence })
    })
    this.#send(target, { type: 'ping', sequence })
    world.schedule(options.probeTimeoutMs, () => {
      if (!this.#isUp || !this.#relayed.delete(sequence)) return
      this.#send(requester, { type: 'nack', sequence: theirSequence })
    })
  }

  #gossip(): void {
    const { world, options, send } = this.#given
    const isListening = (index: number): boolean =>
      this.view.state(index) !== 'dead' ||
      world.now - this.view.changedAt(index) <= options.gossipToTheDeadMs
    for (const index of this.#chooseOthers(options.gossipNodes, isListening)) {
      const rumours = this.#queue.take(this.#transmitsMax)
      if (rumours.length === 0) return
      send(index, { body: undefined, rumours })
    }
  }

  #pushPull(): void {
    const [index] = this.#chooseOthers(1, (other) => this.view.state(other) === 'alive')
    if (index === undefined) return
    this.#given.connect(index, (node) => {
      const rows = this.view.rows()
      this.merge(node.view.rows())
      node.merge(rows)
    })
  }

  #refute(incarnation: number): void {
    if (incarnation < this.#incarnation) return
    this.#incarnation = incarnation + 1
    this.#changeHealth(1)
    this.#queue.add({
      kind: 'alive',
      subject: this.index,
      incarnation: this.#incarnation,
      from: this.index,
    })
  }

  #changeHealth(by: number): void {
    const { awarenessMax } = this.#given.options
    this.#health = Math.min(awarenessMax - 1, Math.max(0, this.#health + by))
  }

  #accusation(subject: number): Rumour {
    const incarnation = this.view.incarnation(subject)
    return { kind: 'suspect', subject, incarnation, from: this.index }
  }

  /** Shuffled round-robin (SWIM §4.3). */
  #nextTarget(): number | undefined {
    const { nodes, random } = this.#given
    for (let tries = 0; tries < 2 * nodes; tries++) {
      if (this.#order.length === 0) {
        this.#order = shuffle(
          random,
          Array.from({ length: nodes }, (_, index) => index),
        )
      }
      const index = this.#order.pop()
      if (index === undefined || index === this.index) continue
      if (this.view.state(index) !== 'dead') return index
    }
    return undefined
  }

  #chooseOthers(count: number, isFit: (index: number) => boolean): readonly number[] {
    const { nodes, random } = this.#given
    const chosen: number[] = []
    for (let tries = 0; tries < 3 * nodes && chosen.length < count; tries++) {
      const index = randomInteger(random, nodes)
      if (index !== this.index && !chosen.includes(index) && isFit(index)) chosen.push(index)
    }
    return chosen
  }

  #nextSequence(): number {
    this.#sequence += 1
    return this.#sequence
  }
}

/** Relays that did not even say that they heard nothing speak against the one who asked. */
function missedHealth({ expectedNacks, nacks }: Probe): number {
  return expectedNacks > 0 ? Math.max(0, expectedNacks - nacks) : 1
}
