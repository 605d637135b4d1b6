import type { Millis } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import type { EngineEvent } from '../../engine/engine-types.ts'
import type { Cluster, ClusterObserver, SimulatedNode } from '../cluster.ts'
import type { SubjectMember } from '../subject.ts'

type State = SubjectMember['state']

/** Evidence of what others claim has these words in it; the rest is what a node found itself. */
const HEARSAY = ' according to '

/**
 * Who shows whom as what, gathered from the events of nodes: with a thousand of them nobody can look at all tables
 * after each step. Whom nobody told anything about counts as alive: clusters begin with everybody in every table.
 */
export class Census implements ClusterObserver {
  /** Moments at which somebody showed alarm, by reason. */
  readonly alarms: { readonly node: SimulatedNode; readonly atMs: Millis }[] = []
  /** Processes that ended themselves because an older one has their key. */
  readonly gaveWay: { readonly node: SimulatedNode; readonly atMs: Millis }[] = []
  /** Lives that were called failed while they ran, without an excuse. */
  falseDeaths = 0
  /** Lives that came back from `failed` without a restart, per observer. */
  flaps = 0
  /** Views in which a running member became suspect. */
  suspicions = 0
  readonly #cluster: Cluster
  /** By index of the observer: what it shows of subjects that are not simply alive. */
  readonly #views: Map<PeerId, State>[]
  /** When each subject last changed its addresses, by observer. */
  readonly #heardOf: Map<PeerId, Set<number>> = new Map()
  readonly #dead: Set<string> = new Set()
  readonly #accusations: number[]
  #isExcused: (subject: SimulatedNode, observer: SimulatedNode) => boolean = () => false

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#views = cluster.nodes.map(() => new Map())
    this.#accusations = cluster.nodes.map(() => 0)
  }

  /** Deaths of these are no mistakes, from now on. */
  excuse(isExcused: (subject: SimulatedNode, observer: SimulatedNode) => boolean): void {
    this.#isExcused = isExcused
  }

  started(node: SimulatedNode): void {
    this.#views[node.index]?.clear()
  }

  event(node: SimulatedNode, event: EngineEvent): void {
    if (event.type === 'alarm') {
      this.alarms.push({ node, atMs: this.#cluster.world.now })
      return
    }
    if (event.type === 'fatal') this.gaveWay.push({ node, atMs: this.#cluster.world.now })
    if (event.type !== 'member') return
    const { member, evidence } = event.change
    if (member.peerId === node.peer) return
    this.#hear(member.peerId, node)
    const before = this.state(node, member.peerId)
    if (member.state === 'alive') this.#views[node.index]?.delete(member.peerId)
    else this.#views[node.index]?.set(member.peerId, member.state)
    if (before !== member.state) this.#changed(node, member, before, evidence)
  }

  /** What an observer shows of a member. */
  state(observer: SimulatedNode, peer: PeerId): State {
    return this.#views[observer.index]?.get(peer) ?? 'alive'
  }

  /** True when all running nodes but the subject itself show it so. */
  areAllAware(subject: SimulatedNode, states: readonly State[]): boolean {
    return this.#cluster.running.every(
      (node) => node === subject || states.includes(this.state(node, subject.peer)),
    )
  }

  /** True when all other running nodes were told of a change of the subject since {@link forget}. */
  haveAllHeard(subject: SimulatedNode): boolean {
    const heard = this.#heardOf.get(subject.peer)
    return this.#cluster.running.every(
      (node) => node === subject || heard?.has(node.index) === true,
    )
  }

  forget(subject: SimulatedNode): void {
    this.#heardOf.delete(subject.peer)
  }

  /** How often a node itself found somebody missing. */
  accusationsBy(node: SimulatedNode): number {
    return this.#accusations[node.index] ?? 0
  }

  #hear(peer: PeerId, node: SimulatedNode): void {
    const heard = this.#heardOf.get(peer)
    if (heard === undefined) this.#heardOf.set(peer, new Set([node.index]))
    else heard.add(node.index)
  }

  #changed(
    node: SimulatedNode,
    member: { readonly peerId: PeerId; readonly state: State; readonly epoch: number } & {
      readonly incarnation: number
    },
    before: State,
    evidence: string,
  ): void {
    const { state } = member
    const isAccused = state === 'suspect' || state === 'failed'
    if (isAccused && before === 'alive' && !evidence.includes(HEARSAY)) {
      this.#accusations[node.index] = this.accusationsBy(node) + 1
    }
    const subject = this.#cluster.nodeOf(member.peerId)
    if (subject?.subject === undefined) return
    if (state === 'suspect') this.suspicions += 1
    if (before === 'failed' && state === 'alive' && this.#isOneLife(subject)) this.flaps += 1
    if (state !== 'failed' || this.#isExcused(subject, node)) return
    if (member.epoch < epochOf(subject)) return
    const life = `${subject.index} ${member.epoch} ${member.incarnation}`
    if (this.#dead.has(life)) return
    this.#dead.add(life)
    this.falseDeaths += 1
  }

  #isOneLife(subject: SimulatedNode): boolean {
    return subject.starts === 1
  }
}

/** Of the life that runs: what is said of an earlier one is true. */
function epochOf({ subject, peer }: SimulatedNode): number {
  return subject?.members().find((member) => member.peer === peer)?.epoch ?? 0
}
