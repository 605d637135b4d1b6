import { assert, present } from '../../base/assert.ts'
import type { Lane, Millis } from '../../base/core.ts'
import { type Random, randomInteger, shuffle } from '../../base/random.ts'
import { RecordCache } from '../../membership/record-cache.ts'
import { Cluster, type SimulatedNode } from '../cluster.ts'
import { MembershipChecks } from '../membership-checks.ts'
import {
  LANES,
  type LaneTraffic,
  type NetworkConditions,
  noTraffic,
} from '../network-conditions.ts'
import { type Violation, Violations } from '../violations.ts'
import { World } from '../world.ts'
import { Census } from './census.ts'
import { MembershipSubject } from './membership-subject.ts'

export interface StageOptions {
  readonly seed: number
  /** Members from the beginning. */
  readonly nodes: number
  /** Machines without a process in the beginning, behind the members. @default 0 */
  readonly spare?: number
  /** See ClusterOptions. */
  readonly keyOf?: (index: number) => number
  readonly conditions?: Partial<NetworkConditions>
  /** Invariants that look at every table after every change. @default up to 64 nodes */
  readonly areViewsChecked?: boolean
}

/** Frames and bytes a node and second, by lane. */
export type LaneRates = Readonly<Record<Lane, { readonly frames: number; readonly bytes: number }>>

const NETWORK = 'sim'
/** So many digests of all in the tables of all are not worth their time: nodes then tell none. */
const DIGEST_NODES_MAX = 2_000
/** Above it a look at all tables costs more than the run. */
const CHECKED_NODES_MAX = 64
/** Times are measured to this. */
const STEP_MS = 10
/** Addresses are known, and no link is up yet. */
const STARTED_MS = 5
/** Links are up, round trips are known. */
const SETTLE_MS = 10_000
const JOIN_MS_MAX = 120_000

/** One run of one seed: members with full views on a network, what happens to them and what is measured. */
export class Stage {
  readonly world: World
  readonly cluster: Cluster
  readonly census: Census
  readonly random: Random
  /** Figures of this run, by name; infinity for what never came. */
  readonly figures: Map<string, number> = new Map()
  readonly #members: number
  readonly #subjects: Map<number, MembershipSubject> = new Map()
  readonly #violations: Violations
  readonly #checks: MembershipChecks | undefined

