import type { Millis } from '../../base/core.ts'
import type { ReplicaId } from '../../base/ids.ts'
import type { Adopting } from '../base/adopting.ts'
import type { Group } from '../group/group.ts'
import type { Relation } from './comparisons.ts'
import type { BaseRequest, DigestItem, VectorEntry } from './frames.ts'
import { ItemPieces } from './item-pieces.ts'
import type { Peer } from './peer.ts'

const FROM_THE_START = { covered: [], cursor: { writer: 0, n: 1 }, blocks: [] }

/** How pulls begin and end. */
export interface Digests {
  /** Sends our digest and wants an answer. */
  compare(peer: Peer, now: Millis): void
  /** Tells our digest of one group. */
  tell(peer: Peer, group: Group): void
  /** Notes what a peer says a group is like. */
  learn(peer: Peer, group: Group, item: DigestItem, now: Millis): Relation
}

/** One group's pull from one peer: windows of events, each asked for with our vector of that moment. */
export interface Pull {
  /** Changes when the rest of an answer is not wanted. */
  id: number
  readonly peer: Peer
  readonly group: Group
  readonly startedAt: Millis
  deadlineAt: Millis
  /** When it last asked or heard news. */
  quietSince: Millis
  /** News in this window, and in all of them. */
  hasNewsInWindow: boolean
  hasNews: boolean
  /** Our vector as the peer was told it. */
  asked: readonly VectorEntry[]
  /** Ask as if we had nothing: a whole base is wanted. */
  wantsWhole: boolean
  /** Ask for a base whatever the log holds. */
  readonly isRepair: boolean
  /** The writer whose events here those of the peer are to replace, or those whose events differ. */
  readonly replaces: ReplicaId | 'differing' | undefined
  /** Asked for together with a digest: nobody has said yet that there is anything to get. */
  isGuess: boolean
  /** Times that it was asked again after silence. */
  retries: number
  /** Bases begun since it asked last. */
  heads: number
  adopting: Adopting | undefined
  /** What has come of the item that it goes on with. */
  readonly pieces: ItemPieces
  /** A base that has come whole and is merged in steps: nothing more is waited for. */
  merging: Adopting | undefined
}

/** What a pull asks for of a base: the rest of the one on its way. */
export function baseRequest({ adopting, isRepair, pieces }: Pull): BaseRequest | undefined {
  if (adopting === undefined) return isRepair ? FROM_THE_START : undefined
  return { ...adopting.request(), held: pieces.held }
}

/** A pull that nothing has been heard of. @param from its number, whom it asks, and when it began */
export function newPull({
  now,
  ...from
}: Pick<Pull, 'id' | 'peer' | 'group' | 'isRepair' | 'replaces'> & { readonly now: Millis }): Pull {
  return {
    ...from,
    startedAt: now,
    deadlineAt: now + from.peer.pullTimeoutMs,
    quietSince: now,
    hasNewsInWindow: false,
    hasNews: false,
    asked: [],
    wantsWhole: false,
    isGuess: false,
    retries: 0,
    heads: 0,
    adopting: undefined,
    pieces: new ItemPieces(),
    merging: undefined,
  }
}
