import { performance } from 'node:perf_hooks'
import type { Counter as CounterOf, Gauge as GaugeOf, Registry } from 'prom-client'
import type { HearsayNode, LibraryMetric, StatusInfo } from '../index.ts'
import type { Call, Route } from './call.ts'
import type { Operation } from './operation.ts'

interface Seen {
  readonly status: StatusInfo
  readonly process: ProcessUse
}

/** What the process uses; nodes that share one tell the same. */
interface ProcessUse {
  readonly memory: NodeJS.MemoryUsage
  readonly cpuSeconds: number
  readonly busySeconds: number
}

/** Sampled when asked for: histograms of delays would wake an idle node a hundred times a second. */
function processUse(): ProcessUse {
  const { user, system } = process.cpuUsage()
  const { active } = performance.eventLoopUtilization()
  const cpuSeconds = (user + system) / 1e6
  return { memory: process.memoryUsage(), cpuSeconds, busySeconds: active / 1_000 }
}

/** Values by one label; never by names or peer ids, of which there may be any number. */
type Values = readonly (readonly [label: string, value: number])[]

interface Metric {
  readonly name: string
  readonly help: string
  /** Only grows, from the start of the process on. */
  readonly isCounter?: boolean
  readonly label?: string
  /** @returns the value, or those by label */
  readonly read: (seen: Seen) => number | Values
}

/** What a node tells of itself; units are in the names. */
const METRICS: readonly Metric[] = [
  {
    name: 'hearsay_build_info',
    help: 'One, by the version that runs',
    label: 'version',
    read: ({ status }) => [[status.version, 1]],
  },
  {
    name: 'hearsay_uptime_seconds',
    help: 'Time since the node started',
    read: ({ status }) => status.uptimeMs / 1_000,
  },
  {
    name: 'hearsay_members',
    help: 'Members by the state that this node sees, itself included',
    label: 'state',
    read: ({ status }) => Object.entries(status.members),
  },
  {
    name: 'hearsay_member_digests',
    help: 'Distinct digests of state among live members: one when all have converged',
    read: ({ status }) => status.digests,
  },
  {
    name: 'hearsay_groups',
    help: 'Groups of replicated objects that hold anything, and main',
    read: ({ status }) => status.groups.length,
  },
  {
    name: 'hearsay_objects',
    help: 'Replicated objects of all groups',
    read: ({ status }) => sum(status.groups, ({ objects }) => objects),
  },
  {
    name: 'hearsay_events',
    help: 'Events of all groups that are part of the state',
    read: ({ status }) => sum(status.groups, ({ events }) => events),
  },
  {
    name: 'hearsay_unsynced_events',
    help: 'Own events that no other member is known to hold durably',
    read: ({ status }) => sum(status.groups, ({ unsynced }) => unsynced),
  },
  {
    name: 'hearsay_dht_records',
    help: 'Values of the DHT that this node keeps',
    read: ({ status }) => status.dht.records,
  },
  {
    name: 'hearsay_dht_bytes',
    help: 'Bytes of those values',
    read: ({ status }) => status.dht.bytes,
  },
  {
    name: 'hearsay_store_bytes',
    help: 'Bytes that the store takes on disk',
    read: ({ status }) => status.store.bytes,
  },
  {
    name: 'hearsay_store_full',
    help: 'One while the disk has no room and writes are refused',
    read: ({ status }) => (status.store.full ? 1 : 0),
  },
  {
    name: 'hearsay_store_damaged_rows',
    help: 'Rows whose bytes the disk had changed, found when the store was opened',
    read: ({ status }) => status.store.damagedRows,
  },
  {
    name: 'hearsay_degraded',
    help: 'One while no other member is alive: writes are kept by this node alone',
    read: ({ status }) => (status.degraded ? 1 : 0),
  },
  {
    name: 'hearsay_frames_total',
    help: 'Frames of all protocols and peers',
    isCounter: true,
    label: 'direction',
    read: ({ status: { traffic } }) => [
      ['sent', traffic.framesSent],
      ['received', traffic.framesReceived],
    ],
  },
  {
    name: 'hearsay_frame_bytes_total',
    help: 'Bytes of those frames',
    isCounter: true,
    label: 'direction',
    read: ({ status: { traffic } }) => [
      ['sent', traffic.bytesSent],
      ['received', traffic.bytesReceived],
    ],
  },
  {
    name: 'hearsay_dropped_total',
    help: 'Frames and records refused, by reason',
    isCounter: true,
    label: 'reason',
    read: ({ status }) => Object.entries(status.drops),
  },
  {
    name: 'hearsay_broadcasts_total',
    help: 'Broadcasts and questions, by what became of them',
    isCounter: true,
    label: 'outcome',
    read: ({ status: { broadcasts } }) => {
      const { sent, delivered, duplicates, missed, forgotten, late } = broadcasts
      return Object.entries({ sent, delivered, duplicates, missed, forgotten, late })
    },
  },
  {
    name: 'hearsay_broadcasts_kept_bytes',
    help: 'Bytes of broadcasts kept for neighbours that lack them',
    read: ({ status }) => status.broadcasts.storedBytes,
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'Processor time of the process, which several nodes may share',
    isCounter: true,
    read: ({ process: { cpuSeconds } }) => cpuSeconds,
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process that the machine holds',
    read: ({ process: { memory } }) => memory.rss,
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    help: 'Memory that objects take, some of them garbage',
    read: ({ process: { memory } }) => memory.heapUsed,
  },
  {
    name: 'nodejs_external_memory_bytes',
    help: 'Memory of buffers beside the heap',
    read: ({ process: { memory } }) => memory.external,
  },
  {
    name: 'nodejs_eventloop_busy_seconds_total',
    help: 'Time that the event loop did not wait: a second a second is a full one',
    isCounter: true,
    read: ({ process: { busySeconds } }) => busySeconds,
  },
]

