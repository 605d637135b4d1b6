import type { StoreWrite } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import type { DiskPort, DiskRoom } from '../../engine/ports.ts'
import { soon } from '../common/timers.ts'
import type { SpaceGuard } from './space-guard.ts'
import type { Store } from './store.ts'

export interface GroupCommitOptions {
  /** Whether every batch is fsynced before its callers hear of it ("strict" durability). */
  readonly isSynced: boolean
  /**
   * A batch ends with the commit that would take it above this many bytes; one larger commit goes
   * alone. Larger batches share an fsync between more writers and keep each waiting longer.
   * @default 262144 (replication design: 256 KiB)
   */
  readonly batchBytesMax?: number
  /** Told of what is written, and asked for room. @default none: a disk that is never full */
  readonly guard?: SpaceGuard
}

/** A DiskPort with what its owner needs to stop it. */
export interface GroupCommit extends DiskPort {
  /** Resolves when nothing is queued, in flight or about to come. */
  idle(): Promise<void>
  /** As a crash: drops what is not in flight and calls nobody again. */
  halt(): void
  /** The first failure. After it no commit is tried. */
  readonly failure: Error | undefined
}

interface Queued {
  readonly writes: readonly StoreWrite[]
  readonly bytes: number
  readonly done: (failure: Error | undefined) => void
}

const BATCH_BYTES_MAX = 262_144

/**
 * Group commit: what is queued while one batch is in flight becomes the next batch, so that one
 * fsync serves everybody who waits. The queue itself has no limit here: the cores bound what they
 * leave unpersisted, and a commit refused would be a write lost.
 *
 * A failed batch is never tried again, and nothing after it is: after a failed fsync the kernel may
 * have dropped the pages and report success the next time (Rebello et al., ATC 2020).
 */
export function createGroupCommit(store: Store, options: GroupCommitOptions): GroupCommit {
  return new StoreGroupCommit(store, options)
}

class StoreGroupCommit implements GroupCommit {
  readonly #store: Store
  readonly #isSynced: boolean
  readonly #batchBytesMax: number
  readonly #guard: SpaceGuard | undefined
  #queue: Queued[] = []
  #failure: Error | undefined
  #isRunning = false
  #isSoon = false
  #isHalted = false
  #idleWaiters: (() => void)[] = []

  constructor(store: Store, options: GroupCommitOptions) {
    this.#store = store
    this.#isSynced = options.isSynced
    this.#batchBytesMax = options.batchBytesMax ?? BATCH_BYTES_MAX
    this.#guard = options.guard
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  watch(listener: (room: DiskRoom) => void): DiskRoom | undefined {
    this.#guard?.listen(listener)
    return this.#guard?.room
  }

  soon(ready: () => void): void {
    this.#isSoon = true
    // After all input that this turn of the event loop brings: whoever is answered or asks in it writes in it.
    soon(() => {
      this.#isSoon = false
      if (!this.#isHalted) ready()
      this.#wakeIdle()
    })
  }

  commit(writes: readonly StoreWrite[], done: (failure: Error | undefined) => void): void {
    if (this.#isHalted) return
    let bytes = 0
    for (const write of writes) bytes += write.key.length + (write.value?.length ?? 0)
    this.#queue.push({ writes, bytes, done })
    this.#guard?.queued(bytes)
    if (this.#isRunning) return
    this.#isRunning = true
    // A microtask later: commits of one turn share a batch, and done is never called inside commit.
    queueMicrotask(() => void this.#run())
  }

  idle(): Promise<void> {
    if (!this.#isRunning && !this.#isSoon) return Promise.resolve()
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }

  halt(): void {
    this.#isHalted = true
    this.#queue = []
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch()
      await this.#write(batch)
      for (const queued of batch) {
        this.#guard?.settled(queued.bytes)
        if (!this.#isHalted) queued.done(this.#failure)
      }
    }
    this.#isRunning = false
    this.#wakeIdle()
  }

  #wakeIdle(): void {
    if (this.#isRunning || this.#isSoon) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const resolve of waiters) resolve()
  }

  #nextBatch(): readonly Queued[] {
    let bytes = 0
    let count = 0
    for (const queued of this.#queue) {
      bytes += queued.bytes
      if (count > 0 && bytes > this.#batchBytesMax) break
      count += 1
    }
    return this.#queue.splice(0, count)
  }

  async #write(batch: readonly Queued[]): Promise<void> {
    if (this.#failure !== undefined) return
    const writes = batch.flatMap((queued) => queued.writes)
    if (writes.length === 0) return
    try {
      await this.#store.commit(writes, { isSynced: this.#isSynced })
    } catch (error) {
      this.#failure =
        error instanceof HearsayError
          ? error
          : new HearsayError('ERR_STORE', 'Cannot write the store', { cause: error })
    }
  }
}
