import type { Millis } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import type { HybridClock } from '../base/hybrid-clock.ts'
import { checkName, checkOperations } from '../crdt/operation.ts'
import type { Answer, Commits } from './commits.ts'
import type { Group } from './group/group.ts'
import { transact } from './group/transact.ts'
import type { Host } from './host.ts'
import type { ReplicationInput } from './replication-io.ts'
import { NO_RESULTS } from './results.ts'
import { undo } from './undo/undo.ts'

type Wish = Extract<ReplicationInput, { type: 'transact' | 'undo' }>

export interface TransactionsParts {
  readonly host: Host
  readonly commits: Commits
  readonly clock: HybridClock
  /** Something was written: others are to be compared with soon. */
  readonly wrote: (now: Millis) => void
}

/** Transactions that gather before they are handed to the store at once. */
const UNSAVED_MAX = 16_384

/** Makes transactions of what users wish for: checked whole, then applied whole. */
export class Transactions {
  readonly #host: Host
  readonly #commits: Commits
  readonly #clock: HybridClock
  readonly #wrote: (now: Millis) => void

  constructor({ host, commits, clock, wrote }: TransactionsParts) {
    this.#host = host
    this.#commits = commits
    this.#clock = clock
    this.#wrote = wrote
  }

  /** @returns why nothing has changed; undefined when the wish is granted */
  handle(wish: Wish, now: Millis): HearsayError | TypeError | RangeError | undefined {
    try {
      const group = wish.type === 'undo' ? this.#undo(wish, now) : this.#transact(wish, now)
      if (group.hasUnsaved) {
        this.#commits.wrote(group)
        this.#wrote(now)
      }
    } catch (error) {
      const isTold =
        error instanceof HearsayError || error instanceof TypeError || error instanceof RangeError
      if (isTold) return error
      throw error
    }
    if (this.#commits.waiting >= UNSAVED_MAX) this.#commits.save(now)
    return undefined
  }

  #transact(wish: Extract<Wish, { type: 'transact' }>, now: Millis): Group {
    const { operations, request } = wish
    let group = this.#known(wish.group)
    if (group === undefined) {
      // What is wrong is told before a group is made for it.
      checkOperations(operations)
      group = this.#made(wish.group)
    }
    const answer: Answer = { type: 'transacted', request, results: NO_RESULTS }
    transact(group, operations, this.#host.writerOf(group), this.#clock.next(now), answer)
    this.#commits.answer(answer)
    return group
  }

  #undo(
    { request, group: name, transaction }: Extract<Wish, { type: 'undo' }>,
    now: Millis,
  ): Group {
    const group = this.#known(name) ?? this.#made(name)
    const author = { self: this.#host.writerOf(group), stamp: this.#clock.next(now) }
    const undone = undo(group, transaction, author)
    this.#commits.answer({ type: 'transacted', request, results: NO_RESULTS, undo: undone })
    return group
  }

  #known(name: unknown): Group | undefined {
    return typeof name === 'string' ? this.#host.groups.get(name) : undefined
  }

  #made(name: unknown): Group {
    const group = this.#host.groupFrom(checkName('group', name))
    if (group !== undefined) return group
    const { size } = this.#host.groups
    throw new HearsayError('ERR_LIMIT', `Cannot write: above ${size} groups`)
  }
}
