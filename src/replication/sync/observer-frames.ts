/**
 * Peers that only read. An observer is served as any other: it may compare, pull, be pushed to, ask for points
 * of a history and ack. It is not pulled from, and nothing it sends is taken in: no events and no base, no claim
 * that we have written more than we know, no word that something of ours is durable there. What it could
 * only send in order to write is dropped and counted. Events do not say who passed them on: one that came by
 * an observer might have been made by it.
 */
import type { SyncFrame } from './frames.ts'

const TAKEN: Readonly<Record<SyncFrame['type'], boolean>> = {
  summary: true,
  digest: true,
  equal: true,
  pull: true,
  ack: true,
  trace: true,
  events: false,
  piece: false,
  end: false,
  base: false,
  'base-piece': false,
  fork: false,
  chains: false,
}

/** Whether a frame of an observer is looked at. */
export function isTakenOfObserver({ type }: SyncFrame): boolean {
  return TAKEN[type]
}
