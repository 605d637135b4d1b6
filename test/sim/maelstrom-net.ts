import type { Random } from '../../src/base/random.ts'
import { type Body, parseMessage } from '../../src/sim/maelstrom/message.ts'
import { MaelstromNode } from '../../src/sim/maelstrom/node.ts'
import type { MaelstromWorkload } from '../../src/sim/maelstrom/workload.ts'
import { WORLD_BEGIN_AT } from '../../src/sim/node-clock.ts'
import { World } from '../../src/sim/world.ts'

const LATENCY_MS_MAX = 20
const CLIENT = 'c1'

/**
 * What Maelstrom does with its nodes, in virtual time: carries their messages with delays that reorder them, loses
 * those between sides of a partition, and asks as its clients do.
 */
export class MaelstromNet {
  readonly world: World
  readonly names: readonly string[]
  readonly #nodes: ReadonlyMap<string, MaelstromNode>
  readonly #random: Random
  readonly #answers: Map<number, Body> = new Map()
  #sides: readonly (readonly string[])[] = []
  #asked = 0
  /** Messages between nodes. */
  carried = 0
  lost = 0

  constructor(options: { nodes: number; seed: number; workload?: MaelstromWorkload }) {
    this.world = new World(options.seed)
    this.#random = this.world.random('net')
    this.names = Array.from({ length: options.nodes }, (_, index) => `n${index + 1}`)
    this.#nodes = new Map(
      this.names.map((name, index) => [
        name,
        new MaelstromNode({
          seed: [options.seed, index],
          workload: options.workload,
          send: (line) => this.#carry(line),
          now: () => WORLD_BEGIN_AT + Math.floor(this.world.now),
          schedule: (delayMs, run) => this.world.schedule(delayMs, run),
        }),
      ]),
    )
  }

  /** Tells all nodes who they are. */
  init(): void {
    for (const name of this.names) {
      this.ask(name, { type: 'init', node_id: name, node_ids: this.names })
    }
  }

  /** Sends a request to a node. @returns the number of its answer */
  ask(node: string, body: Body): number {
    this.#asked += 1
    const message = { src: CLIENT, dest: node, body: { ...body, msg_id: this.#asked } }
    this.#nodes.get(node)?.receive(JSON.stringify(message))
    return this.#asked
  }

  answer(request: number): Body | undefined {
    return this.#answers.get(request)
  }

  /** Asks, and lets time pass until there is an answer, a virtual second at most. */
  call(node: string, body: Body): Body | undefined {
    const request = this.ask(node, body)
    this.world.runUntil(this.world.now + 1_000, () => this.#answers.has(request))
    return this.answer(request)
  }

  /** One line as it came, for what is no request. */
  line(node: string, text: string): boolean {
    return this.#nodes.get(node)?.receive(text) ?? false
  }

  partition(...sides: readonly (readonly string[])[]): void {
    this.#sides = sides
  }

  heal(): void {
    this.#sides = []
  }

  run(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  #carry(line: string): void {
    const message = parseMessage(line)
    if (message === undefined) throw new Error(`No message: ${line}`)
    const { src, dest, body } = message
    if (dest === CLIENT) {
      this.#answers.set(Number(body.in_reply_to), body)
      return
    }
    this.carried += 1
    this.world.schedule(1 + this.#random.next() * LATENCY_MS_MAX, () => {
      // Cut while it was on its way: it is lost too.
      if (this.#isCut(src, dest)) this.lost += 1
      else this.#nodes.get(dest)?.receive(line)
    })
  }

  #isCut(a: string, b: string): boolean {
    const side = (name: string): number => this.#sides.findIndex((names) => names.includes(name))
    return side(a) !== side(b)
  }
}
