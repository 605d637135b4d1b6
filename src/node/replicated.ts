import { HearsayError } from '../base/errors.ts'
import type { EventHub } from './event-hub.ts'
import type { NodeEvent, ReplicatedInfo } from './node-types.ts'
import type { Waiting } from './state-types.ts'

/** More peers than a node ever has links. */
const REPLICAS_MAX = 255

/** Facts about own writes, as the core keeps them. */
export interface Ledger {
  /** Events that this node wrote in a group, under its present identity there. */
  ownEvents(group: string): number
  /** Linked members on which the first `n` of them are durable; 0 for a group that does not exist. */
  replicatedBy(group: string, n: number): number
}

/** Tells who waits that other members may hold more of what this node wrote in a group. */
export class Acks {
  readonly #listeners: Set<(group: string) => void> = new Set()

  emit(group: string): void {
    for (const listener of [...this.#listeners]) listener(group)
  }

  /** @returns the way to unsubscribe */
  subscribe(listener: (group: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

/** What a wait reads and is woken by. */
export interface Replicas {
  readonly ledger: Ledger
  readonly acks: Acks
  readonly hub: EventHub
}

/** Linked members that hold the first `n` own events of a group. */
function holders(ledger: Ledger, group: string, n: number): number {
  // Who is linked holds all of nothing, also of a group that nobody has written in yet.
  return ledger.replicatedBy(n === 0 ? 'main' : group, n)
}

/** Linked members that hold everything this node has written in a group by now. */
export function replicaCount(ledger: Ledger, group: string): number {
  return holders(ledger, group, ledger.ownEvents(group))
}

/**
 * Waits until what was written in a group by now is durable on `wanted` linked members.
 * @throws {TypeError} when `wanted` is no number
 * @throws {RangeError} when it is no integer in 1 … 255
 * @throws {HearsayError} ERR_STOPPED · ERR_VERSION_CONFLICT: the group got a new identity meanwhile
 */
export async function replicated(
  { ledger, acks, hub }: Replicas,
  wanted: number,
  options: Waiting & { readonly group?: string },
): Promise<ReplicatedInfo> {
  if (typeof wanted !== 'number') {
    throw new TypeError(`Cannot wait for replicas: expected a number: ${String(wanted)}`)
  }
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > REPLICAS_MAX) {
    throw new RangeError(
      `Cannot wait for replicas: expected a whole number in 1 … ${REPLICAS_MAX}: ${wanted}`,
    )
  }
  const startedAt = performance.now()
  const { signal, group = 'main' } = options
  signal?.throwIfAborted()
  const written = ledger.ownEvents(group)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const check = (): void => {
    // Under a new identity the numbering begins anew: the old number would count other events.
    if (ledger.ownEvents(group) < written) {
      reject(renewed(group))
      return
    }
    const replicas = holders(ledger, group, written)
    if (replicas >= wanted) resolve(replicas)
  }
  const stopAcks = acks.subscribe((of) => {
    if (of === group) check()
  })
  const stopEvents = hub.subscribe((event) => {
    if (event.type === 'stopped') reject(stopped('wait for replicas'))
    else if (MOVES_REPLICAS.has(event.type)) check()
  })
  const abort = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    check()
    const replicas = await promise
    const elapsedMs = Math.round((performance.now() - startedAt) * 100) / 100
    return { replicated: true, replicas, group, elapsedMs }
  } finally {
    stopAcks()
    stopEvents()
    signal?.removeEventListener('abort', abort)
  }
}

const MOVES_REPLICAS: ReadonlySet<NodeEvent['type']> = new Set([
  'alarm',
  'digest-changed',
  'link-down',
  'link-up',
  'member-changed',
  'member-joined',
])

/** @param what what cannot be done any more, as in `Cannot …` */
export function stopped(what: string): HearsayError {
  return new HearsayError('ERR_STOPPED', `Cannot ${what}: the node has stopped`)
}

function renewed(group: string): HearsayError {
  return new HearsayError(
    'ERR_VERSION_CONFLICT',
    `Cannot wait for replicas: group ${group} got a new identity meanwhile`,
    { hint: 'Ask again: what was written since the new identity is counted' },
  )
}
