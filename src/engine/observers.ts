import { HearsayError } from '../base/errors.ts'
import type { PeerId } from '../base/ids.ts'
import { bringsCast } from '../membership/casts/cast-frame.ts'
import type { Replication } from '../replication/replication.ts'
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
  readonly #own: { readonly self: PeerId; readonly isSelf: boolean }
  readonly #linked = new Set<PeerId>()
  #told: ReadonlySet<PeerId> = new Set()
  #all: ReadonlySet<PeerId> = new Set()

  /** @param own this node, and whether it was started as one */
  constructor(own: { readonly self: PeerId; readonly isSelf: boolean }) {
    this.#own = own
  }

  /** Whether this node only reads: it was started as an observer, or the others take it for one. */
  get isSelf(): boolean {
    return this.#own.isSelf || this.#all.has(this.#own.self)
  }

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

/**
 * What people should hear of an observer whose store holds writes of its own; undefined: it holds none. No reason to
 * refuse the start: most often others hold all of it, which nobody can know before it has met them.
 */
export function keptWrites(engine: {
  readonly observers: Pick<Observers, 'isSelf'>
  readonly replication: Pick<Replication, 'groups' | 'ownEvents'>
}): string | undefined {
  const { observers, replication } = engine
  if (!observers.isSelf) return undefined
  const own = replication.groups().reduce((sum, group) => sum + replication.ownEvents(group), 0)
  if (own === 0) return undefined
  return (
    `observer-kept-writes: ${own} events were written here as a member, and nobody takes them from an observer: ` +
    'what no other member holds yet stays here, "hearsay status" counts it; ' +
    'to bring it out start this node with an invite as a member'
  )
}

/** Why a node that only reads cannot do something; undefined: it can. */
export function observerRefusal({ type }: Command): HearsayError | undefined {
  if (!SAYS.has(type)) return undefined
  return new HearsayError('ERR_OBSERVER', `Cannot ${type}: this node only reads`, {
    hint: 'Write on a member; or ask for an invite as a member: "hearsay invite --role member"',
  })
}
