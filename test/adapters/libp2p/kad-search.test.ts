import { describe, expect, it } from 'vitest'
import { ForeignNode } from '../../../scripts/interop/foreign-node.ts'
import { present } from '../../../src/base/assert.ts'
import { fromUtf8, hex, utf8 } from '../../../src/base/bytes.ts'
import { sha256 } from '../../../src/base/hash.ts'
import { peerIdBytes, publicKeyOf } from '../../../src/base/peer-id.ts'
import type { SearchQuery, SearchResult } from '../../../src/engine/ports.ts'
import { compareDistance } from '../../../src/kv/ring.ts'
import { eventually } from '../../e2e/eventually.ts'
import { KEY, type MeshNode, mesh, Records, routes } from './kad-mesh.ts'
import { TestHosts } from './test-host.ts'

const QUERY = { key: KEY, asked: [], withinMs: 10_000 } as const

function textOf({ record }: SearchResult): string | undefined {
  return record === undefined ? undefined : fromUtf8(record.bytes)
}

/** Until a record is found: kad-dht gives up a request after 400 ms, which a busy machine may need. */
function find(node: MeshNode | undefined, query: Partial<SearchQuery> = {}): Promise<SearchResult> {
  const { host } = present(node, 'a node').member
  return eventually(
    () => host.search({ ...QUERY, want: 'record', ...query }),
    ({ record }) => record !== undefined,
  )
}

describe('search()', () => {
  it('finds a record at any peer, and says at which', async () => {
    await using hosts = new TestHosts()
    const [a, , c] = await mesh(hosts, 3)
    c?.records.stored.set(hex(KEY), utf8('red'))
    const found = await find(a)
    expect(found.record?.from).toBe(c?.member.peer)
    expect(textOf(found)).toBe('red')
  })

  it('passes over what the record port does not find sound', async () => {
    await using hosts = new TestHosts()
    const [a, b, c] = await mesh(hosts, 3)
    b?.records.stored.set(hex(KEY), utf8('bad'))
    const none = await a?.member.host.search({ ...QUERY, want: 'record' })
    expect(none?.record).toBeUndefined()
    c?.records.stored.set(hex(KEY), utf8('red'))
    expect(textOf(await find(a))).toBe('red')
  })

  it('asks nobody when all whom it knows have been asked', async () => {
    await using hosts = new TestHosts()
    const [a, b, c] = await mesh(hosts, 3)
    for (const each of [b, c]) each?.records.stored.set(hex(KEY), utf8('red'))
    const asked = [b, c].flatMap((each) => each?.member.peer ?? [])
    const none = await a?.member.host.search({ ...QUERY, want: 'record', asked })
    expect(none?.record).toBeUndefined()
    expect(textOf(await find(a, { asked: asked.slice(1) }))).toBe('red')
  })

  it('tells the peers closest to a key, closest first, with addresses', async () => {
    await using hosts = new TestHosts()
    const nodes = await mesh(hosts, 5)
    const [a, ...others] = nodes
    const { host } = present(a, 'a node').member
    const found = await eventually(
      () => host.search({ ...QUERY, want: 'closest' }),
      ({ peers }) => peers.length === others.length,
    )
    const expected = others
      .map(({ member }) => ({ peer: member.peer, addresses: [member.address] }))
      .sort((one, two) => compareDistance(sha256(KEY), placeOf(one.peer), placeOf(two.peer)))
    expect(found.peers).toEqual(expected)
  })

  it('finds nothing, and does not reject, with nobody there and after its time', async () => {
    await using hosts = new TestHosts()
    const alone = await hosts.create({ records: new Records() })
    for (const want of ['record', 'closest'] as const) {
      expect(await alone.host.search({ ...QUERY, want })).toEqual({ record: undefined, peers: [] })
    }
    const [a, b] = await mesh(hosts, 2)
    b?.records.stored.set(hex(KEY), utf8('red'))
    const late = await a?.member.host.search({ ...QUERY, want: 'closest', withinMs: 0 })
    expect(late?.peers).toEqual([])
  })
})

describe('a foreign peer', () => {
  it('that asks something is asked who it is, and searched from then on', async () => {
    await using hosts = new TestHosts()
    const a = await hosts.create({ records: new Records() })
    await using foreign = await ForeignNode.start({
      network: 'test',
      seed: sha256(utf8('foreign')),
    })
    await foreign.join(`${a.address}/p2p/${a.peer}`)
    // Kept by itself too, whoever else takes it.
    await foreign.put(KEY, utf8('red'))
    await routes(a.host.libp2p, 1)
    const found = await find({ member: a, records: new Records() })
    expect(textOf(found)).toBe('red')
    expect(found.record?.from).toBe(foreign.libp2p.peerId.toString())
  })
})

function placeOf(peer: string): Uint8Array {
  return sha256(peerIdBytes(present(publicKeyOf(peer), peer)))
}
