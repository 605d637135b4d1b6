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
 * Joins nodes that start later on this machine: once a second, while the registry holds more nodes
 * than this one sees alive.
 * @returns the way to stop
 */
export function followNeighbours(node: HearsayNode, options: NeighbourOptions): () => void {
  const { registry, self } = options
  const known = new Set(options.known)
  let isBusy = false
  const look = async (): Promise<void> => {
    const alive = node.members.list().filter((member) => member.state === 'alive').length
    const registered = await registry.count()
    if (registered > 0 && registered <= alive) return
    const { entries } = await registry.list({ isProbing: false })
    if (!entries.some((entry) => entry.peerId === self.peerId)) await options.register()
    const fresh = neighbourAddresses(entries, self).filter((address) => !known.has(address))
    for (const address of fresh) known.add(address)
    if (fresh.length > 0) node.join(fresh)
  }
  const timer = setInterval(() => {
    if (isBusy) return
    isBusy = true
    look()
      .catch(options.onError)
      .finally(() => {
        isBusy = false
      })
  }, PERIOD_MS)
  return () => clearInterval(timer)
}
