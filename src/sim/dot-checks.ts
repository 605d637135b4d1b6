import { equalBytes } from '../base/bytes.ts'
import type { StoreWrite } from '../base/core.ts'
import { decodeRunHead } from '../crdt/run-head.ts'
import { RunReader } from '../crdt/run-reader.ts'
import { type UnpackedEvent, unpackRun } from '../crdt/unpack-run.ts'
import { parseRow } from '../replication/store/rows.ts'
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
  /** `group replica n` → the event as text. */
  readonly #events: Map<string, string> = new Map()
  /** `group replica n0` → the first run seen from there. */
  readonly #runs: Map<string, Uint8Array> = new Map()
  readonly #reader: RunReader = new RunReader()
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
      else if (row.type === 'log') for (const run of row.runs) this.#dots(node, row.group, run)
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

  #dots(node: SimulatedNode, group: string, run: Uint8Array): void {
    const head = decodeRunHead(run)
    if (!head.ok) {
      this.#violations.add('rows are well formed', `${node.name}: ${head.reason}`)
      return
    }
    const { replica, n0, count } = head.value
    const key = `${group} ${replica} ${n0}`
    const seen = this.#runs.get(key)
    // The same bytes tell of the same events: most rows are what another disk holds already.
    if (seen !== undefined && equalBytes(seen, run)) this.counts.compared += count
    else {
      const events = unpackRun(run, this.#reader)
      if (!events.ok) {
        this.#violations.add('rows are well formed', `${node.name}: ${events.reason}`)
        return
      }
      if (seen === undefined) this.#runs.set(key, run.slice())
      for (const event of events.value) this.#assignedOnce(node, group, event)
    }
    const last = n0 + count - 1
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

  #assignedOnce(node: SimulatedNode, group: string, event: UnpackedEvent): void {
    const key = `${group} ${event.replica} ${event.n}`
    const text = eventText(event)
    const known = this.#events.get(key)
    if (known === undefined) {
      this.#events.set(key, text)
      this.counts.dots += 1
      return
    }
    this.counts.compared += 1
    if (known === text) return
    const writer = this.#writers.get(event.replica)?.node.name ?? event.replica
    this.#violations.add(
      'a dot is assigned once',
      `${node.name} holds another event ${event.n} of ${writer} (${this.#cluster.world.now} ms)`,
    )
  }
}

/** Everything that one dot's event may not differ in. */
function eventText({ stamp, starts, content, kills }: UnpackedEvent): string {
  const dots = kills.map(({ replica, n }) => `${replica} ${n}`).sort()
  const plain = JSON.stringify(content, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  return `${stamp} ${starts} ${plain} ${dots.join()}`
}
