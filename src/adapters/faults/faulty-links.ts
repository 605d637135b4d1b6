import type { PeerId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import type { LinkPort } from '../../engine/ports.ts'
import { BlockableLinks } from './blockable-links.ts'
import { type FaultTimers, platformTimers } from './fault-timers.ts'
import { LossyLinks } from './lossy-links.ts'
import { PausableLinks } from './pausable-links.ts'

export interface FaultyLinksOptions {
  readonly random: Random
  /** @default the platform's; they do not keep the process running */
  readonly timers?: FaultTimers
}

/** A LinkPort whose network can be made worse. Of each fault the last call holds. */
export interface FaultyLinks extends LinkPort {
  /** The peers behind a cut cable; every other one is reachable again. */
  block(peers: readonly PeerId[]): void
  /** Share of outgoing frames that vanish. @throws {RangeError} outside 0 … 1 */
  loss(share: number): void
  /** Extra one-way delay of outgoing frames, which keep their order. @throws {RangeError} outside 0 … 60,000 ms */
  latency(ms: number): void
  /** Nothing in or out, as under SIGSTOP. */
  pause(): void
  /** Delivers what came in meanwhile, as after SIGCONT. */
  resume(): void
  /** Whether anybody is cut off, or all are. */
  readonly isCut: boolean
  /** Takes back all of it. */
  heal(): void
}

/**
 * Injects faults between a node and its links. Three decorators, from the node downwards: the process
 * stops, frames are lost or late, a cable is cut. Each keeps the rules of LinkListener by itself.
 */
export function createFaultyLinks(inner: LinkPort, options: FaultyLinksOptions): FaultyLinks {
  const timers = options.timers ?? platformTimers()
  const blockable = new BlockableLinks(inner, timers)
  const lossy = new LossyLinks(blockable, options.random, timers)
  const links = new PausableLinks(lossy, timers)
  return {
    listen: (listener) => links.listen(listener),
    dial: (peer, addresses) => links.dial(peer, addresses),
    join: (address) => links.join(address),
    send: (frame) => links.send(frame),
    protect: (peer, isProtected) => links.protect(peer, isProtected),
    close: (peer) => links.close(peer),
    block: (peers) => blockable.block(peers),
    loss: (share) => lossy.loss(share),
    latency: (ms) => lossy.latency(ms),
    pause: () => links.pause(),
    resume: () => links.resume(),
    get isCut() {
      return blockable.isBlocking || links.isPaused
    },
    heal() {
      lossy.loss(0)
      lossy.latency(0)
      blockable.block([])
      links.resume()
    },
  }
}
