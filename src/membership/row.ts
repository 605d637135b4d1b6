import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import { bucketOf } from './buckets.ts'
import type { Claims } from './claims.ts'
import type { DigestClaim } from './frame.ts'
import type { KnownRecord } from './known-record.ts'

/** What this node holds to be true of a member: claims after their refutation windows. */
export type EntryState = 'alive' | 'suspect' | 'failed' | 'left'

/** In the order of their codes in view hashes. */
export const STATES: readonly EntryState[] = ['alive', 'suspect', 'failed', 'left']

/** A member's digest and whether the member itself told us. */
export interface KnownDigest extends DigestClaim {
  readonly isDirect: boolean
}

/** One member. Only its table writes to it. */
export interface Entry {
  readonly peerId: PeerId
  readonly publicKey: Uint8Array
  /** Its table has forgotten it, and may know the same member as another entry by now. */
  readonly isRemoved: boolean
  /** When it was added, as long as nobody was added later; else long ago. */
  readonly createdAt: Millis
  readonly claims: Claims
  readonly state: EntryState
  readonly since: Millis
  readonly digest: KnownDigest | undefined
  readonly rttMs: Millis | undefined
}

/** Alive or suspect: takes part in overlay, relays and counts. */
export function isLive(entry: Entry): boolean {
  return entry.state === 'alive' || entry.state === 'suspect'
}

/** The columns of a table, as its rows read them. */
interface Columns {
  stateAt(index: number): EntryState
  sinceAt(index: number): Millis
  createdAt(index: number): Millis
  claimsAt(index: number): Claims | undefined
  roundTripAt(index: number): Millis | undefined
  digestAt(index: number, record: KnownRecord): KnownDigest | undefined
}

/** One place in the columns of a table: the identity of a member there, and no more. */
export class Row implements Entry {
  #columns: Columns | undefined
  readonly index: number
  /** Its record; claims hold the same one. */
  known: KnownRecord

  constructor(columns: Columns, index: number, known: KnownRecord) {
    this.#columns = columns
    this.index = index
    this.known = known
  }

  isIn(columns: Columns): boolean {
    return this.#columns === columns
  }

  /** The member was removed: its place is somebody else's from now on. */
  detach(): void {
    this.#columns = undefined
  }

  get peerId(): PeerId {
    return this.known.peerId
  }

  get publicKey(): Uint8Array {
    return this.known.publicKey
  }

  get isRemoved(): boolean {
    return this.#columns === undefined
  }

  get bucket(): number {
    return bucketOf(this.known.publicKey)
  }

  get claims(): Claims {
    return this.#columns?.claimsAt(this.index) ?? this.known
  }

  /** A removed member takes no part: as good as left. */
  get state(): EntryState {
    return this.#columns?.stateAt(this.index) ?? 'left'
  }

  get since(): Millis {
    return this.#columns?.sinceAt(this.index) ?? 0
  }

  get createdAt(): Millis {
    return this.#columns?.createdAt(this.index) ?? Number.NEGATIVE_INFINITY
  }

  get digest(): KnownDigest | undefined {
    return this.#columns?.digestAt(this.index, this.known)
  }

  get rttMs(): Millis | undefined {
    return this.#columns?.roundTripAt(this.index)
  }
}
