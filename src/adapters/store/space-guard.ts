import type { DiskRoom } from '../../engine/ports.ts'
import { unref } from '../common/timers.ts'
import type { Space, Store } from './store.ts'

/**
 * Room kept free, so that the disk refuses our writes hardly ever: after such a refusal what it holds is
 * unknown and the node must end. It is for what goes on while callers are refused: what is queued,
 * bookkeeping, and above all LevelDB's compactions, which write their rows anew before they free the
 * old ones. One takes at most twelve tables of 4 MiB and those of the next level that they overlap: up to
 * 31 MiB when measured. A small database is rewritten whole (23 MiB for 25, measured), half of it perhaps
 * before anybody notices, which is what counts on small volumes.
 */
const RESERVE_BYTES_MAX = 67_108_864
const RESERVE_SHARE = 0.25
const RESERVE_STORE_SHARE = 1.5
const RESERVE_BYTES_MIN = 1_048_576
/** Full ends above the reserve by this factor, so that it does not flicker. */
const RELEASE_FACTOR = 1.25
/** LevelDB needs a handful of new files for a compaction; a volume may run out of them first. */
const FREE_FILES_MIN = 64
/** The disk is asked again when this share of the reserve was written since the last time. */
const CHECK_SHARE = 1 / 16
/** And this often, because others write to it too. */
const PERIOD_MS = 1_000

export interface SpaceGuard {
  /** As last checked. */
  readonly room: DiskRoom
  /** Told of each change from full to not full and back. Called once. */
  listen(listener: (room: DiskRoom) => void): void
  /** Bytes wait to be written. Never waits for the disk. */
  queued(bytes: number): void
  /** They were written, or never will be. */
  settled(bytes: number): void
  /** Asks the disk now. */
  check(): Promise<void>
  stop(): void
}

/** Watches the room where a store lives, having checked it once. A store without limits is never full. */
export async function watchSpace(store: Pick<Store, 'space' | 'bytes'>): Promise<SpaceGuard> {
  const guard = new StoreSpaceGuard(store)
  await guard.check()
  if (guard.isLimited) guard.start()
  return guard
}

class StoreSpaceGuard implements SpaceGuard {
  readonly #store: Pick<Store, 'space' | 'bytes'>
  #room: DiskRoom = { isFull: false, freeBytes: Number.POSITIVE_INFINITY, reserveBytes: 0 }
  #listener: (room: DiskRoom) => void = () => {}
  #pendingBytes = 0
  #uncheckedBytes = 0
  #isChecking = false
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(store: Pick<Store, 'space' | 'bytes'>) {
    this.#store = store
  }

  get room(): DiskRoom {
    return this.#room
  }

  get isLimited(): boolean {
    return this.#room.freeBytes !== Number.POSITIVE_INFINITY
  }

  listen(listener: (room: DiskRoom) => void): void {
    this.#listener = listener
  }

  queued(bytes: number): void {
    this.#pendingBytes += bytes
    this.#uncheckedBytes += bytes
    if (!this.isLimited || this.#isChecking) return
    if (this.#uncheckedBytes > this.#room.reserveBytes * CHECK_SHARE) void this.check()
  }

  settled(bytes: number): void {
    this.#pendingBytes -= bytes
  }

  async check(): Promise<void> {
    if (this.#isChecking) return
    this.#isChecking = true
    this.#uncheckedBytes = 0
    try {
      const space = await this.#store.space()
      if (space !== undefined) this.#judge(space, await this.#reserve(space))
    } catch {
      // Without an answer the last one stands: a disk that is gone fails the next commit, loudly.
    } finally {
      this.#isChecking = false
    }
  }

  start(): void {
    this.#timer = setInterval(() => void this.check(), PERIOD_MS)
    unref(this.#timer)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#listener = () => {}
  }

  async #reserve({ totalBytes }: Space): Promise<number> {
    const share = totalBytes * RESERVE_SHARE
    if (share >= RESERVE_BYTES_MAX) return RESERVE_BYTES_MAX
    const rewritten = (await this.#store.bytes()) * RESERVE_STORE_SHARE
    return Math.min(Math.max(share, rewritten, RESERVE_BYTES_MIN), RESERVE_BYTES_MAX)
  }

  #judge(space: Space, reserveBytes: number): void {
    const freeBytes = space.freeBytes - this.#pendingBytes
    const wasFull = this.#room.isFull
    const needed = wasFull ? reserveBytes * RELEASE_FACTOR : reserveBytes
    const lacksFiles = space.freeFiles !== undefined && space.freeFiles < FREE_FILES_MIN
    const isFull = freeBytes < needed || lacksFiles
    this.#room = { isFull, freeBytes, reserveBytes }
    if (isFull !== wasFull) this.#listener(this.#room)
  }
}
