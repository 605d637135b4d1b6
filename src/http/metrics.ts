import type { Registry } from 'prom-client'
import type { HearsayNode, StatusInfo } from '../index.ts'
import type { Call, Route } from './call.ts'
import type { Operation } from './operation.ts'

interface Seen {
  readonly status: StatusInfo
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

/** Members that take part: their digests are compared. */

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
]

/** `GET /metrics`: the node's own numbers in the text format of Prometheus, read when they are asked for. */
export function metricRoutes(): readonly Route[] {
  let made: Promise<Recorder> | undefined
  const scrape = async ({ node }: Call): Promise<Response> => {
    // Loaded by the first who asks: most nodes are never asked.
    made ??= newRecorder()
    const { registry, record } = await made
    record(node)
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
    const seen = { status: node.status() }
    for (const { metric, kept } of recorded) {
      kept.reset()
      const values = metric.read(seen)
      if (typeof values === 'number') kept.inc(values)
      else for (const [value, number] of values) kept.inc({ [metric.label ?? '']: value }, number)
    }
  }
  return { registry, record }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
