import { hearsaySubject } from './hearsay.ts'
import { hyperSubject } from './hyperdht.ts'
import { kadSubject } from './kad-dht.ts'
import { largeValue, latencies, lostKeys, throughput, warm } from './measure.ts'
import type { Subject, SubjectOptions } from './subject.ts'

type Create = (options: SubjectOptions) => Promise<Subject>

/** One line of the table: what was measured of each. */
export interface DhtRow {
  readonly figure: string
  readonly subject: string
  readonly value: number
  readonly unit: string
}

const RTT_MS = 50
const LARGE_BYTES = 64 * 1024 * 1024
const REPLACED_NODES = 8
/** What a network gets to move values to a node that came, or away from one that went, before the next change. */
const REPLACEMENT_MS = 1_000

/** All figures, side by side in one run. */
export async function dhtReport(
  nodes: number,
  tell: (row: DhtRow) => void,
): Promise<readonly DhtRow[]> {
  const rows: DhtRow[] = []
  const row = (figure: string, subject: string, value: number, unit: string): void => {
    const made = { figure, subject, value: Math.round(value * 1_000) / 1_000, unit }
    rows.push(made)
    tell(made)
  }
  for (const [create, calls] of [
    [hearsaySubject, 500],
    [hyperSubject, 200],
    [kadSubject, 24],
  ] as const) {
    await nearby(create, { nodes, calls }, row)
  }
  for (const [create, calls] of [
    [hearsaySubject, 200],
    [kadSubject, 16],
  ] as const) {
    await farAway(create, { nodes, calls }, row)
  }
  for (const create of [hearsaySubject, kadSubject]) await replaced(create, row)
  return rows
}

type Row = (figure: string, subject: string, value: number, unit: string) => void

interface Size {
  readonly nodes: number
  readonly calls: number
}

async function nearby(create: Create, { nodes, calls }: Size, row: Row): Promise<void> {
  const subject = await create({ nodes, delayMs: 0 })
  const given = { nodes, keys: Math.min(calls, 128) }
  await warm(subject, given)
  const put = await latencies(subject, { ...given, kind: 'put', count: calls })
  const before = subject.requests?.(0)
  const get = await latencies(subject, { ...given, kind: 'get', count: calls })
  row('get, no delay, p50', subject.name, get.p50, 'ms')
  row('put, no delay, p50', subject.name, put.p50, 'ms')
  row('calls that failed, no delay', subject.name, 50 * (get.failed + put.failed), '%')
  const after = subject.requests?.(0)
  if (before !== undefined && after !== undefined) {
    const own = Array.from({ length: calls }, (_, i) => (i * 7) % nodes).filter((n) => n === 0)
    row('requests a get', subject.name, (after - before) / own.length, '')
  }
  const cpu = process.cpuUsage()
  const count = calls * 4
  row(
    'gets a second',
    subject.name,
    await throughput(subject, { ...given, kind: 'get', count }),
    '/s',
  )
  row(
    'puts a second',
    subject.name,
    await throughput(subject, { ...given, kind: 'put', count }),
    '/s',
  )
  const { user, system } = process.cpuUsage(cpu)
  row('CPU of a get and a put', subject.name, (user + system) / 1_000 / count, 'ms')
  if (subject.hasLargeValues) {
    const { put, get, again } = await largeValue(subject, { nodes, bytes: LARGE_BYTES })
    row('large value, put', subject.name, put, 'MB/s')
    row('large value, get', subject.name, get, 'MB/s')
    row('large value, put again', subject.name, again, 'MB/s')
  }
  await subject.close()
}

async function farAway(create: Create, { nodes, calls }: Size, row: Row): Promise<void> {
  const subject = await create({ nodes, delayMs: RTT_MS / 2 })
  const given = { nodes, keys: Math.min(calls, 64) }
  await warm(subject, given)
  const put = await latencies(subject, { ...given, kind: 'put', count: calls })
  const get = await latencies(subject, { ...given, kind: 'get', count: calls })
  for (const [kind, times] of Object.entries({ get, put })) {
    row(`${kind}, ${RTT_MS} ms away, p50`, subject.name, times.p50 / RTT_MS, 'RTT')
    row(`${kind}, ${RTT_MS} ms away, p99`, subject.name, times.p99 / RTT_MS, 'RTT')
  }
  row(`calls that failed, ${RTT_MS} ms away`, subject.name, 50 * (get.failed + put.failed), '%')
  const asking = Math.floor(nodes * 0.8)
  subject.stall?.(Array.from({ length: nodes - asking }, (_, i) => asking + i))
  const stuck = await latencies(subject, { ...given, nodes: asking, kind: 'get', count: calls })
  row('get, 20 % stuck, p99', subject.name, stuck.p99 / RTT_MS, 'RTT')
  await subject.close()
}

/** Every node is replaced, one after the other. */
async function replaced(create: Create, row: Row): Promise<void> {
  const subject = await create({ nodes: REPLACED_NODES, delayMs: 0 })
  const keys = 100
  const given = { nodes: REPLACED_NODES, keys }
  await warm(subject, given)
  for (let node = 0; node < REPLACED_NODES; node++) {
    await subject.add?.()
    // Repair is what is measured, and no subject tells when it has done what it does.
    await new Promise((resolve) => setTimeout(resolve, REPLACEMENT_MS))
    await subject.kill?.(node)
    await new Promise((resolve) => setTimeout(resolve, REPLACEMENT_MS))
  }
  const lost = await lostKeys(subject, { from: REPLACED_NODES, keys })
  row('keys lost when all nodes were replaced', subject.name, (100 * lost) / keys, '%')
  await subject.close()
}
