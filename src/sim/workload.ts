import { fromUtf8 } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { Random } from '../base/random.ts'
import { randomInteger } from '../base/random.ts'
import type { Outcome } from '../engine/engine-types.ts'
import type { Cluster, SimulatedNode } from './cluster.ts'
import { commandOf, drawOperation, type UserOperation } from './operations.ts'
import { Oracle } from './oracle.ts'

/** A put that was acknowledged. */
export interface AcknowledgedPut {
  readonly key: string
  readonly value: string
  readonly version: string
}

/** How DHT operations ended. */
export interface DhtCounts {
  puts: number
  putsRefused: number
  gets: number
  found: number
  readBacks: number
  readBacksExcused: number
  readBacksAnswered: number
}

/** Two clocks that each jumped this far are within the ten minutes that replicas tolerate. */
const JUMP_MS_MAX = 240_000

/** Users who call random running nodes at random times, and the oracle of what they were promised. */
export class Workload {
  readonly oracle: Oracle = new Oracle()
  readonly dht: DhtCounts = {
    puts: 0,
    putsRefused: 0,
    gets: 0,
    found: 0,
    readBacks: 0,
    readBacksExcused: 0,
    readBacksAnswered: 0,
  }
  /** The newest acknowledged version of each key. */
  readonly puts: Map<string, AcknowledgedPut> = new Map()
  readonly #cluster: Cluster
  readonly #random: Random
  readonly #periodMs: Millis
  #serial = 0
  #isRunning = false

  /** @param periodMs mean time between two calls in the whole cluster */
  constructor(cluster: Cluster, periodMs: Millis) {
    this.#cluster = cluster
    this.#random = cluster.world.random('workload')
    this.#periodMs = periodMs
  }

  start(): void {
    this.#isRunning = true
    this.#next()
  }

  stop(): void {
    this.#isRunning = false
  }

  /** Calls a node once, now. */
  call(node: SimulatedNode, chosen?: UserOperation): void {
    const { subject, process } = node
    if (subject === undefined || process === undefined || process.isStalled) return
    this.#serial += 1
    process.post('input', () => {
      const state = subject.state()
      const operation =
        chosen ??
        drawOperation(this.#random, this.#serial, (object) =>
          this.oracle.removable(object, state.setValues(object)),
        )
      const ticket = this.oracle.ask(node.index, operation, state)
      subject.request(commandOf(operation), (outcome) => {
        // The process may be gone by now: then nobody hears the answer.
        if (node.subject !== subject) return
        this.#answered(operation, outcome)
        if (outcome.ok) this.oracle.acknowledge(ticket, changedBy(outcome))
      })
    })
  }

  /**
   * Asks every running node for every key that has an acknowledged put, and judges each answer. With
   * clocks further apart than replicas tolerate only the values are judged: honest writes are then
   * refused by some replicas, and by some readers, as ahead of time.
   */
  readBack(broken: (text: string) => void): void {
    for (const node of this.#cluster.running) {
      for (const put of this.puts.values()) this.#readOne(node, put, broken)
    }
  }

  #readOne(node: SimulatedNode, put: AcknowledgedPut, broken: (text: string) => void): void {
    const { key, version } = put
    const areClocksApart = this.#cluster.nodes.some(({ clock }) => clock.jumpedMsMax > JUMP_MS_MAX)
    this.dht.readBacks += 1
    if (areClocksApart) this.dht.readBacksExcused += 1
    node.process?.post('input', () => {
      node.subject?.request({ type: 'get', key }, (outcome) => {
        this.dht.readBacksAnswered += 1
        if (!outcome.ok) {
          // A node that is far behind refuses what it cannot yet believe, and says so.
          if (!areClocksApart) broken(`${node.name} cannot get ${key}: ${outcome.error.message}`)
          return
        }
        const found = outcome.result.type === 'get' ? outcome.result.found : undefined
        if (found?.version === version && fromUtf8(found.value) !== put.value) {
          broken(`${node.name} finds ${key} with another value than was put`)
        }
        if (areClocksApart) return
        if (found === undefined) broken(`${node.name} finds no ${key}, acknowledged at ${version}`)
        else if (stampText(found.version) < stampText(version)) {
          broken(`${node.name} finds ${key} at ${found.version}, acknowledged at ${version}`)
        }
      })
    })
  }

  #next(): void {
    const delayMs = -Math.log(1 - this.#random.next()) * this.#periodMs
    this.#cluster.world.schedule(delayMs, () => {
      if (!this.#isRunning) return
      const { running } = this.#cluster
      const node = running[randomInteger(this.#random, Math.max(1, running.length))]
      if (node !== undefined) this.call(node)
      this.#next()
    })
  }

  #answered(operation: UserOperation, outcome: Outcome): void {
    if (operation.type === 'get') {
      this.dht.gets += 1
      const isFound = outcome.ok && outcome.result.type === 'get'
      if (isFound && outcome.result.found !== undefined) this.dht.found += 1
    }
    if (operation.type !== 'put') return
    if (!outcome.ok || outcome.result.type !== 'put') {
      this.dht.putsRefused += 1
      return
    }
    this.dht.puts += 1
    const { version } = outcome.result
    const newest = this.puts.get(operation.key)
    if (newest === undefined || newest.version < version) {
      this.puts.set(operation.key, { key: operation.key, value: operation.value, version })
    }
  }
}

function changedBy(outcome: Outcome): number {
  if (!outcome.ok || outcome.result.type !== 'transact') return 0
  return outcome.result.results[0]?.changed ?? 0
}

/** The part of a version that orders it; writers that tie are ordered by keys the text does not show. */
function stampText(version: string): string {
  return version.slice(0, version.indexOf('-'))
}
