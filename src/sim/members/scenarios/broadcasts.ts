import { randomBytes } from '../../../base/random.ts'
import type { SimulatedNode } from '../../cluster.ts'
import { MINUTE_MS, type Scenario, SECOND_MS } from '../scenario.ts'

const DELIVERED = 'delivered to all'
const TWICE = 'delivered twice'
const SMALL_BYTES = 256
/** In pieces, over the links of a tree. */
const LARGE_BYTES = 32 * 1024
/** What comes twice has come by then. */
const ECHO_MS = 5 * SECOND_MS

function broadcast(options: {
  readonly name: string
  readonly about: string
  readonly bytes: number
  readonly loss: number
  readonly p99Ms: number
}): Scenario {
  const { name, about, bytes, loss, p99Ms } = options
  return {
    name,
    about,
    nodes: 100,
    play: (stage) => {
      stage.startFull()
      stage.cluster.network.conditions.loss = loss
      const deliveries = new Map<SimulatedNode, number>()
      stage.cluster.observe({
        event: (node, event) => {
          if (event.type === 'broadcast') deliveries.set(node, (deliveries.get(node) ?? 0) + 1)
        },
      })
      const sender = stage.pick()
      stage.run(SECOND_MS * stage.random.next())
      const payload = randomBytes(stage.random, bytes)
      sender.process?.post('input', () => {
        sender.subject?.request({ type: 'broadcast', name: 'news', payload }, () => {})
      })
      const hasAll = (): boolean => deliveries.size === stage.cluster.running.length
      stage.record(DELIVERED, stage.until(hasAll, MINUTE_MS))
      stage.run(ECHO_MS)
      stage.record(TWICE, [...deliveries.values()].filter((count) => count > 1).length)
    },
    bounds: [
      { figure: DELIVERED, unit: 'ms', p99: p99Ms },
      { figure: TWICE, unit: 'count', max: 0 },
    ],
  }
}

/** Messages to all members. */
export const BROADCASTS: readonly Scenario[] = [
  broadcast({
    name: 'broadcast',
    about: 'a member tells all others 256 B',
    bytes: SMALL_BYTES,
    loss: 0,
    p99Ms: 250,
  }),
  broadcast({
    name: 'broadcast-lossy',
    about: 'the same while every link loses 25 %',
    bytes: SMALL_BYTES,
    loss: 0.25,
    p99Ms: 500,
  }),
  broadcast({
    name: 'broadcast-large',
    about: 'a member tells all others 32 KiB',
    bytes: LARGE_BYTES,
    loss: 0,
    p99Ms: 250,
  }),
]