/** `GET /metrics`: the node's own numbers in the text format of Prometheus, read when they are asked for. */
export function metricRoutes(): readonly Route[] {
  let made: Promise<Recorder> | undefined
  const scrape = async ({ node }: Call): Promise<Response> => {
    // Loaded by the first who asks: most nodes are never asked.
    made ??= newRecorder()
    const { registry, record, recordLibrary } = await made
    record(node)
    recordLibrary(await node.libp2pMetrics())
    const text = await registry.metrics()
    return new Response(text, { headers: { 'content-type': registry.contentType } })
  }
  const operation: Operation = {
    id: 'metrics',
    summary: 'What the node does, for Prometheus',
    answers: { 200: { description: 'The text format, version 0.0.4', media: ['text/plain'] } },
  }
  return [{ method: 'GET', path: '/metrics', operation, handle: scrape }]
}

interface Recorder {
  readonly registry: Registry
  readonly record: (node: HearsayNode) => void
  /** Of libp2p, whose parts say what there is as they come. */
  readonly recordLibrary: (metrics: readonly LibraryMetric[]) => void
}

async function newRecorder(): Promise<Recorder> {
  const { Counter, Gauge, Registry } = await import('prom-client')
  // One a node: in a process with many, nobody gets another one's numbers.
  const registry = new Registry()
  const recorded = METRICS.map((metric) => {
    const { name, help, label } = metric
    const labelNames = label === undefined ? [] : [label]
    const options = { name, help, labelNames, registers: [registry] }
    const kept = metric.isCounter === true ? new Counter(options) : new Gauge(options)
    return { metric, kept }
  })
  const record = (node: HearsayNode): void => {
    const seen = { status: node.status(), process: processUse() }
    for (const { metric, kept } of recorded) {
      kept.reset()
      const values = metric.read(seen)
      if (typeof values === 'number') kept.inc(values)
      else for (const [value, number] of values) kept.inc({ [metric.label ?? '']: value }, number)
    }
  }
  const library = new Map<string, CounterOf | GaugeOf>()
  const recordLibrary = (metrics: readonly LibraryMetric[]): void => {
    for (const { name, help, isCounter, label, values } of metrics) {
      const options = {
        name,
        help,
        labelNames: label === undefined ? [] : [label],
        registers: [registry],
      }
      const kept = library.get(name) ?? (isCounter ? new Counter(options) : new Gauge(options))
      library.set(name, kept)
      kept.reset()
      for (const [value, number] of values) {
        if (label === undefined) kept.inc(number)
        else kept.inc({ [label]: value }, number)
      }
    }
  }
  return { registry, record, recordLibrary }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
