import type { Millis } from '../base/core.ts'
import { type Random, randomInteger } from '../base/random.ts'
import type { Ports } from '../engine/ports.ts'
import { disagreement, runUntilAgreement } from './agreement.ts'
import { Cluster, type ClusterObserver, type SimulatedNode } from './cluster.ts'
import { DotChecks } from './dot-checks.ts'
import { drawFaults, FAULT_KINDS, type FaultKind, Faults } from './faults.ts'
import { MembershipChecks } from './membership-checks.ts'
import type { NetworkConditions, NetworkStats } from './network-conditions.ts'
import { StateChecks } from './state-checks.ts'
import type { SubjectFactory, SubjectMember } from './subject.ts'
import { type Violation, Violations } from './violations.ts'
import { Workload } from './workload.ts'
import { World } from './world.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly subject: SubjectFactory
  /** @default drawn from the seed, 3 … 8 */
  readonly nodes?: number
  /** Virtual time with faults. @default 40,000 */
  readonly faultsMs?: Millis
  /** All must agree so long after the last fault ended. @default 30,000 */
  readonly healMsMax?: Millis
  /** Kinds of faults this run may have. @default about half of all, drawn from the seed */
  readonly faults?: readonly FaultKind[]
  /** Overrides of the drawn network. */
  readonly conditions?: Partial<NetworkConditions>
  /** Mean time between two calls of users. @default 100 */
  readonly workloadPeriodMs?: Millis
  /** States that no running node may be in, for runs without faults that excuse them. @default none */
  readonly forbidden?: readonly SubjectMember['state'][]
  /** Changes the ports of a node on their way to the program, to plant faults below it. */
  readonly wrap?: (ports: Ports, node: SimulatedNode, world: World) => Ports
}

export interface SimulationReport {
  readonly seed: number
  readonly nodes: number
  readonly virtualMs: Millis
  /** Events of the world: frames, timers, commits … */
  readonly events: number
  /** From the end of the faults to the agreement of all; undefined when it never came. */
  readonly convergedMs: Millis | undefined
  readonly falseDeaths: number
  readonly trueDeaths: number
  readonly suspicions: number
  readonly syncs: number
  /** Dots seen on disks, and how often one was seen again and compared. */
  readonly dots: { readonly dots: number; readonly compared: number; readonly foreign: number }
  readonly restartsChecked: number
  readonly equalDigestsChecked: number
  readonly digestsMax: number
  readonly commitsLost: number
  readonly acknowledged: number
  readonly asked: number
  readonly dht: Workload['dht']
  readonly faults: Readonly<Record<string, number>>
  readonly network: NetworkStats
  readonly drops: Readonly<Record<string, number>>
  readonly traceHash: string
  readonly violations: readonly Violation[]
  /** Says what was broken, and how to see it again; empty when nothing was. */
  readonly failures: readonly string[]
}

const FAULTS_MS = 40_000
const HEAL_MS_MAX = 30_000
const WORKLOAD_PERIOD_MS = 100
const SETTLE_MS = 5_000
const SECOND_MS = 1_000
/** Replicas compare what they hold every 30 s ± 30 %. */
const REPAIR_MS = 45_000
const READ_MS_MAX = 10_000
const CLOCK_SKEW_MS_MAX = 2_000
const CLOCK_DRIFT_MAX = 0.0001

/** The command that runs a seed again. @param nodes when they were chosen, not drawn */
export function repeatCommand(seed: number, nodes: number | undefined): string {
  const chosen = nodes === undefined ? '' : ` --nodes ${nodes}`
  return `hearsay sim --scenario drawn --seed ${seed}${chosen}`
}

/**
 * One seed: a configuration, a fault list, a run in two phases. First faults and users, with safety checked after
 * each event or virtual second; then everything heals, users stop, and all must agree in bounded time and hold
 * every acknowledged write.
 */
