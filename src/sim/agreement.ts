import type { Millis } from '../base/core.ts'
import type { Cluster } from './cluster.ts'

/** Agreement is looked for this often. */
const PERIOD_MS = 50

/**
 * Why not all nodes of a cluster agree, or undefined when they do: everybody runs, everybody sees everybody alive
 * (degraded they may be for half a minute after faults), all views and all states have one hash each.
 */
export function disagreement(cluster: Cluster): string | undefined {
  const first = cluster.node(0).subject
  for (const { name, subject } of cluster.nodes) {
    if (subject === undefined || first === undefined) return `${name} is down`
    if (subject.digest() !== first.digest()) {
      return `n0 has digest ${first.digest()}, ${name} ${subject.digest()}`
    }
    const states = new Map(subject.members().map(({ peer, state }) => [peer, state]))
    for (const other of cluster.nodes) {
      const state = states.get(other.peer) ?? 'absent'
      if (state !== 'alive' && state !== 'degraded') return `${name} sees ${other.name} as ${state}`
    }
    if (subject.viewHash() !== first.viewHash()) return `n0 and ${name} differ in view hash`
  }
  return undefined
}

/**
 * Runs the world until all agree.
 * @param check called every 50 ms meanwhile
 * @returns how long it took, or undefined when `withinMs` was not enough
 */
export function runUntilAgreement(
  cluster: Cluster,
  withinMs: Millis,
  check?: () => void,
): Millis | undefined {
  const { world } = cluster
  const beganAt = world.now
  while (world.now < beganAt + withinMs) {
    world.runUntil(world.now + PERIOD_MS)
    check?.()
    if (disagreement(cluster) === undefined) return world.now - beganAt
  }
  return undefined
}
