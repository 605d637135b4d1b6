import { present } from '../../src/base/assert.ts'
import { createNode, type HearsayNode, type NodeOptions } from '../../src/index.ts'

/** Nodes in memory that see each other. */
export class Nodes implements AsyncDisposable {
  readonly #nodes: HearsayNode[] = []

  static async create(count: number, options: NodeOptions = {}): Promise<Nodes> {
    const nodes = new Nodes()
    for (let i = 0; i < count; i++) {
      const join = nodes.#nodes.slice(0, 1).flatMap((node) => node.status().listen)
      nodes.#nodes.push(
        await createNode({ name: `node-${i}`, network: 'kad-test', join, ...options }),
      )
    }
    await Promise.all(nodes.#nodes.map((node) => seen(node, count)))
    return nodes
  }

  at(index: number): HearsayNode {
    return present(this.#nodes[index], `node ${index}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()))
  }
}

async function seen(node: HearsayNode, count: number): Promise<void> {
  if (node.status().members.alive >= count) return
  for await (const _ of node.events({ signal: AbortSignal.timeout(30_000) })) {
    if (node.status().members.alive >= count) return
  }
}
