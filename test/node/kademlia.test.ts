import { describe, expect, it } from 'vitest'
import { ForeignNode } from '../../scripts/interop/foreign-node.ts'
import { present } from '../../src/base/assert.ts'
import { fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/base/hash.ts'
import { stampAt } from '../../src/base/hybrid-clock.ts'
import { createNode } from '../../src/index.ts'
import { decodeRecord, sealRecord } from '../../src/records/record.ts'
import { eventually } from '../e2e/eventually.ts'
import { ed25519Signer } from '../records/ed25519-signer.ts'
import { Nodes } from './nodes.ts'

const HOUR = 3_600_000

async function foreignOf(nodes: Nodes): Promise<ForeignNode> {
  const foreign = await ForeignNode.start({ network: 'kad-test', seed: sha256(utf8('foreign')) })
  for (const i of [0, 1, 2]) {
    await foreign.join(present(nodes.at(i).status().listen[0], 'an address'))
  }
  return foreign
}

/** An envelope as whoever reads PROTOCOL.md makes it. */
function envelope(key: string, value: string): Uint8Array {
  const stamp = stampAt(Date.now())
  const expiresAt = Date.now() + HOUR
  return sealRecord({ namespace: 'k', key, value: utf8(value), stamp, expiresAt }, ed25519Signer(7))
    .bytes
}

describe('above oneHopMembersMax', () => {
  it('values are written and read by searches of Kademlia, and status says so', async () => {
    await using nodes = await Nodes.create(4, { oneHopMembersMax: 3, replication: 2 })
    expect(nodes.at(0).status().dht.mode).toBe('kademlia')
    for (const key of ['a', 'b', 'c', 'd']) {
      const { replicas } = await nodes.at(0).dht.put(key, key.toUpperCase(), { level: 'all' })
      expect(replicas.length).toBe(2)
      expect((await nodes.at(3).dht.get(key))?.value).toBe(key.toUpperCase())
    }
    expect(await nodes.at(1).dht.get('none')).toBeUndefined()
  })

  it('is out of range below 1', async () => {
    await expect(createNode({ oneHopMembersMax: 0 })).rejects.toThrow('oneHopMembersMax')
  })
})

describe('beside a plain kad-dht node', () => {
  it('what is put here is got there', async () => {
    await using nodes = await Nodes.create(3)
    await using foreign = await foreignOf(nodes)
    expect(nodes.at(0).status().dht.mode).toBe('one-hop')
    await nodes.at(1).dht.put('here', 'from here')
    const bytes = present(await foreign.get(utf8('/k/here')), 'a record')
    const decoded = decodeRecord(bytes)
    expect(decoded.ok && fromUtf8(decoded.value.value ?? new Uint8Array(0))).toBe('from here')
  })

  it('what is put there is got here, and so is what only it holds', async () => {
    await using nodes = await Nodes.create(3)
    await using foreign = await foreignOf(nodes)
    expect(await foreign.put(utf8('/k/there'), envelope('there', 'from there'))).toBe(3)
    expect((await nodes.at(2).dht.get('there'))?.value).toBe('from there')
    await foreign.keep(utf8('/k/kept'), envelope('kept', 'kept there'))
    const kept = await eventually(
      () => nodes.at(0).dht.get('kept'),
      (found) => found !== undefined,
    )
    expect([kept?.value, kept?.from]).toEqual(['kept there', foreign.libp2p.peerId.toString()])
  })

  it('what it makes up is not taken', async () => {
    await using nodes = await Nodes.create(3)
    await using foreign = await foreignOf(nodes)
    const other = envelope('other', 'stolen')
    await foreign.put(utf8('/k/forged'), other)
    const broken = envelope('forged', 'broken').map((byte, i) => (i === 50 ? byte ^ 1 : byte))
    await foreign.keep(utf8('/k/forged'), broken)
    expect(await nodes.at(0).dht.get('forged')).toBeUndefined()
    expect(nodes.at(0).status().dht.records).toBe(0)
  })
})
