import { present } from '../base/assert.ts'
import { compareText } from '../base/bytes.ts'
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { KnownRecord } from './known-record.ts'
import type { Member } from './member.ts'
import type { Row } from './row.ts'

/** Measured on Node.js 24: what users see of one member, its digest, and its places in three lists. */
const MEMBER_OBJECT_BYTES = 145

/**
 * The members as users see them, ordered by the text of their ids. Until somebody looks nothing is
 * made; afterwards only the objects of members that changed are made anew.
 */
export class Roster {
  readonly #rows: () => Iterable<Row>
  /** The digest that was told of last: most members of a quiet network hold the same state. */
  #digest = ''
  /** In order of id; undefined until the first look. */
  #order: Row[] | undefined
  /** Beside the order; undefined where it is out of date. */
  #made: (Member | undefined)[] = []
  #members: readonly Member[] | undefined

  constructor(rows: () => Iterable<Row>) {
    this.#rows = rows
  }

  /** Of what users have looked at. */
  get allocatedBytes(): number {
    return this.#made.length * MEMBER_OBJECT_BYTES
  }

  /** The same array until something changes. */
  members(): readonly Member[] {
    if (this.#members !== undefined) return this.#members
    this.#order ??= [...this.#rows()].sort((a, b) => compareText(a.peerId, b.peerId))
    const order = this.#order
    if (this.#made.length === 0) this.#made = order.map(() => undefined)
    this.#members = order.map((_, at) => this.#member(order, at))
    return this.#members
  }

  member(row: Row): Member {
    if (this.#order === undefined) return this.#memberOf(row)
    return this.#member(this.#order, placeOf(this.#order, row))
  }

  added(row: Row): void {
    this.#members = undefined
    if (this.#order === undefined) return
    const at = placeOf(this.#order, row)
    this.#order.splice(at, 0, row)
    this.#made.splice(at, 0, undefined)
  }

  removed(row: Row): void {
    this.#members = undefined
    if (this.#order === undefined) return
    const at = placeOf(this.#order, row)
    this.#order.splice(at, 1)
    this.#made.splice(at, 1)
  }

  changed(row: Row): void {
    this.#members = undefined
    if (this.#order !== undefined) this.#made[placeOf(this.#order, row)] = undefined
  }

  #memberOf(row: Row): Member {
    const digest = row.digest?.digest
    const text = digest === undefined ? undefined : String.fromCharCode(...digest)
    if (text !== undefined && text !== this.#digest) this.#digest = text
    return new MemberRow(row, text === undefined ? undefined : this.#digest)
  }

  #member(order: readonly Row[], at: number): Member {
    const made = this.#made[at]
    if (made !== undefined) return made
    const member = this.#memberOf(present(order[at], 'a row at each place'))
    this.#made[at] = member
    return member
  }
}

/** What a member was at one moment. What its record says is decoded when somebody asks. */
class MemberRow implements Member {
  readonly #record: KnownRecord
  readonly state: Member['state']
  /** One character a byte: a third of an array of bytes. */
  readonly #digest: string | undefined
  readonly rttMs: number | undefined
  readonly since: Millis

  constructor(row: Row, digest: string | undefined) {
    this.#record = row.known
    this.state = shownState(row)
    this.#digest = digest
    this.rttMs = row.rttMs
    this.since = row.since
  }

  get peerId(): PeerId {
    return this.#record.peerId
  }

  get digest(): Uint8Array | undefined {
    if (this.#digest === undefined) return undefined
    return Uint8Array.from(this.#digest, (character) => character.charCodeAt(0))
  }

  get publicKey(): Uint8Array {
    return this.#record.publicKey
  }

  get name(): string {
    return this.#record.name
  }

  get epoch(): number {
    return this.#record.epoch
  }

  get incarnation(): number {
    return this.#record.incarnation
  }

  get addresses(): readonly string[] {
    return this.#record.addresses
  }

  get tags(): Member['tags'] {
    return this.#record.tags
  }

  get protocol(): Member['protocol'] {
    return this.#record.protocol
  }
}

/** Whoever says that most of its links are bad is shown so, in doubt or not. */
function shownState({ state, known }: Row): Member['state'] {
  const isLiving = state === 'alive' || state === 'suspect'
  return isLiving && known.status === 'degraded' ? 'degraded' : state
}

/** Where a row is in an order, or belongs. */
function placeOf(order: readonly Row[], row: Row): number {
  let low = 0
  let high = order.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = order[middle]
    if (other !== undefined && compareText(other.peerId, row.peerId) < 0) low = middle + 1
    else high = middle
  }
  return low
}
