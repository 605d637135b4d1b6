/**
 * Searches of Kademlia, the iterative way through the network, for what the one-hop view cannot answer:
 * a record that none of its replicas had, and the members closest to a key where they are too many.
 *
 * A search is an output and its result an input. It ends once, with the result or when its time is over;
 * above their number, and on a node without Kademlia, there is none, and whoever asked goes on without it.
 */
import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { KvOutput, KvSearchResult } from './kv-contract.ts'
import type { KvTunables } from './options.ts'
import { Alarm, type Timers } from './timers.ts'

export interface SearchesOptions {
  /** Whether this node can search at all. */
  readonly isPossible: boolean
  readonly tunables: KvTunables
  readonly timers: Timers
  readonly emit: (output: KvOutput) => void
}

interface Wanted {
  readonly want: 'record' | 'closest'
  /** UTF-8 of the record key. */
  readonly key: Uint8Array
  /** Peers that need not be asked again. */
  readonly asked: readonly PeerId[]
}

/** Undefined: the search came to nothing. */
type Done = (result: KvSearchResult | undefined, now: Millis) => void

/** A search under way. */
export interface Search {
  /** Its result is not wanted any more. */
  close(): void
}

export class Searches {
  readonly #options: SearchesOptions
  readonly #open = new Map<number, { readonly done: Done; readonly alarm: Alarm }>()
  #lastId = 0

  constructor(options: SearchesOptions) {
    this.#options = options
  }

  get isPossible(): boolean {
    return this.#options.isPossible
  }

  /** @returns undefined when there is no search, and `done` is never called */
  begin(wanted: Wanted, now: Millis, done: Done): Search | undefined {
    const { isPossible, tunables, timers, emit } = this.#options
    if (!isPossible || this.#open.size >= tunables.searchesMax) return undefined
    this.#lastId += 1
    const search = this.#lastId
    const alarm = new Alarm((at) => this.#take(search)?.done(undefined, at))
    this.#open.set(search, { done, alarm })
    timers.set(alarm, now + tunables.searchMs)
    emit({ type: 'search', search, ...wanted, withinMs: tunables.searchMs })
    return { close: () => void this.#take(search) }
  }

  /** A result came, perhaps too late. */
  ended(search: number, result: KvSearchResult, now: Millis): void {
    this.#take(search)?.done(result, now)
  }

  #take(search: number): { readonly done: Done } | undefined {
    const open = this.#open.get(search)
    open?.alarm.clear()
    this.#open.delete(search)
    return open
  }
}
