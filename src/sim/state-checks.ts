import type { Cluster, ClusterObserver, SimulatedNode } from './cluster.ts'
import type { Subject } from './subject.ts'
import type { Violations } from './violations.ts'
import type { Workload } from './workload.ts'

interface Known {
  readonly subject: Subject
  readonly digest: string
  readonly text: string
}

/**
 * What must hold of replicated state at every instant. An identity's events are counted where they are written:
 * nobody may hold more of them than their writer's disk gives back, or a crash would make it assign a dot twice.
 */
export class StateChecks implements ClusterObserver {
  /** Restarts after which a node's own promises were compared with what its disk gave back. */
  restartsChecked = 0
  /** Pairs of nodes with equal digests whose states were compared. */
  equalDigestsChecked = 0
  /** Largest number of different digests at one instant. */
  digestsMax = 0
  readonly #cluster: Cluster
  readonly #violations: Violations
  readonly #workload: Workload
  readonly #known: Map<SimulatedNode, Known> = new Map()
  /** Most events of each identity that any node but its writer ever held. */
  readonly #heldByOthers: Map<string, number> = new Map()
  readonly #writers: Map<string, SimulatedNode> = new Map()
  readonly #vectors: Map<SimulatedNode, ReadonlyMap<string, number>> = new Map()

  constructor(cluster: Cluster, violations: Violations, workload: Workload) {
    this.#cluster = cluster
    this.#violations = violations
    this.#workload = workload
  }

  started(node: SimulatedNode): void {
    const { subject } = node
    if (subject === undefined) return
    this.#identify(node, subject)
    if (node.starts === 1) return
    for (const other of this.#cluster.running) this.#monotone(other)
    this.restartsChecked += 1
    const state = subject.state()
    for (const text of this.#workload.oracle.broken(state, { node: node.index })) {
      this.#violations.add('acknowledged writes survive a crash', `${node.name}: ${text}`)
    }
    // Whatever others hold of this node's events, its own disk must have given back.
    const vector = subject.vector()
    for (const replica of this.#writtenBy(node)) {
      const held = this.#heldByOthers.get(replica) ?? 0
      const own = vector.get(replica) ?? 0
      if (own >= held) continue
      this.#violations.add(
        'nothing leaves before it is durable',
        `${node.name} restarted with ${own} events of ${replica}, others hold ${held}`,
      )
    }
  }

  ended(node: SimulatedNode): void {
    this.#known.delete(node)
    // What it held and had not written is lost, rightly.
    this.#vectors.delete(node)
  }

  everySecond(): void {
    for (const node of this.#cluster.running) this.#monotone(node)
    this.#digests()
  }

  /** The state of one node must keep every promise to every user: after all have merged. */
  complete(node: SimulatedNode): void {
    const { subject } = node
    if (subject === undefined) return
    for (const text of this.#workload.oracle.broken(subject.state())) {
      this.#violations.add('acknowledged writes are kept by all', `${node.name}: ${text}`)
    }
  }

  #writtenBy(node: SimulatedNode): readonly string[] {
    return [...this.#writers].filter(([, writer]) => writer === node).map(([replica]) => replica)
  }

  #identify(node: SimulatedNode, subject: Subject): void {
    const identity = subject.identity()
    const writer = this.#writers.get(identity)
    if (writer === undefined) this.#writers.set(identity, node)
    else if (writer !== node) {
      const text = `${identity} by ${writer.name} and ${node.name}`
      this.#violations.add('an identity has one writer', text)
    }
  }

  #monotone(node: SimulatedNode): void {
    const { subject } = node
    if (subject === undefined) return
    const before = this.#vectors.get(node)
    const now = subject.vector()
    this.#vectors.set(node, now)
    this.#identify(node, subject)
    for (const [replica, count] of now) {
      if (this.#writers.get(replica) === node) continue
      this.#heldByOthers.set(replica, Math.max(count, this.#heldByOthers.get(replica) ?? 0))
    }
    if (before === undefined) return
    for (const [replica, count] of before) {
      const held = now.get(replica) ?? 0
      if (held >= count) continue
      this.#violations.add(
        'what a node holds only grows',
        `${node.name} held ${count} events of ${replica}, then ${held}`,
      )
    }
  }

  #digests(): void {
    const texts = new Map<string, { node: SimulatedNode; text: string }>()
    for (const node of this.#cluster.running) {
      const { subject } = node
      if (subject === undefined) continue
      const { digest, text } = this.#read(node, subject)
      const other = texts.get(digest)
      if (other === undefined) {
        texts.set(digest, { node, text })
        continue
      }
      this.equalDigestsChecked += 1
      if (other.text === text) continue
      this.#violations.add(
        'equal digests are equal states',
        `${node.name} and ${other.node.name} at ${digest}`,
      )
    }
    this.digestsMax = Math.max(this.digestsMax, texts.size)
  }

  #read(node: SimulatedNode, subject: Subject): Known {
    const digest = subject.digest()
    const known = this.#known.get(node)
    if (known !== undefined && known.subject === subject && known.digest === digest) return known
    const state = subject.state()
    const fresh = { subject, digest, text: state.text() }
    this.#known.set(node, fresh)
    for (const text of this.#workload.oracle.impossible(state)) {
      this.#violations.add('nothing is counted twice or made up', `${node.name}: ${text}`)
    }
    return fresh
  }
}