export function simulate(options: SimulationOptions): SimulationReport {
  return new Simulation(options).run()
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #world: World
  readonly #cluster: Cluster
  readonly #violations: Violations
  readonly #workload: Workload
  readonly #faults: Faults
  readonly #membership: MembershipChecks
  readonly #state: StateChecks
  readonly #dots: DotChecks
  readonly #drops: Map<string, number> = new Map()
  #syncs = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#world = new World(options.seed)
    const random = this.#world.random('configuration')
    this.#cluster = new Cluster({
      world: this.#world,
      nodes: options.nodes ?? 3 + randomInteger(random, 6),
      subject: options.subject,
      clockSkewMsMax: random.next() < 0.5 ? CLOCK_SKEW_MS_MAX : 0,
      clockDriftMax: random.next() < 0.5 ? CLOCK_DRIFT_MAX : 0,
      ...(options.wrap === undefined ? {} : { wrap: options.wrap }),
    })
    Object.assign(this.#cluster.network.conditions, drawConditions(random), options.conditions)
    this.#violations = new Violations(this.#world)
    this.#workload = new Workload(this.#cluster, options.workloadPeriodMs ?? WORKLOAD_PERIOD_MS)
    this.#faults = new Faults(this.#cluster)
    this.#membership = new MembershipChecks(
      this.#cluster,
      this.#violations,
      options.forbidden ?? [],
    )
    this.#state = new StateChecks(this.#cluster, this.#violations, this.#workload)
    this.#dots = new DotChecks(this.#cluster, this.#violations)
    for (const observer of [this.#membership, this.#state, this.#dots, this.#observer()]) {
      this.#cluster.observe(observer)
    }
    const kinds = options.faults ?? FAULT_KINDS.filter(() => random.next() < 0.5)
    const faultsMs = options.faultsMs ?? FAULTS_MS
    this.#faults.schedule(
      drawFaults(random, kinds, faultsMs).map((fault) => ({
        ...fault,
        atMs: fault.atMs + SETTLE_MS,
      })),
    )
  }

  run(): SimulationReport {
    const faultsMs = this.#options.faultsMs ?? FAULTS_MS
    this.#cluster.startAll()
    this.#workload.start()
    this.#until(SETTLE_MS + faultsMs)
    this.#workload.stop()
    this.#faults.stop()
    const convergedMs = this.#converge(this.#options.healMsMax ?? HEAL_MS_MAX)
    for (const node of this.#cluster.running) this.#state.complete(node)
    if (convergedMs !== undefined) this.#readBack()
    return this.#report(convergedMs)
  }

  /** Runs on, with the checks of every virtual second. */
  #until(at: Millis): void {
    while (this.#world.now < at) {
      this.#world.runUntil(Math.min(at, this.#world.now + SECOND_MS))
      this.#membership.everySecond()
      this.#state.everySecond()
    }
  }

  #converge(withinMs: Millis): Millis | undefined {
    const check = (): void => this.#membership.everySecond()
    const tookMs = runUntilAgreement(this.#cluster, withinMs, check)
    this.#state.everySecond()
    if (tookMs === undefined) {
      const text = disagreement(this.#cluster) ?? 'agreement came too late'
      this.#violations.add('all agree after a heal', text)
    }
    return tookMs
  }

  /** Values must be found everywhere once replicas had time to repair each other. */
  #readBack(): void {
    const { dht, puts } = this.#workload
    if (puts.size === 0) return
    this.#until(this.#world.now + REPAIR_MS)
    this.#workload.readBack((text) => this.#violations.add('acknowledged puts are found', text))
    this.#until(this.#world.now + READ_MS_MAX)
    const open = dht.readBacks - dht.readBacksAnswered
    if (open > 0) this.#violations.add('every request is answered', `${open} gets are not`)
  }

  #observer(): ClusterObserver {
    return {
      threw: (node, failure) => {
        const text = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
        this.#violations.add('no node throws', `${node.name}: ${text}`)
      },
      event: (node, event) => {
        if (event.type === 'synced') this.#syncs += 1
        else if (event.type === 'alarm') {
          this.#violations.add('no alarm without cause', `${node.name}: ${event.reason}`)
        } else if (event.type === 'fatal') {
          this.#violations.add('no node fails', `${node.name}: ${event.error.message}`)
        } else if (event.type === 'dropped') {
          this.#drops.set(event.reason, (this.#drops.get(event.reason) ?? 0) + 1)
        }
      },
    }
  }

  #report(convergedMs: Millis | undefined): SimulationReport {
    const { seed } = this.#options
    const nodes = this.#cluster.nodes.length
    const { list } = this.#violations
    const repeat = `repeat with: ${repeatCommand(seed, this.#options.nodes)}`
    return {
      seed,
      nodes,
      virtualMs: this.#world.now,
      events: this.#world.events,
      convergedMs,
      ...this.#membership.counts,
      syncs: this.#syncs,
      dots: this.#dots.counts,
      restartsChecked: this.#state.restartsChecked,
      equalDigestsChecked: this.#state.equalDigestsChecked,
      digestsMax: this.#state.digestsMax,
      commitsLost: this.#cluster.nodes.reduce((sum, { disk }) => sum + disk.lost, 0),
      acknowledged: this.#workload.oracle.acknowledged,
      asked: this.#workload.oracle.asked,
      dht: this.#workload.dht,
      faults: Object.fromEntries(this.#faults.counts),
      network: this.#cluster.network.stats,
      drops: Object.fromEntries(this.#drops),
      traceHash: this.#world.trace.digest(),
      violations: list,
      failures: list.map(
        ({ check, atMs, text }) =>
          `seed ${seed}, at ${Math.round(atMs)} ms: ${check}: ${text} (${repeat})`,
      ),
    }
  }
}

function drawConditions(random: Random): Partial<NetworkConditions> {
  const isWide = random.next() < 0.3
  return {
    latencyMs: isWide ? 20 + 80 * random.next() : 0.2 + 2 * random.next(),
    jitterMs: isWide ? 40 * random.next() : random.next(),
    loss: random.next() < 0.3 ? 0.1 * random.next() : 0,
    lossMode: random.next() < 0.5 ? 'retransmit' : 'vanish',
    duplicate: random.next() < 0.3 ? 0.05 : 0,
    reorder: random.next() < 0.3 ? 0.05 : 0,
    cutMode: (['hold', 'vanish', 'reset'] as const)[randomInteger(random, 3)] ?? 'hold',
  }
}
