import type { StoreWrite } from '../base/core.ts'
import { decodeTransactionHead } from '../crdt/transaction.ts'
import { parseRow } from '../replication/rows.ts'
import type { Cluster, ClusterObserver, SimulatedNode } from './cluster.ts'
import type { Violations } from './violations.ts'

interface Writer {
  readonly node: SimulatedNode
  /** Events of the identity durable on its writer's disk, by group. */
  readonly durable: Map<string, number>
}

/**
 * Watches every row that becomes durable anywhere. Each dot names one transaction for ever, on all disks; an
 * identity has one writer; and no disk holds an event before its writer's own disk does, for then it left early.
 */
export class DotChecks implements ClusterObserver {
  /** Dots seen, rows compared with an earlier row of the same dot, events that came from other nodes. */
  readonly counts: { dots: number; compared: number; foreign: number } = {
    dots: 0,
    compared: 0,
    foreign: 0,
  }
  readonly #cluster: Cluster
  readonly #violations: Violations
  /** `group replica n` → the transaction's own checksum. */
  readonly #checksums: Map<string, string> = new Map()
  readonly #writers: Map<string, Writer> = new Map()

  constructor(cluster: Cluster, violations: Violations) {
    this.#cluster = cluster
    this.#violations = violations
  }

  durable(node: SimulatedNode, writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      if (value === undefined || !key.startsWith('state!')) continue
      const row = parseRow({ key, value })
      if (row.type === 'replica') this.#identify(node, row.replica)
      else this.#dots(node, row, value)
    }
  }

  /** Most events of an identity that its writer's disk gives back; undefined when nobody wrote under it. */
  durableOf(replica: string, group: string): number | undefined {
    return this.#writers.get(replica)?.durable.get(group)
  }

  #identify(node: SimulatedNode, replica: string): void {
    const known = this.#writers.get(replica)
    if (known === undefined) this.#writers.set(replica, { node, durable: new Map() })
    else if (known.node !== node) {
      const text = `${replica} by ${known.node.name} and ${node.name}`
      this.#violations.add('an identity has one writer', text)
    }
  }

  #dots(
    node: SimulatedNode,
    row: { readonly group: string; readonly replica: string; readonly n0: number },
    value: Uint8Array,
  ): void {
    const head = decodeTransactionHead(value)
    if (!head.ok) {
      this.#violations.add('rows are well formed', `${node.name}: ${head.reason}`)
      return
    }
    const { group, replica } = row
    const { count, checksum } = head.value
    const last = row.n0 + count - 1
    this.#assignedOnce(
      node,
      { group, replica, n0: row.n0, last },
      `${checksum.high}.${checksum.low}`,
    )
    const writer = this.#writers.get(replica)
    if (writer?.node === node) {
      writer.durable.set(group, Math.max(last, writer.durable.get(group) ?? 0))
      return
    }
    this.counts.foreign += 1
    const own = writer?.durable.get(group) ?? 0
    if (own >= last) return
    const name = writer?.node.name ?? 'an unknown writer'
    this.#violations.add(
      'nothing leaves before it is durable',
      `${node.name} holds ${last} events of ${name}, whose own disk has ${own}`,
    )
  }

  #assignedOnce(
    node: SimulatedNode,
    dots: { group: string; replica: string; n0: number; last: number },
    checksum: string,
  ): void {
    for (let n = dots.n0; n <= dots.last; n++) {
      const key = `${dots.group} ${dots.replica} ${n}`
      const known = this.#checksums.get(key)
      if (known === undefined) {
        this.#checksums.set(key, checksum)
        this.counts.dots += 1
        continue
      }
      this.counts.compared += 1
      if (known === checksum) continue
      const writer = this.#writers.get(dots.replica)?.node.name ?? dots.replica
      this.#violations.add(
        'a dot is assigned once',
        `${node.name} holds another event ${n} of ${writer} (${this.#cluster.world.now} ms)`,
      )
    }
  }
}
