import type { Millis } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { DhtRecord } from '../records/record.ts'
import { type KvContext, type RecordPlace, recordInAnswer } from './kv-context.ts'
import type { Search } from './searches.ts'

/** A record, a tombstone included, and who answered with it. */
export interface Finding {
  readonly record: DhtRecord
  readonly from: PeerId
}

/**
 * What a read that found nothing does before it says so, if the reader wants it: looks at what this node
 * holds though it is no replica, then searches Kademlia. Once.
 */
export class LastResort {
  readonly #context: KvContext
  readonly #place: RecordPlace
  #isOver: boolean
  #search: Search | undefined

  constructor(context: KvContext, place: RecordPlace, isWanted: boolean) {
    this.#context = context
    this.#place = place
    this.#isOver = !isWanted
  }

  /**
   * Begins, unless it is over.
   * @param asked peers that have nothing
   * @param done called once with the outcome, perhaps at once
   * @returns whether the outcome is another's to wait for; false: there is none
   */
  isAwaited(
    asked: readonly PeerId[],
    now: Millis,
    done: (finding: Finding | undefined, now: Millis) => void,
  ): boolean {
    if (this.#isOver) return this.#search !== undefined
    this.#isOver = true
    const { recordKey, id } = this.#place
    const { store, signer } = this.#context
    const own = store.live(id, now)
    if (own !== undefined) {
      done({ record: own, from: signer.peerId }, now)
      return true
    }
    const wanted = { want: 'record', key: recordKey, asked } as const
    this.#search = this.#context.searches.begin(wanted, now, (result, at) => {
      this.#search = undefined
      const found = result?.record
      const record =
        found === undefined
          ? undefined
          : recordInAnswer(this.#context, { bytes: found.bytes, recordKey }, at)
      const isSound = found !== undefined && record !== undefined
      done(isSound ? { record, from: found.from } : undefined, at)
    })
    return this.#search !== undefined
  }

  /** No longer wanted, or its time is over: `done` is not called any more. */
  stop(): void {
    this.#isOver = true
    this.#search?.close()
    this.#search = undefined
  }
}
