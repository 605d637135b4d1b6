import { HearsayError } from '../base/errors.ts'
import type { PeerId } from '../base/ids.ts'
import { bringsCast } from '../membership/casts/cast-frame.ts'
import type { Command, EngineInput } from './engine-types.ts'
import type { LinkDetails, SearchResult } from './ports.ts'
import type { Strangers } from './strangers.ts'

/** What changes something at others. An observer's question would be one, too. */
const SAYS: ReadonlySet<Command['type']> = new Set([
  ...(['transact', 'undo', 'put', 'delete', 'offer'] as const),
  ...(['broadcast', 'query', 'answer'] as const),
])

/**
 * Who only reads: peers that were invited as observers, as the signed ledger of invites says, and peers that
 * showed such a capability over their link. Never what they say of themselves.
 */
export class Observers {
  readonly #linked = new Set<PeerId>()
  #told: ReadonlySet<PeerId> = new Set()
  #all: ReadonlySet<PeerId> = new Set()

  /** All of them: another set after each change. */
  get all(): ReadonlySet<PeerId> {
    return this.#all
  }

  has(peer: PeerId): boolean {
    return this.#all.has(peer)
  }

  /** What the ledger says now. */
  tell(peers: ReadonlySet<PeerId>): void {
    this.#told = peers
    this.#combine()
  }

  linkUp(peer: PeerId, role: LinkDetails['role']): void {
    if (role !== 'observer' || this.#linked.has(peer)) return
    this.#linked.add(peer)
    this.#combine()
  }

  linkDown(peer: PeerId): void {
    if (this.#linked.delete(peer)) this.#combine()
  }

  /** Whether a frame is one that observers do not send, about casts. */
  isBarred({ peer, protocol, bytes }: EngineInput & { readonly type: 'frame' }): boolean {
    return protocol === 'member' && this.has(peer) && bringsCast(bytes)
  }

  /** A search of Kademlia without what observers have told, and without them. @param strangers hear of the others */
  withoutFinds(
    { record, peers }: SearchResult,
    strangers: Strangers,
  ): { readonly record: SearchResult['record']; readonly peers: readonly PeerId[] } {
    const isOfObserver = record !== undefined && this.has(record.from)
    const found = peers.filter(({ peer }) => !this.has(peer))
    return { record: isOfObserver ? undefined : record, peers: strangers.note(found) }
  }

  #combine(): void {
    this.#all = new Set([...this.#told, ...this.#linked])
  }
}

/** Why a node that only reads cannot do something; undefined: it can. */
export function observerRefusal({ type }: Command): HearsayError | undefined {
  if (!SAYS.has(type)) return undefined
  return new HearsayError('ERR_OBSERVER', `Cannot ${type}: this node only reads`, {
    hint: 'Write on a member; or ask for an invite as a member: "hearsay invite --role member"',
  })
}
