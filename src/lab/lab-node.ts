import { HearsayError, type HearsayNode, type PeerId, type Traffic } from '../index.ts'
import type { LabNodeState } from './lab-types.ts'

/** Adds the bytes of `from` to `into`, protocol by protocol. */
export function addTraffic(into: MutableTraffic, from: Traffic): void {
  for (const [protocol, bytes] of Object.entries(from.sent)) {
    into.sent[protocol] = (into.sent[protocol] ?? 0) + bytes
  }
  for (const [protocol, bytes] of Object.entries(from.received)) {
    into.received[protocol] = (into.received[protocol] ?? 0) + bytes
  }
}

export interface MutableTraffic {
  readonly sent: Record<string, number>
  readonly received: Record<string, number>
}

/** One place in a lab: the node that runs there now, and what stays when it is killed. */
export class LabNode {
  readonly name: string
  readonly #start: () => Promise<HearsayNode>
  readonly #onEvent: () => void
  /** Traffic of its killed predecessors. */
  readonly #pastTraffic: MutableTraffic = { sent: {}, received: {} }
  #node: HearsayNode | undefined
  #peerId: PeerId | undefined
  #isPaused = false

  constructor(options: {
    readonly name: string
    readonly start: () => Promise<HearsayNode>
    /** Called on every event of the node. */
    readonly onEvent: () => void
  }) {
    this.name = options.name
    this.#start = options.start
    this.#onEvent = options.onEvent
  }

  /** Undefined while it is killed. */
  get node(): HearsayNode | undefined {
    return this.#node
  }

  /** Known since the first start. */
  get peerId(): PeerId | undefined {
    return this.#peerId
  }

  get state(): LabNodeState {
    if (this.#node === undefined) return 'killed'
    return this.#isPaused ? 'paused' : 'running'
  }

  /** @throws {HearsayError} ERR_STOPPED */
  running(): HearsayNode {
    if (this.#node !== undefined) return this.#node
    throw new HearsayError('ERR_STOPPED', `Cannot use node ${this.name}: it is killed`, {
      hint: `Start it with "hearsay chaos restart ${this.name}"`,
    })
  }

  async start(): Promise<HearsayNode> {
    const node = await this.#start()
    this.#node = node
    this.#peerId = node.peerId
    this.#isPaused = false
    node.subscribe(this.#onEvent)
    return node
  }

  async kill(): Promise<void> {
    const node = this.#release()
    await node?.crash()
  }

  async stop(): Promise<void> {
    const node = this.#release()
    await node?.stop()
  }

  /** @throws {HearsayError} ERR_STOPPED */
  setPaused(isPaused: boolean): void {
    const { chaos } = this.running()
    if (isPaused) chaos?.pause()
    else chaos?.resume()
    this.#isPaused = isPaused
  }

  /** Takes back all faults. */
  heal(): void {
    this.#node?.chaos?.heal()
    this.#isPaused = false
  }

  addTrafficTo(total: MutableTraffic): void {
    addTraffic(total, this.#pastTraffic)
    if (this.#node !== undefined) addTraffic(total, this.#node.traffic())
  }

  /** From here on nobody reaches the node through the lab any more. */
  #release(): HearsayNode | undefined {
    const node = this.#node
    if (node !== undefined) addTraffic(this.#pastTraffic, node.traffic())
    this.#node = undefined
    this.#isPaused = false
    return node
  }
}
