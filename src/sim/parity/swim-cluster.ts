import type { Millis } from '../../base/core.ts'
import { World } from '../world.ts'
import { SwimNode } from './swim-node.ts'
import { SWIM_LAN, type SwimOptions } from './swim-options.ts'

export interface SwimRun {
  readonly seed: number
  readonly nodes: number
  readonly options?: SwimOptions
  /** See SwimNodeOptions. @default false */
  readonly areTicksAligned?: boolean
  /** One-way delay. @default 1 */
  readonly latencyMs?: Millis
  /** Up to so much more, evenly. @default 1 */
  readonly jitterMs?: Millis
  /** Share of UDP packets lost. @default 0 */
  readonly loss?: number
  /** Virtual time after which a run is given up. @default 180,000 */
  readonly withinMs?: Millis
}

const WITHIN_MS = 180_000
/** Probes and health find their rhythm. */
const SETTLE_MS = 5_000
const PERIOD_MS = 10

/** Nodes of the comparison model on a network that loses packets. */
class SwimCluster {
  readonly world: World
  readonly nodes: readonly SwimNode[]
  readonly dead: Set<number> = new Set()
  eventHeard = 0
  readonly #run: SwimRun

  constructor(run: SwimRun, watched: number) {
    this.#run = run
    this.world = new World(run.seed)
    const network = this.world.random('udp')
    const delayMs = (): Millis => (run.latencyMs ?? 1) + (run.jitterMs ?? 1) * network.next()
    this.nodes = Array.from({ length: run.nodes }, (_, index) => {
      const node: SwimNode = new SwimNode({
        world: this.world,
        index,
        nodes: run.nodes,
        options: run.options ?? SWIM_LAN,
        areTicksAligned: run.areTicksAligned ?? false,
        random: this.world.random('swim', index),
        send: (to, packet) => {
          if (network.next() < (run.loss ?? 0)) return
          this.world.schedule(delayMs(), () => this.nodes[to]?.receive(index, packet))
        },
        connect: (to, answered) => {
          this.world.schedule(4 * delayMs(), () => {
            const other = this.nodes[to]
            if (node.isUp && other?.isUp === true) answered(other)
          })
        },
        changed: (subject, state) => {
          if (subject !== watched) return
          if (state === 'dead') this.dead.add(index)
          else this.dead.delete(index)
        },
        event: () => {
          this.eventHeard += 1
        },
      })
      return node
    })
    for (const node of this.nodes) node.start()
    this.world.runUntil(SETTLE_MS)
  }

  /** How long until it holds; undefined when that was not within the limit. */
  until(holds: () => boolean): Millis | undefined {
    const { world } = this
    const beganAt = world.now
    while (world.now < beganAt + (this.#run.withinMs ?? WITHIN_MS)) {
      world.runUntil(world.now + PERIOD_MS)
      if (holds()) return world.now - beganAt
    }
    return undefined
  }
}

/** Kills one node silently. @returns when the last of the others knew */
export function swimKillMs(run: SwimRun): Millis | undefined {
  const cluster = new SwimCluster(run, 0)
  cluster.nodes[0]?.kill()
  return cluster.until(() => cluster.dead.size === run.nodes - 1)
}

/** One user event, sent by one node. @returns when the last one had heard it */
export function swimEventMs(run: SwimRun): Millis | undefined {
  const cluster = new SwimCluster(run, -1)
  cluster.nodes[0]?.broadcast(1)
  return cluster.until(() => cluster.eventHeard === run.nodes)
}
