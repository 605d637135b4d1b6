import { createRequire } from 'node:module'
import type { Subject, SubjectOptions } from './subject.ts'

interface HyperNode {
  mutablePut(keyPair: KeyPair, value: Uint8Array): Promise<unknown>
  mutableGet(publicKey: Uint8Array): Promise<{ readonly value: Uint8Array } | null>
}

interface KeyPair {
  readonly publicKey: Uint8Array
}

const require = createRequire(import.meta.url)

/** hyperdht over UDP. A key is a key pair made from its text: all its mutable values are owned. */
export async function hyperSubject({ nodes: count, delayMs }: SubjectOptions): Promise<Subject> {
  if (delayMs > 0) throw new Error('hyperdht speaks UDP, which the delayed relays do not carry')
  const DHT = require('hyperdht')
  const createTestnet = require('hyperdht/testnet')
  const testnet: { nodes: HyperNode[]; destroy(): Promise<void> } = await createTestnet(count)
  const pairs = new Map<string, KeyPair>()
  const pairOf = (key: string): KeyPair => {
    const known = pairs.get(key)
    if (known !== undefined) return known
    const pair: KeyPair = DHT.keyPair(DHT.hash(Buffer.from(key)))
    pairs.set(key, pair)
    return pair
  }
  const at = (index: number): HyperNode => {
    const node = testnet.nodes[index]
    if (node === undefined) throw new Error(`No node ${index}`)
    return node
  }
  return {
    name: 'hyperdht',
    hasLargeValues: false,
    put: async (node, key, value) => {
      await at(node).mutablePut(pairOf(key), value)
    },
    get: async (node, key) => (await at(node).mutableGet(pairOf(key).publicKey))?.value,
    close: () => testnet.destroy(),
  }
}
