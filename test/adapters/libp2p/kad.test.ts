import { describe, expect, it } from 'vitest'
import { fromUtf8, hex, utf8 } from '../../../src/base/bytes.ts'
import { KEY, mesh, routes } from './kad-mesh.ts'
import { TestHosts } from './test-host.ts'

describe('kad-dht', () => {
  it('feed() fills the routing table, and empties it of who is missing', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 3)
    if (a === undefined || b === undefined) throw new Error('unreachable')
    a.member.host.feed([{ peer: b.member.peer, addresses: [b.member.address] }])
    await routes(a.member.host.libp2p, 1)
    a.member.host.feed([])
    await routes(a.member.host.libp2p, 0)
  })

  it('puts through the record port of the closest peers and gets from it', async () => {
    await using hosts = new TestHosts()
    const nodes = await mesh(hosts, 3)
    const [a, b, c] = nodes
    await a?.member.host.libp2p.contentRouting.put(KEY, utf8('red'))
    const values = nodes.map(({ records }) => fromUtf8(records.lookup(KEY) ?? new Uint8Array(0)))
    expect(values).toEqual(['red', 'red', 'red'])
    b?.records.stored.clear()
    const got = await b?.member.host.libp2p.contentRouting.get(KEY)
    expect(fromUtf8(got ?? new Uint8Array(0))).toBe('red')
    expect(c?.member.dropped()).toEqual([])
  })

  it('an older record replaces no newer one', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 2)
    b?.records.stored.set(hex(KEY), utf8('yellow'))
    await a?.member.host.libp2p.contentRouting.put(KEY, utf8('red'))
    expect(fromUtf8(b?.records.lookup(KEY) ?? new Uint8Array(0))).toBe('yellow')
    const got = await a?.member.host.libp2p.contentRouting.get(KEY)
    expect(fromUtf8(got ?? new Uint8Array(0))).toBe('yellow')
    // The writer is told: a stale put does not look like a success.
    const stale = b?.member.host.libp2p.contentRouting.put(KEY, utf8('orange'))
    await expect(stale).rejects.toThrow('stale')
  })

  it('refuses what the record port refuses, and unknown namespaces', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 2)
    a?.records.stored.set(hex(KEY), utf8('bad'))
    const got = b?.member.host.libp2p.contentRouting.get(KEY)
    await expect(got).rejects.toThrow()
    await b?.member.host.libp2p.contentRouting.put(utf8('/x/y'), utf8('v')).catch(() => {})
    expect(a?.records.lookup(utf8('/x/y'))).toBeUndefined()
  })

  it('a burst of queries is slowed here before it costs the link there', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 2, { kadPerSecond: 5, streamsPerSecond: 5 })
    const gets = Array.from({ length: 60 }, (_, i) =>
      a?.member.host.libp2p.contentRouting.get(utf8(`/k/${i}`)).catch(() => {}),
    )
    await Promise.all(gets)
    expect(b?.member.dropped()).toEqual([])
    expect([...(a?.member.ofType('down') ?? []), ...(b?.member.ofType('down') ?? [])]).toEqual([])
  })

  it('tags no peer, keep-alive least of all', async () => {
    await using hosts = new TestHosts()
    const [a, b] = await mesh(hosts, 2)
    if (a === undefined || b === undefined) throw new Error('unreachable')
    const { kad } = a.member.host.libp2p.services
    // What kad-dht runs every five seconds.
    if (typeof kad !== 'object' || kad === null || !('routingTable' in kad)) throw new Error('kad')
    const { routingTable } = kad
    const tagger = Reflect.get(Object(routingTable), 'closestPeerTagger')
    await tagger.updatePeerTags()
    const peers = await a.member.host.libp2p.peerStore.all()
    expect(peers.length).toBeGreaterThan(0)
    expect(peers.flatMap((peer) => [...peer.tags.keys()])).toEqual([])
  })
})
