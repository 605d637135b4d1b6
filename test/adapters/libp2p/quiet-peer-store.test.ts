import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../../src/base/ids.ts'
import { type TestHost, TestHosts } from './test-host.ts'

const OVERLAY_TAG = 'hearsay-overlay'

async function stored(libp2p: Libp2p, peer: PeerId) {
  const { protocols, tags } = await libp2p.peerStore.get(peerIdFromString(peer))
  return { protocols, tags: [...tags.keys()] }
}

async function link(from: TestHost, to: TestHost): Promise<void> {
  from.host.links.dial(to.peer, [to.address])
  await from.until(() => from.ofType('up').some(({ peer }) => peer === to.peer), 'a link')
}

/** Waits for what nobody tells. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(setImmediate)
}

describe('the peer store', () => {
  it('keeps the addresses of peers, and not what nobody reads', async () => {
    await using hosts = new TestHosts()
    const [a, b] = [await hosts.create(), await hosts.create()]
    await link(a, b)
    const { libp2p } = a.host
    await libp2p.peerStore.merge(peerIdFromString(b.peer), { tags: { other: { value: 1 } } })
    expect(await stored(libp2p, b.peer)).toEqual({ protocols: [], tags: [] })
    const { addresses } = await libp2p.peerStore.get(peerIdFromString(b.peer))
    expect(addresses.map(({ multiaddr }) => multiaddr.toString())).toEqual([b.address])
    const own = await stored(libp2p, a.peer)
    expect(own.protocols).toContain('/hearsay/test/hello/1')
  })

  it('learns whom the overlay wants once half of the connections are taken', async () => {
    await using hosts = new TestHosts()
    const a = await hosts.create({ limits: { connectionsMax: 4 } })
    const [b, c, d] = [await hosts.create(), await hosts.create(), await hosts.create()]
    const { libp2p } = a.host
    a.host.links.protect(b.peer, true)
    a.host.links.protect(c.peer, true)
    a.host.links.protect(c.peer, false)
    await link(a, b)
    await link(a, c)
    expect((await stored(libp2p, b.peer)).tags).toEqual([])
    await link(a, d)
    const tagsOf = async (peer: PeerId): Promise<readonly string[]> =>
      (await stored(libp2p, peer)).tags
    await until(async () => (await tagsOf(b.peer)).includes(OVERLAY_TAG))
    expect(await tagsOf(c.peer)).toEqual([])
    a.host.links.protect(d.peer, true)
    await until(async () => (await tagsOf(d.peer)).includes(OVERLAY_TAG))
    a.host.links.protect(b.peer, false)
    await until(async () => !(await tagsOf(b.peer)).includes(OVERLAY_TAG))
  })
})
