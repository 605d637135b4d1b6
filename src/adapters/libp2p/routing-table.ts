import type { PeerId } from '@libp2p/interface'

/** The part of kad-dht's routing table that its types do not show. */
export interface RoutingTable {
  add(peer: PeerId): Promise<void>
  remove(peer: PeerId): Promise<void>
  find(peer: PeerId): Promise<PeerId | undefined>
  /** @param id a place in the key space, 32 bytes */
  closestPeers(id: Uint8Array, options: { readonly count: number }): readonly PeerId[]
}

/** @throws {TypeError} another version of kad-dht keeps it elsewhere */
export function routingTableOf(kad: object): RoutingTable {
  const table: unknown = Reflect.get(kad, 'routingTable')
  if (isRoutingTable(table)) return table
  throw new TypeError('Cannot use this kad-dht: it has no routing table')
}

function isRoutingTable(table: unknown): table is RoutingTable {
  if (typeof table !== 'object' || table === null) return false
  return ['add', 'remove', 'find', 'closestPeers'].every((name) => {
    return typeof Reflect.get(table, name) === 'function'
  })
}