  constructor(options: StageOptions) {
    const { seed, nodes, spare = 0, keyOf, conditions } = options
    this.#members = nodes
    this.world = new World(seed)
    this.random = this.world.random('scenario')
    const records = new RecordCache(NETWORK)
    const tellsDigest = nodes <= DIGEST_NODES_MAX
    this.cluster = new Cluster({
      world: this.world,
      nodes: nodes + spare,
      network: NETWORK,
      subject: (given) => {
        const subject = new MembershipSubject({ ...given, records, tellsDigest })
        this.#subjects.set(Number(given.name.slice(1)), subject)
        return subject
      },
      ...(keyOf === undefined ? {} : { keyOf }),
    })
    Object.assign(this.cluster.network.conditions, conditions)
    this.census = new Census(this.cluster)
    this.cluster.observe(this.census)
    this.cluster.observe({
      event: (node, event) => {
        // After this step: the program ends itself.
        const { process } = node
        if (event.type !== 'fatal') return
        this.world.schedule(0, () => {
          if (node.process === process) this.cluster.crash(node)
        })
      },
    })
    this.#violations = new Violations(this.world)
    if (options.areViewsChecked ?? nodes + spare <= CHECKED_NODES_MAX) {
      this.#checks = new MembershipChecks(this.cluster, this.#violations, [])
      this.cluster.observe(this.#checks)
    }
    this.cluster.observe({
      threw: (node, failure) => {
        const text = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
        this.#violations.add('no node throws', `${node.name}: ${text}`)
      },
    })
  }

  get nodes(): readonly SimulatedNode[] {
    return this.cluster.nodes
  }

  /** The members, without spare machines. */
  get members(): readonly SimulatedNode[] {
    return this.cluster.nodes.slice(0, this.#members)
  }

  get violations(): readonly Violation[] {
    return this.#violations.list
  }

  node(index: number): SimulatedNode {
    return this.cluster.node(index)
  }

  /** A member drawn from the seed, other than these. */
  pick(...others: readonly SimulatedNode[]): SimulatedNode {
    const fit = this.members.filter((node) => !others.includes(node))
    return present(fit[randomInteger(this.random, fit.length)], 'a member')
  }

  /** The members in random order. */
  shuffled(): readonly SimulatedNode[] {
    return shuffle(this.random, [...this.members])
  }

  subjectOf(node: SimulatedNode): MembershipSubject {
    return present(this.#subjects.get(node.index), `${node.name} was started`)
  }

  /** Starts all members with everybody in every table, and waits until their links are up. */
  startFull(settleMs: Millis = SETTLE_MS): void {
    for (const node of this.members) this.cluster.start(node)
    this.world.runUntil(STARTED_MS)
    const introductions = this.members.map((node) => this.subjectOf(node).introduce())
    for (const node of this.members) {
      node.process?.post('input', () => this.subjectOf(node).adopt(introductions))
    }
    this.run(settleMs)
  }

  /** Starts all members at once, each with the address of the first. @returns when all views were equal */
  startByJoin(withinMs: Millis = JOIN_MS_MAX): Millis | undefined {
    for (const node of this.members) this.cluster.start(node, this.cluster.seedsOf(node))
    return this.until(() => this.isAgreed(), withinMs)
  }

  run(forMs: Millis): void {
    this.world.runUntil(this.world.now + forMs)
    this.#checks?.everySecond()
  }

  /** Runs on until it holds. @returns how long that took, undefined when longer than `withinMs` */
  until(holds: () => boolean, withinMs: Millis): Millis | undefined {
    const beganAt = this.world.now
    while (this.world.now < beganAt + withinMs) {
      this.world.runUntil(this.world.now + STEP_MS)
      if (holds()) {
        this.#checks?.everySecond()
        return this.world.now - beganAt
      }
    }
    this.#checks?.everySecond()
    return undefined
  }

  /** Keeps a figure; undefined is what never came. */
  record(name: string, figure: number | undefined): void {
    assert(!this.figures.has(name), `one figure a run: ${name}`)
    this.figures.set(name, figure ?? Number.POSITIVE_INFINITY)
  }

  /** Keeps what the census counted. */
  recordDeaths(): void {
    this.record('false deaths', this.census.falseDeaths)
  }

  /** Everybody runs alive, degraded perhaps, in the view of everybody who runs, and all these views are one. */
  isAgreed(): boolean {
    const [first, ...others] = this.cluster.running
    if (first?.subject === undefined) return false
    const hash = first.subject.viewHash()
    if (others.some(({ subject }) => subject?.viewHash() !== hash)) return false
    const states = new Map(first.subject.members().map(({ peer, state }) => [peer, state]))
    const live: ReadonlySet<string | undefined> = new Set(['alive', 'degraded'])
    return this.cluster.running.every(({ peer }) => live.has(states.get(peer)))
  }

  /** What the members send a second and node, while `forMs` pass. */
  measureTraffic(forMs: Millis): LaneRates {
    const before = this.#sent()
    this.run(forMs)
    return ratesOf(before, this.#sent(), 1_000 / forMs / this.cluster.running.length)
  }

  /** What all nodes sent in the whole run, a second and node. */
  traffic(): LaneRates {
    const share = this.world.now === 0 ? 0 : 1_000 / this.world.now / this.nodes.length
    return ratesOf(noTraffic(), this.#sent(), share)
  }

  #sent(): LaneTraffic {
    const sums = noTraffic()
    for (const { host } of this.nodes) {
      for (const lane of LANES) {
        sums[lane].frames += host.sent[lane].frames
        sums[lane].bytes += host.sent[lane].bytes
      }
    }
    return sums
  }
}

function ratesOf(before: LaneTraffic, after: LaneTraffic, share: number): LaneRates {
  const rates = noTraffic()
  for (const lane of LANES) {
    rates[lane].frames = (after[lane].frames - before[lane].frames) * share
    rates[lane].bytes = (after[lane].bytes - before[lane].bytes) * share
  }
  return rates
}
