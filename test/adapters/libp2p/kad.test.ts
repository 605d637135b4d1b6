import type { Libp2p } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import type { RecordPort } from '../../../src/adapters/libp2p/host.ts'
import { fromUtf8, hex, utf8 } from '../../../src/base/bytes.ts'
import { type TestHost, TestHosts } from './test-host.ts'

/** A record store in memory: later values in byte order win, `bad` is refused. */
class Records implements RecordPort {
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

interface Node {
  readonly test: TestHost
  readonly records: Records
}

/** A full mesh whose routing tables hold everybody. */
async function mesh(hosts: TestHosts, count: number): Promise<Node[]> {
  const nodes: Node[] = []
  for (let i = 0; i < count; i++) {
    const records = new Records()
    nodes.push({ records, test: await hosts.create({ records }) })
  }
  for (const [i, { test }] of nodes.entries()) {
    for (const other of nodes.slice(i + 1)) {
      test.host.links.dial(other.test.peer, [other.test.address])
      await Promise.all([test.up(other.test.peer), other.test.up(test.peer)])
    }
  }
  for (const { test } of nodes) {
    test.host.feed(nodes.map((each) => ({ peer: each.test.peer, addresses: [each.test.address] })))
  }
  await Promise.all(nodes.map(({ test }) => routes(test.host.libp2p, count - 1)))
  return nodes
}

function tableSize(node: Libp2p): number {
  const { kad } = node.services
  if (typeof kad !== 'object' || kad === null || !('routingTable' in kad)) return -1
  const table = kad.routingTable
  return typeof table === 'object' && table !== null && 'size' in table ? Number(table.size) : -1
}

/** Waits until a routing table holds so many peers. */
async function routes(node: Libp2p, count: number): Promise<void> {
  const deadline = performance.now() + 10_000
  while (tableSize(node) !== count) {
    if (performance.now() > deadline) throw new Error(`Routing table holds ${tableSize(node)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const KEY = utf8('/k/color')

describe('kad-dht', () => {
  it('feed() fills the routing table, and empties it of who is missing', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 3)
    if (a === undefined || b === undefined) throw new Error('unreachable')
    a.test.host.feed([{ peer: b.test.peer, addresses: [b.test.address] }])
    await routes(a.test.host.libp2p, 1)
    a.test.host.feed([])
    await routes(a.test.host.libp2p, 0)
  })

  it('puts through the record port of the closest peers and gets from it', async () => {
    await using hosts = new TestHosts()
    const nodes = await mesh(hosts, 3)
    const [a, b, c] = nodes
    await a?.test.host.libp2p.contentRouting.put(KEY, utf8('red'))
    const values = nodes.map(({ records }) => fromUtf8(records.lookup(KEY) ?? new Uint8Array(0)))
    expect(values).toEqual(['red', 'red', 'red'])
    b?.records.stored.clear()
    const got = await b?.test.host.libp2p.contentRouting.get(KEY)
    expect(fromUtf8(got ?? new Uint8Array(0))).toBe('red')
    expect(c?.test.dropped()).toEqual([])
  })

  it('an older record replaces no newer one', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 2)
    b?.records.stored.set(hex(KEY), utf8('yellow'))
    await a?.test.host.libp2p.contentRouting.put(KEY, utf8('red'))
    expect(fromUtf8(b?.records.lookup(KEY) ?? new Uint8Array(0))).toBe('yellow')
    const got = await a?.test.host.libp2p.contentRouting.get(KEY)
    expect(fromUtf8(got ?? new Uint8Array(0))).toBe('yellow')
  })

  it('refuses what the record port refuses, and unknown namespaces', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 2)
    a?.records.stored.set(hex(KEY), utf8('bad'))
    const got = b?.test.host.libp2p.contentRouting.get(KEY)
    await expect(got).rejects.toThrow()
    await b?.test.host.libp2p.contentRouting.put(utf8('/x/y'), utf8('v')).catch(() => {})
    expect(a?.records.lookup(utf8('/x/y'))).toBeUndefined()
  })

  it('never tags a peer keep-alive', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 2)
    if (a === undefined || b === undefined) throw new Error('unreachable')
    const { kad } = a.test.host.libp2p.services
    // What kad-dht runs every five seconds.
    if (typeof kad !== 'object' || kad === null || !('routingTable' in kad)) throw new Error('kad')
    const { routingTable } = kad
    const tagger = Reflect.get(Object(routingTable), 'closestPeerTagger')
    await tagger.updatePeerTags()
    const peers = await a.test.host.libp2p.peerStore.all()
    const tags = peers.flatMap((peer) => [...peer.tags.keys()])
    expect(tags).toContain('kad-close')
    expect(tags.filter((tag) => tag.startsWith('keep-alive'))).toEqual([])
  })
})
