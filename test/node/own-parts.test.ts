import type { Transport } from '@libp2p/interface'
import { transportSymbol } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { createMemoryStore } from '../../src/adapters/store/memory-store.ts'
import { createNode } from '../../src/index.ts'

/** Of a transport that no node of ours has. */
const ADDRESS = '/ip4/127.0.0.1/udp/9/quic-v1'
const privateKey = new Uint8Array(32).fill(5)

test('a node keeps its rows in a store of its owner, and goes on where it stopped', async () => {
  const store = createMemoryStore()
  const first = await createNode({ store, privateKey })
  await first.counter('n').add(3)
  const { peerId } = first
  await first.stop()
  await using second = await createNode({ store, privateKey })
  expect(second.peerId).toBe(peerId)
  expect(second.counter('n').value).toBe(3)
  await second.counter('n').add(1)
  expect(second.counter('n').value).toBe(4)
})

test.each([
  ['a store without its key', { store: createMemoryStore() }],
  ['a store and a directory', { store: createMemoryStore(), dataDir: '/nowhere', privateKey }],
  ['a service under a name of ours', { libp2p: { services: { kad: () => ({}) } } }],
])('createNode() refuses %s', async (_what, options) => {
  await expect(createNode(options)).rejects.toMatchObject({ code: 'ERR_CONFIG' })
})

test('libp2p runs services and transports of the application', async () => {
  const dialled: string[] = []
  const transport: Transport = {
    [Symbol.toStringTag]: 'test',
    [transportSymbol]: true,
    listenFilter: () => [],
    dialFilter: (addresses) => addresses.filter((one) => one.toString().includes('/quic-v1')),
    createListener: () => {
      throw new Error('nobody listens by it')
    },
    dial: async (address) => {
      dialled.push(address.toString())
      throw new Error('nobody is there')
    },
  }
  const asked: string[] = []
  await using node = await createNode({
    libp2p: {
      transports: [() => transport],
      services: {
        greeter: ({ peerId }) => {
          asked.push(String(peerId))
          return { word: 'hello' }
        },
      },
    },
  })
  expect(asked).toEqual([node.peerId])
  expect(node.libp2p?.services).toMatchObject({ greeter: { word: 'hello' } })
  const nobody = node.libp2p?.dial(multiaddr(ADDRESS))
  await expect(nobody).rejects.toThrow('nobody is there')
  expect(dialled).toEqual([ADDRESS])
})
