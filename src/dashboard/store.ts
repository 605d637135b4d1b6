import type { StatusInfo } from '../index.ts'
import { Agreement, Convergence } from './agreement.ts'
import { Palette } from './palette.ts'
import { type Snapshot, stateShares } from './snapshot.ts'
import { ENTRIES_MAX, type Entry, type NewEntry } from './timeline.ts'

/** How a key of the DHT was last used from this page. */
export interface Lookup {
  readonly key: string
  /** Name of the node that was asked. */
  readonly through: string
  readonly act: 'put' | 'get'
  /** Members that acknowledged a put, or the one that answered a get. */
  readonly answered: readonly string[]
}

export interface State {
  /** sign-in: the node wants its token. */
  readonly phase: 'loading' | 'sign-in' | 'ready'
  /** Why nothing new comes. */
  readonly trouble: string | undefined
  readonly status: StatusInfo | undefined
  readonly snapshot: Snapshot | undefined
  /** Colour of each state that is shown, by digest. */
  readonly colours: ReadonlyMap<string, number>
  /** Peer id of the chosen node. */
  readonly selected: string | undefined
  readonly entries: readonly Entry[]
  readonly lookup: Lookup | undefined
  /** What the last action led to. */
  readonly notice: { readonly text: string; readonly isError: boolean } | undefined
  /** What the tour points at: the id of a part of the page. */
  readonly pointedAt: string | undefined
}

const START: State = {
  phase: 'loading',
  trouble: undefined,
  status: undefined,
  snapshot: undefined,
  colours: new Map(),
  selected: undefined,
  entries: [],
  lookup: undefined,
  notice: undefined,
  pointedAt: undefined,
}

/** Everything the page shows, in one place; whoever shows something subscribes. */
export class Store {
  readonly agreement: Agreement = new Agreement()
  readonly convergence: Convergence = new Convergence()
  readonly #palette: Palette = new Palette()
  readonly #listeners: Set<() => void> = new Set()
  #state: State = START
  #number = 0

  get state(): State {
    return this.#state
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of [...this.#listeners]) listener()
  }

  /** A new picture of all nodes. */
  show(snapshot: Snapshot): void {
    const shares = stateShares(snapshot.peers)
    const colours = this.#palette.assign(shares.map((share) => share.digest))
    this.agreement.record(snapshot.at, snapshot.peers, colours)
    const before = this.#state.snapshot
    if (before !== undefined && before.sides.length > 0 && snapshot.sides.length === 0) {
      if (!this.convergence.isHealing) this.convergence.heal(before.at)
    }
    this.convergence.record(snapshot.at, snapshot.digests)
    this.set({ snapshot, colours, phase: 'ready', trouble: undefined })
  }

  /** Appends to the timeline; the oldest entries go. */
  tell(entries: readonly NewEntry[]): void {
    if (entries.length === 0) return
    const numbered = entries.map((entry) => ({ ...entry, number: ++this.#number }))
    this.set({ entries: [...this.#state.entries, ...numbered].slice(-ENTRIES_MAX) })
  }

  /** Name of a member, for events that carry peer ids only. */
  nameOf(peerId: string): string {
    const found = this.#state.snapshot?.peers.find((peer) => peer.peerId === peerId)
    return found?.name ?? peerId.slice(-8)
  }
}
