import type { Libp2p } from '@libp2p/interface'
import type { HostLimits, RecordPort } from '../../../src/adapters/libp2p/host.ts'
import { fromUtf8, hex, utf8 } from '../../../src/base/bytes.ts'
import type { TestHost, TestHosts } from './test-host.ts'

/** A record store in memory: later values in byte order win, `bad` is refused. */
export class Records implements RecordPort {
  readonly stored = new Map<string, Uint8Array>()

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.stored.get(hex(key))
  }

  async offer(key: Uint8Array, record: Uint8Array): Promise<'stored' | 'stale' | 'refused'> {
    if (fromUtf8(record) === 'bad') return 'refused'
    const known = this.stored.get(hex(key))
    if (known !== undefined && fromUtf8(known) > fromUtf8(record)) return 'stale'
    this.stored.set(hex(key), record)
    return 'stored'
  }

  validate(_key: Uint8Array, record: Uint8Array): boolean {
    return fromUtf8(record) !== 'bad'
  }

  select(_key: Uint8Array, records: readonly Uint8Array[]): number {
    const texts = records.map(fromUtf8)
    return texts.indexOf([...texts].sort().at(-1) ?? '')
  }
}

export interface MeshNode {
  readonly member: TestHost
  readonly records: Records
}

/** A full mesh whose routing tables hold everybody. */
export async function mesh(
  hosts: TestHosts,
  count: number,
  limits: Partial<HostLimits> = {},
): Promise<MeshNode[]> {
  const nodes: MeshNode[] = []
  for (let i = 0; i < count; i++) {
    const records = new Records()
    nodes.push({ records, member: await hosts.create({ records, limits }) })
  }
  for (const [i, { member }] of nodes.entries()) {
    for (const other of nodes.slice(i + 1)) {
      member.host.links.dial(other.member.peer, [other.member.address])
      await Promise.all([member.up(other.member.peer), other.member.up(member.peer)])
    }
  }
  for (const { member } of nodes) {
    member.host.feed(
      nodes.map((each) => ({ peer: each.member.peer, addresses: [each.member.address] })),
    )
  }
  await Promise.all(nodes.map(({ member }) => routes(member.host.libp2p, count - 1)))
  return nodes
}

function tableSize(node: Libp2p): number {
  const { kad } = node.services
  if (typeof kad !== 'object' || kad === null || !('routingTable' in kad)) return -1
  const table = kad.routingTable
  return typeof table === 'object' && table !== null && 'size' in table ? Number(table.size) : -1
}

/** Waits until a routing table holds so many peers. */
export async function routes(node: Libp2p, count: number): Promise<void> {
  const deadline = performance.now() + 10_000
  while (tableSize(node) !== count) {
    if (performance.now() > deadline) throw new Error(`Routing table holds ${tableSize(node)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

export const KEY = utf8('/k/color')
