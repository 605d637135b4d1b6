import { createServer } from 'node:net'
import { createNode, type HearsayNode } from '../../src/index.ts'
import { Relays } from './delayed-relay.ts'
import type { Subject, SubjectOptions } from './subject.ts'

/** Nodes in memory: nothing is written to a disk, as with the other two. */
export async function hearsaySubject({ nodes: count, delayMs }: SubjectOptions): Promise<Subject> {
  const relays = new Relays(delayMs)
  const nodes: HearsayNode[] = []
  let added = 0
  const add = async (): Promise<void> => {
    const owner = added++
    const port = await freePort()
    const seed = nodes[0]?.members.self.addresses[0]
    const announce = delayMs === 0 ? [] : [await relays.open(owner, () => port)]
    const node = await createNode({
      ...{ network: 'bench', listen: [`/ip4/127.0.0.1/tcp/${port}`] },
      ...(announce.length === 0
        ? {}
        : { announce: announce.map((relay) => `/ip4/127.0.0.1/tcp/${relay}`) }),
      ...(seed === undefined ? {} : { join: [seed] }),
    })
    nodes[owner] = node
  }
  await add()
  // One after the other, as the others do it too: a storm of joins is another benchmark.
  for (let i = 1; i < count; i++) await add()
  await until(() => nodes.every((node) => node.members.list().length === count))
  const at = (index: number): HearsayNode => {
    const node = nodes[index]
    if (node === undefined) throw new Error(`No node ${index}`)
    return node
  }
  return {
    name: 'hearsay',
    hasLargeValues: true,
    put: async (node, key, value) => {
      await at(node).dht.put(key, value)
    },
    get: async (node, key) => (await at(node).dht.get(key))?.bytes,
    stall: (stalled) => relays.stall(stalled),
    add,
    kill: (index) => at(index).crash(),
    close: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
      relays.close()
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('No port')
  return address.port
}

export async function until(isDone: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!isDone()) {
    if (performance.now() > deadline) throw new Error('The network did not become ready')
    // Nodes, relays and sockets of this process make progress between two looks.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
