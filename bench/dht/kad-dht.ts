import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { fromString } from 'uint8arrays/from-string'
import { Relays } from './delayed-relay.ts'
import { until } from './hearsay.ts'
import type { Subject, SubjectOptions } from './subject.ts'

type KadNode = Libp2p<{ kad: KadDHT }>

/** Bare kad-dht on libp2p, with the settings that let it work on one machine and its defaults otherwise. */
export async function kadSubject({ nodes: count, delayMs }: SubjectOptions): Promise<Subject> {
  const relays = new Relays(delayMs)
  const nodes: KadNode[] = []
  const sent: number[] = []
  const add = async (): Promise<void> => {
    let node: KadNode | undefined
    const relay = delayMs === 0 ? undefined : await relays.open(nodes.length, () => portOf(node))
    node = await createKadNode(relay)
    // Those that were killed have no address any more.
    const known = nodes.filter((other) => other.status === 'started')
    nodes.push(node)
    sent.push(0)
    await Promise.all(known.map((other) => node?.dial(other.getMultiaddrs())))
  }
  for (let i = 0; i < count; i++) await add()
  const tableSizes = (): number[] => nodes.map((node) => sizeOf(node.services.kad))
  await until(() => tableSizes().every((size) => size >= Math.min(20, count - 1)))
  const at = (index: number): KadNode => {
    const node = nodes[index]
    if (node === undefined) throw new Error(`No node ${index}`)
    return node
  }
  const key = (text: string): Uint8Array => fromString(`/k/${text}`)
  const counted = (index: number, event: { readonly type?: unknown }): void => {
    if (event.type === SEND_QUERY) sent[index] = (sent[index] ?? 0) + 1
  }
  return {
    name: 'kad-dht',
    hasLargeValues: false,
    put: async (index, text, value) => {
      const signal = AbortSignal.timeout(30_000)
      for await (const event of at(index).services.kad.put(key(text), value, { signal })) {
        counted(index, event)
      }
    },
    get: async (index, text) => {
      const signal = AbortSignal.timeout(30_000)
      try {
        for await (const event of at(index).services.kad.get(key(text), { signal })) {
          counted(index, event)
          if (event.name === 'VALUE') return event.value
        }
      } catch {
        // Not found, which it says by failing.
      }
      return undefined
    },
    requests: (index) => sent[index],
    stall: (stalled) => relays.stall(stalled),
    add,
    kill: async (index) => {
      await at(index).stop()
    },
    close: async () => {
      relays.close()
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

/** EventTypes.SEND_QUERY of kad-dht. */
const SEND_QUERY = 0

async function createKadNode(announced: number | undefined): Promise<KadNode> {
  const node: KadNode = await createLibp2p({
    addresses: {
      listen: ['/ip4/127.0.0.1/tcp/0'],
      announce: announced === undefined ? [] : [`/ip4/127.0.0.1/tcp/${announced}`],
    },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 1_000 },
    services: {
      identify: identify(),
      ping: ping(),
      kad: kadDHT({
        protocol: '/bench/kad/1.0.0',
        clientMode: false,
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: true,
        validators: { k: async () => {} },
        selectors: { k: () => 0 },
      }),
    },
  })
  return node
}

function portOf(node: KadNode | undefined): number {
  const manager = node === undefined ? undefined : Reflect.get(node, 'components')
  const addresses = manager?.transportManager?.getAddrs() ?? []
  const [, port] = /\/tcp\/(\d+)/.exec(String(addresses[0])) ?? []
  return Number(port)
}

function sizeOf(kad: KadDHT): number {
  const table = Reflect.get(kad, 'routingTable')
  return Number(table?.size ?? 0)
}
