import type { Libp2p, PeerId as Libp2pPeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { sha256 } from '../../base/hash.ts'
import type { PeerId } from '../../base/ids.ts'
import { parsePeerId } from '../../base/peer-id.ts'
import type { SearchQuery, SearchResult } from '../../engine/ports.ts'
import { KAD_BUCKET_PEERS } from './kad.ts'
import type { RoutingTable } from './routing-table.ts'

const NOTHING: SearchResult = { record: undefined, peers: [] }

export interface KadSearchOptions {
  readonly libp2p: Libp2p
  readonly kad: Pick<KadDHT, 'get' | 'getClosestPeers'>
  readonly table: RoutingTable
}

/**
 * Searches through kad-dht. A record is the first that an answer carries: kad-dht's own get goes on to
 * the end of its walk and corrects others, which holders of records do here by themselves.
 */
export class KadSearch {
  readonly #options: KadSearchOptions

  constructor(options: KadSearchOptions) {
    this.#options = options
  }

  /** Never rejects: a search that fails has found nothing. */
  async search(query: SearchQuery): Promise<SearchResult> {
    const signal = AbortSignal.timeout(query.withinMs)
    try {
      if (query.want === 'closest') return { ...NOTHING, peers: await this.#peers(query, signal) }
      if (!this.#hasOthers(query)) return NOTHING
      return { ...NOTHING, record: await this.#record(query, signal) }
    } catch {
      // Out of time, stopping, or nobody could be reached: whoever asked goes on without it.
      return NOTHING
    }
  }

  /** Whether anybody could be asked who has not been. */
  #hasOthers({ key, asked }: SearchQuery): boolean {
    const known = new Set<string>(asked)
    const closest = this.#options.table.closestPeers(sha256(key), { count: KAD_BUCKET_PEERS })
    return closest.some((peer) => !known.has(peer.toString()))
  }

  async #record({ key }: SearchQuery, signal: AbortSignal): Promise<SearchResult['record']> {
    for await (const event of this.#options.kad.get(key, { signal })) {
      if (event.name !== 'PEER_RESPONSE' || event.record === undefined) continue
      const from = parsePeerId(event.from.toString())
      if (from !== undefined) return { bytes: new Uint8Array(event.record.value), from }
    }
    return undefined
  }

  async #peers({ key }: SearchQuery, signal: AbortSignal): Promise<SearchResult['peers']> {
    const peers: { peer: PeerId; addresses: readonly string[] }[] = []
    for await (const event of this.#options.kad.getClosestPeers(key, { signal })) {
      if (event.name !== 'FINAL_PEER') continue
      const peer = parsePeerId(event.peer.id.toString())
      if (peer !== undefined) peers.push({ peer, addresses: await this.#addresses(event.peer.id) })
    }
    return peers
  }

  async #addresses(peer: Libp2pPeerId): Promise<readonly string[]> {
    const { multiaddrs } = await this.#options.libp2p.peerStore.getInfo(peer)
    return multiaddrs.map((address) => address.toString())
  }
}
