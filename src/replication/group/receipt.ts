import type { ReplicaId } from '../../base/ids.ts'
import type { LoggedRun } from './group-log.ts'

/** What became of a run from a peer. */
export type Receipt =
  /** With staged ones that it set free, in order. */
  | { readonly type: 'integrated'; readonly runs: readonly LoggedRun[] }
  | { readonly type: 'duplicate' | 'staged'; readonly replica: ReplicaId; readonly end: number }
  /** Another history of its writer than the one held here: ours is kept. */
  | { readonly type: 'conflict'; readonly replica: ReplicaId; readonly n0: number }
  | { readonly type: 'dropped'; readonly reason: string }

/** Why a run is not integrated. */
export type Refusal = 'conflict' | 'run-malformed' | 'replicas-limit' | 'kills-limit'
