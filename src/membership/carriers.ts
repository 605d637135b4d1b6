import type { PeerId } from '../base/ids.ts'
import { KindRing } from './kind-ring.ts'
import type { RingIndex } from './ring-index.ts'
import { isLive, type Row } from './row.ts'

/**
 * The living members that hold the overlay together: all but observers and those that nobody can dial.
 * Nothing comes by an observer, and nobody finds a page in a browser, so the others must be linked among
 * themselves: who is no carrier has neighbours, and is nobody's.
 */
export class Carriers {
  readonly #carriers: KindRing
  /** Those that pages can dial. */
  readonly #gateways: KindRing
  readonly #rows: () => Iterable<Row>
  #observers: ReadonlySet<PeerId> = new Set()
  #livingObservers = 0

  /** @param options.living all that live, told of changes before this @param options.rows all of the table */
  constructor(options: {
    readonly living: RingIndex
    readonly positionOf: (row: number, ring: number) => number
    readonly rows: () => Iterable<Row>
  }) {
    this.#rows = options.rows
    this.#carriers = new KindRing({ ...options, isOf: (row) => this.isCarrier(row) })
    const isGateway = (row: Row): boolean => this.isCarrier(row) && row.known.reach === 'web'
    this.#gateways = new KindRing({ ...options, isOf: isGateway })
  }

  get allocatedBytes(): number {
    return this.#carriers.allocatedBytes + this.#gateways.allocatedBytes
  }

  /** How many observers live. */
  get livingObservers(): number {
    return this.#livingObservers
  }

  isCarrier(row: Row): boolean {
    return !this.isObserver(row) && row.known.reach !== 'none'
  }

  isObserver({ peerId }: { readonly peerId: PeerId }): boolean {
    return this.#observers.has(peerId)
  }

  /** Rows of those that one should hold links with. Who cannot be dialled may be a page: it gets those it can dial. */
  neighbours({ index, known }: Row): number[] {
    const isPage = known.reach === 'none' && this.#gateways.ring.size > 0
    return (isPage ? this.#gateways : this.#carriers).ring.neighbours(index)
  }

  /** A row begins or ceases to live. */
  live(row: Row, lives: boolean): void {
    if (this.isObserver(row)) this.#livingObservers += lives ? 1 : -1
    this.#carriers.live(row, lives)
    this.#gateways.live(row, lives)
  }

  /** A living row can be dialled otherwise than before. @param before how it could */
  reached(row: Row, before: Row['known']['reach']): void {
    if (this.isObserver(row)) return
    const { reach } = row.known
    if ((reach === 'none') !== (before === 'none')) this.#carriers.changed(row)
    if ((reach === 'web') !== (before === 'web')) this.#gateways.changed(row)
  }

  /** @returns whether that changes anything */
  setObservers(peers: ReadonlySet<PeerId>): boolean {
    const rows = [...this.#rows()]
    const hasChanged = rows.some((row) => peers.has(row.peerId) !== this.isObserver(row))
    this.#observers = peers
    if (!hasChanged) return false
    this.#livingObservers = rows.filter((row) => isLive(row) && this.isObserver(row)).length
    this.#carriers.reset()
    this.#gateways.reset()
    return true
  }
}
