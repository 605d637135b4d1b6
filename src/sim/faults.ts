import type { Millis } from '../base/core.ts'
import { type Random, randomInteger, shuffle } from '../base/random.ts'
import type { Cluster, SimulatedNode } from './cluster.ts'

export const FAULT_KINDS = [
  'partition',
  'isolate',
  'one-way',
  'crash',
  'power-off',
  'stall',
  'slow-disk',
  'clock-jump',
  'loss',
  'deaf',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

export interface Fault {
  readonly kind: FaultKind
  readonly atMs: Millis
  readonly forMs: Millis
}

const PERIOD_MS_MEAN = 6_000
const FOR_MS_MAX = 20_000
/** A disk that takes ten seconds for one commit must not make its node look dead. */
const SLOW_COMMIT_MS = 10_000
/** Most jumps are far smaller: within what replicas of values tolerate. */
const CLOCK_JUMP_MS_MAX = 3_600_000
const LOSS_MAX = 0.3
/** Inbound loss of a host that hears little (membership: "80 % inbound loss"). */
const DEAF_SHARE = 0.8
/** Share of crashes that wait for a commit under way: the others rarely meet one. */
const CRASH_IN_COMMIT = 0.75
/** A restart follows its crash after at most so long. */
const DOWN_MS_MAX = 15_000

/** A fault list over `untilMs` of virtual time, from the kinds that this run has. */
export function drawFaults(
  random: Random,
  kinds: readonly FaultKind[],
  untilMs: Millis,
): readonly Fault[] {
  const faults: Fault[] = []
  let atMs = 0
  while (kinds.length > 0) {
    atMs += -Math.log(1 - random.next()) * PERIOD_MS_MEAN
    if (atMs >= untilMs) break
    const kind = kinds[randomInteger(random, kinds.length)]
    if (kind === undefined) break
    faults.push({ kind, atMs, forMs: random.next() * FOR_MS_MAX })
  }
  return faults
}

/** Carries faults out on a cluster and counts them. */
export class Faults {
  readonly counts: Map<FaultKind, number> = new Map()
  readonly #cluster: Cluster
  readonly #random: Random
  /** Faults planned before a heal end with it. */
  #generation = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#random = cluster.world.random('faults')
  }

  schedule(faults: readonly Fault[]): void {
    for (const fault of faults) this.#later(fault.atMs, () => this.inject(fault.kind, fault.forMs))
  }

  /** Ends every fault, now and for good. */
  stop(): void {
    this.#generation += 1
    this.#cluster.network.conditions.loss = 0
    this.#cluster.heal()
  }

  inject(kind: FaultKind, forMs: Millis): void {
    const node = this.#pick()
    if (node === undefined) return
    const isEnd = kind === 'crash' || kind === 'power-off'
    // An end of a process is counted when it comes.
    if (!isEnd) this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    this.#cluster.world.trace.text(kind).number(node.index).number(forMs)
    switch (kind) {
      case 'partition':
      case 'isolate':
      case 'one-way':
        this.#cut(kind, node, forMs)
        return
      case 'crash':
      case 'power-off':
        this.#end(kind, node)
        return
      case 'stall':
        node.process?.stall(forMs)
        return
      case 'slow-disk':
        node.disk.slow(SLOW_COMMIT_MS, forMs)
        return
      case 'clock-jump':
        node.clock.jump(Math.round((2 * this.#random.next() - 1) ** 3 * CLOCK_JUMP_MS_MAX))
        return
      case 'loss':
        this.#loss(forMs)
        return
      case 'deaf':
        this.#cluster.network.setInboundLoss(node.host, DEAF_SHARE)
        this.#later(forMs, () => this.#cluster.network.setInboundLoss(node.host, 0))
        return
    }
  }

  #cut(kind: 'partition' | 'isolate' | 'one-way', node: SimulatedNode, forMs: Millis): void {
    const { network, nodes } = this.#cluster
    const others = nodes.filter((other) => other !== node).map((other) => other.host)
    if (kind === 'isolate') network.partition([[node.host], others])
    else if (kind === 'partition') {
      const hosts = shuffle(this.#random, [node.host, ...others])
      const at = 1 + randomInteger(this.#random, Math.max(1, hosts.length - 1))
      network.partition([hosts.slice(0, at), hosts.slice(at)])
    } else {
      const to = others[randomInteger(this.#random, Math.max(1, others.length))]
      if (to !== undefined) network.cut(node.host, to)
    }
    this.#later(forMs, () => network.heal())
  }

  #end(kind: 'crash' | 'power-off', node: SimulatedNode): void {
    const generation = this.#generation
    const { starts } = node
    const end = (): void => {
      if (generation === this.#generation && node.starts === starts) this.#endNow(kind, node)
    }
    if (this.#random.next() < CRASH_IN_COMMIT) node.disk.onNextCommit(end)
    else end()
  }

  #endNow(kind: 'crash' | 'power-off', node: SimulatedNode): void {
    if (node.subject === undefined) return
    if (kind === 'crash') this.#cluster.crash(node)
    else this.#cluster.powerOff(node)
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    this.#later(this.#random.next() * DOWN_MS_MAX, () => {
      if (node.subject === undefined) this.#cluster.restart(node)
    })
  }

  #loss(forMs: Millis): void {
    const { conditions } = this.#cluster.network
    const before = conditions.loss
    conditions.loss = LOSS_MAX * this.#random.next()
    this.#later(forMs, () => {
      conditions.loss = before
    })
  }

  #pick(): SimulatedNode | undefined {
    const { running } = this.#cluster
    return running[randomInteger(this.#random, Math.max(1, running.length))]
  }

  #later(delayMs: Millis, run: () => void): void {
    const generation = this.#generation
    this.#cluster.world.schedule(delayMs, () => {
      if (generation === this.#generation) run()
    })
  }
}
