import { equalBytes } from '../../src/base/bytes.ts'
import type { Millis } from '../../src/base/core.ts'
import type { ReplicaId } from '../../src/base/ids.ts'
import type { ReplicationTunables } from '../../src/replication/options.ts'
import { decodeFrame, encodeFrame } from '../../src/replication/sync/frame-codec.ts'
import type { SyncFrame } from '../../src/replication/sync/frames.ts'
import { encodeRun, replicaOf, type WrittenEvent } from '../crdt/encoded.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

export type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/** A node, an honest one beside it, and a linked peer that may say anything: what it hears is written down. */
export class Liar {
  readonly world: World
  readonly target: Node
  readonly honest: Node
  readonly node: Node
  readonly heard: SyncFrame[] = []

  constructor(tunables: Partial<ReplicationTunables> = {}) {
    this.world = new World({ seed: 1, nodes: 3, faults: NO_FAULTS, tunables })
    this.target = this.world.node(0)
    this.honest = this.world.node(1)
    this.node = this.world.node(2)
    this.world.filter = (from, to, bytes) => {
      const frame = decodeFrame(bytes)
      if (to === this.node && frame.ok) this.heard.push(frame.value)
      return from !== this.node && to !== this.node
    }
  }

  /** Links the liar, and the honest node if it is to be there. */
  meet(withHonest = true): void {
    if (withHonest) this.world.link(this.target, this.honest)
    this.world.link(this.target, this.node)
    this.world.run(50)
  }

  says(...frames: readonly (SyncFrame | Uint8Array)[]): void {
    for (const frame of frames) {
      const bytes = frame instanceof Uint8Array ? frame : encodeFrame(frame)
      this.world.input(this.target, { type: 'frame', peer: this.node.id, bytes })
    }
  }

  /** What the target said last of a type. */
  last<Type extends SyncFrame['type']>(type: Type): Frame<Type> {
    const frame = this.heard.findLast((each): each is Frame<Type> => each.type === type)
    if (frame === undefined) throw new Error(`nothing heard of type ${type}`)
    return frame
  }

  count(type: SyncFrame['type']): number {
    return this.heard.filter((frame) => frame.type === type).length
  }

  /** Has the target pull: another digest, and it is said to lack something. */
  provoke(): Frame<'pull'> {
    const digest = new Uint8Array(16).fill(1)
    const items = [{ group: 'main', isPartial: false, digest }]
    this.says({ type: 'digest', wantsAnswer: true, isLast: true, after: '', items })
    this.world.run(5)
    return this.last('pull')
  }

  /** Lets time pass in steps; the liar does something in each. */
  every(ms: Millis, times: number, step: (i: number) => void): void {
    for (let i = 0; i < times; i++) {
      step(i)
      this.world.run(ms)
    }
  }

  dropped(node: Node = this.target): ReadonlySet<string> {
    return new Set(this.world.told(node, 'dropped').map(({ reason }) => reason))
  }

  /** Whether the target has it and says so by its digest. */
  isEqual(): boolean {
    const [a, b] = [this.target, this.honest].map(({ core }) => core.status('main').digest)
    return a !== undefined && b !== undefined && equalBytes(a, b)
  }
}

/** Events of an invented writer as single runs, each continuing the one before. */
export function* runsOf(
  events: Iterable<WrittenEvent>,
  replica: ReplicaId = replicaOf('e'),
): Generator<Uint8Array> {
  let n0 = 1
  let chain: { high: number; low: number } | undefined
  for (const event of events) {
    const run = encodeRun({
      replica,
      n0,
      events: [event],
      ...(chain === undefined ? {} : { chain }),
    })
    const view = new DataView(run.buffer, run.byteOffset, run.byteLength)
    chain = { high: view.getInt32(run.length - 8), low: view.getInt32(run.length - 4) }
    n0 += 1
    yield run
  }
}

export function push(...runs: readonly Uint8Array[]): Frame<'events'> {
  return { type: 'events', group: 'main', session: 0, sentTo: [], runs }
}
