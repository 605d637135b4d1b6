import type { HearsayNode } from '../index.ts'
import type { Registry, RegistryEntry } from './registry.ts'

const PERIOD_MS = 1000

type Self = Pick<RegistryEntry, 'peerId' | 'network' | 'isPrivate'>

/** Addresses of the other nodes on this machine that this one can join: same network, no demo. */
export function neighbourAddresses(
  entries: readonly RegistryEntry[],
  self: Pick<Self, 'network' | 'isPrivate'> & { readonly peerId?: string },
): readonly string[] {
  return entries
    .filter((entry) => entry.lab === undefined && entry.peerId !== self.peerId)
    .filter((entry) => entry.network === self.network)
    .filter((entry) => (entry.isPrivate === true) === (self.isPrivate === true))
    .flatMap((entry) => entry.addresses)
}

export interface NeighbourOptions {
  readonly registry: Registry
  readonly self: Self
  /** Addresses that the node has been given already. */
  readonly known: readonly string[]
  /** Puts the node's own entry back when it is gone. */
  readonly register: () => Promise<void>
  readonly onError: (error: unknown) => void
}

/**
 * Joins nodes that start later on this machine: once a second, while the registry names one that
 * this node does not see alive.
 * @returns the way to stop, which waits for a look that is under way
 */
export function followNeighbours(
  node: HearsayNode,
  options: NeighbourOptions,
): () => Promise<void> {
  const { registry, self } = options
  const known = new Set(options.known)
  let looking: Promise<void> | undefined
  const look = async (): Promise<void> => {
    const peerIds = await registry.peerIds()
    if (!peerIds.includes(self.peerId)) await options.register()
    const members = node.members.list().filter((member) => member.state === 'alive')
    const alive = new Set<string>(members.map((member) => member.peerId))
    if (peerIds.every((peerId) => alive.has(peerId))) return
    const { entries } = await registry.list({ isProbing: false })
    const fresh = neighbourAddresses(entries, self).filter((address) => !known.has(address))
    for (const address of fresh) known.add(address)
    if (fresh.length > 0) node.join(fresh)
  }
  const timer = setInterval(() => {
    looking ??= look()
      .catch(options.onError)
      .finally(() => {
        looking = undefined
      })
  }, PERIOD_MS)
  return async () => {
    clearInterval(timer)
    await looking
  }
}
