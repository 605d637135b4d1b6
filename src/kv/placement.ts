import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { publicKeyOf } from '../base/peer-id.ts'
import type { KvContext, RecordPlace } from './kv-context.ts'
import { Regions } from './regions.ts'
import { placeOf, type RingMember } from './ring.ts'

type PlacementContext = Pick<KvContext, 'replication' | 'ring' | 'searches' | 'signer' | 'tunables'>

/** How the members that hold a key are found. */
export type PlacementMode = 'one-hop' | 'kademlia'

/**
 * Where callers of this node find the members closest to a key: in the view of all members, or, where they
 * are more than that view is meant for, by a search of Kademlia, whose metric is the same. What a search
 * found is used for a minute for all keys of its region. A search that comes to nothing is no failure: the
 * members known to this node are asked then.
 */
export class Placement {
  readonly #context: PlacementContext
  readonly #regions: Regions

  constructor(context: PlacementContext) {
    this.#context = context
    this.#regions = new Regions(context.replication)
  }

  get mode(): PlacementMode {
    const { ring, searches, tunables } = this.#context
    const isLarge = ring().size > tunables.oneHopMembersMax
    return isLarge && searches.isPossible ? 'kademlia' : 'one-hop'
  }

  /** The `count` members closest to an id, closest first. */
  closest(id: Uint8Array, count: number, now: Millis): RingMember[] {
    const found = this.mode === 'kademlia' ? this.#regions.closest(id, count, now) : undefined
    return found ?? this.#context.ring().closest(id, count)
  }

  /** Calls `ready` once, when `closest` knows as much of a place as it can: mostly at once. */
  prepare({ id, recordKey }: RecordPlace, now: Millis, ready: (now: Millis) => void): void {
    const isKnown = this.mode === 'one-hop' || this.#regions.closest(id, 1, now) !== undefined
    const wanted = { want: 'closest', key: recordKey, asked: [] } as const
    const search = isKnown
      ? undefined
      : this.#context.searches.begin(wanted, now, (result, at) => {
          this.#note(id, result?.peers ?? [], at)
          ready(at)
        })
    if (search === undefined) ready(now)
  }

  #note(id: Uint8Array, peers: readonly PeerId[], now: Millis): void {
    const self = this.#member(this.#context.signer.peerId)
    if (self === undefined) return
    const found = [...new Set(peers)].flatMap((peer) => this.#member(peer) ?? [])
    if (found.length > 0) this.#regions.note(id, found, self, now)
  }

  #member(peerId: PeerId): RingMember | undefined {
    const known = this.#context.ring().member(peerId)
    if (known !== undefined) return known
    const publicKey = publicKeyOf(peerId)
    if (publicKey === undefined) return undefined
    return { peerId, publicKey, isSuspect: false, id: placeOf(publicKey) }
  }
}
