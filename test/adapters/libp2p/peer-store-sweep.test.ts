import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import { PeerStoreSweep } from '../../../src/adapters/libp2p/peer-store-sweep.ts'
import { TestHosts } from './test-host.ts'

/** The peers stored, without the node itself. */
async function stored(libp2p: Libp2p): Promise<readonly string[]> {
  const own = libp2p.peerId.toString()
  return (await libp2p.peerStore.all()).map(({ id }) => id.toString()).filter((id) => id !== own)
}

describe('a sweep of the peer store', () => {
  it('takes out whom two sweeps in a row found unwanted, and nobody else', async () => {
    await using hosts = new TestHosts()
    const [a, b, c] = [await hosts.create(), await hosts.create(), await hosts.create()]
    const { libp2p } = a.host
    const wanted = new Set([b.peer, c.peer].map(String))
    const sweep = new PeerStoreSweep(libp2p.peerStore, async (peer) => wanted.has(peer.toString()))
    for (const { peer } of [b, c]) {
      await libp2p.peerStore.merge(peerIdFromString(peer), { metadata: { x: new Uint8Array(1) } })
    }
    await sweep.sweep()
    await sweep.sweep()
    expect((await stored(libp2p)).toSorted()).toEqual([b.peer, c.peer].toSorted())
    wanted.delete(b.peer)
    await sweep.sweep()
    expect(await stored(libp2p)).toHaveLength(2)
    // It was back in between: the count begins anew.
    wanted.add(b.peer)
    await sweep.sweep()
    wanted.delete(b.peer)
    await sweep.sweep()
    expect(await stored(libp2p)).toHaveLength(2)
    await sweep.sweep()
    expect(await stored(libp2p)).toEqual([c.peer])
    sweep.stop()
  })

  it('tries again where the store fails, and ends with its node', async () => {
    await using hosts = new TestHosts()
    const [a, b] = [await hosts.create(), await hosts.create()]
    const { libp2p } = a.host
    const { peerStore } = libp2p
    const remove = peerStore.delete.bind(peerStore)
    let fails = true
    peerStore.delete = async (peer, options) => {
      if (fails) throw new Error('no disk')
      await remove(peer, options)
    }
    const sweep = new PeerStoreSweep(peerStore, async () => false)
    await peerStore.merge(peerIdFromString(b.peer), { metadata: { x: new Uint8Array(1) } })
    await sweep.sweep()
    await sweep.sweep()
    expect(await stored(libp2p)).toEqual([b.peer])
    fails = false
    sweep.stop()
    await sweep.sweep()
    expect(await stored(libp2p)).toEqual([b.peer])
  })
})
