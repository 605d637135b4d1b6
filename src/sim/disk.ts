import { compareText } from '../base/bytes.ts'
import type { Millis, StoreRow, StoreWrite } from '../base/core.ts'
import { jitter, type Random, randomInteger } from '../base/random.ts'
import type { DiskPort } from '../engine/ports.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

/** Commits spread this much around the latency. */
const LATENCY_SPREAD = 0.5

interface Pending {
  readonly writes: readonly StoreWrite[]
  readonly done: (failure: Error | undefined) => void
}

/**
 * One node's disk: it outlives processes. Commits become durable one after the other, each after a latency;
 * a crash keeps a prefix of those under way (the kernel may have written them, nobody was told) and loses the
 * rest. A batch is whole or absent.
 */
export class Disk {
  readonly #world: World
  readonly #random: Random
  readonly #rows: Map<string, Uint8Array> = new Map()
  readonly #durable: (writes: readonly StoreWrite[]) => void
  #pending: Pending[] = []
  #generation = 0
  #isWriting = false
  #failure: Error | undefined
  #slowUntil: Millis = 0
  #slowMs: Millis = 0
  #whenBusy: (() => void) | undefined
  #commits = 0
  #lost = 0
  /** Mean time of one commit. */
  latencyMs: Millis

  /** @param options.durable told of every batch at the instant it becomes durable, crash leftovers included */
  constructor(
    world: World,
    options: {
      readonly random: Random
      readonly latencyMs: Millis
      readonly durable: (writes: readonly StoreWrite[]) => void
    },
  ) {
    this.#world = world
    this.#random = options.random
    this.latencyMs = options.latencyMs
    this.#durable = options.durable
  }

  get commits(): number {
    return this.#commits
  }

  /** Batches that a crash lost before they were durable. */
  get lost(): number {
    return this.#lost
  }

  get pending(): number {
    return this.#pending.length
  }

  /** For `forMs` each commit that begins takes `commitMs`. */
  slow(commitMs: Millis, forMs: Millis): void {
    this.#slowMs = commitMs
    this.#slowUntil = this.#world.now + forMs
  }

  /** Runs `run` once, within the latency of the next commit that is asked for: for crashes that hit. */
  onNextCommit(run: () => void): void {
    this.#whenBusy = run
  }

  /** From now on, in this run of the process, every commit fails with `failure`; nothing of them is kept. */
  fail(failure: Error): void {
    this.#failure = failure
  }

  /** The rows a process starts from, in key order. */
  rows(): readonly StoreRow[] {
    const rows: StoreRow[] = []
    for (const [key, value] of this.#rows) rows.push({ key, value: value.slice() })
    return rows.sort((a, b) => compareText(a.key, b.key))
  }

  /** A new, empty or restored disk. */
  replace(rows: readonly StoreRow[]): void {
    this.#rows.clear()
    for (const row of rows) this.#rows.set(row.key, row.value.slice())
  }

  /** The process ended: a prefix of the commits under way survives. @returns how many batches were lost */
  crash(): number {
    const kept = randomInteger(this.#random, this.#pending.length + 1)
    const lost = this.#pending.length - (this.#failure === undefined ? kept : 0)
    if (this.#failure === undefined) {
      for (const { writes } of this.#pending.slice(0, kept)) this.#apply(writes)
    }
    this.#generation += 1
    this.#pending = []
    this.#isWriting = false
    this.#failure = undefined
    this.#slowUntil = 0
    this.#lost += lost
    return lost
  }

  /** Writes everything under way at once, as an orderly stop does. */
  flush(): void {
    for (const { writes } of this.#pending) this.#apply(writes)
    this.#pending = []
    this.crash()
  }

  port(process: Process): DiskPort {
    const generation = this.#generation
    return {
      commit: (writes, done) => {
        if (generation !== this.#generation) return
        this.#pending.push({ writes, done })
        const { latencyMs } = this
        const whenBusy = this.#whenBusy
        this.#whenBusy = undefined
        if (whenBusy !== undefined) this.#world.schedule(latencyMs * this.#random.next(), whenBusy)
        if (!this.#isWriting) this.#write(process)
      },
    }
  }

  #write(process: Process): void {
    if (this.#pending.length === 0) return
    this.#isWriting = true
    const generation = this.#generation
    const isSlow = this.#world.now < this.#slowUntil
    const tookMs = isSlow ? this.#slowMs : jitter(this.#random, this.latencyMs, LATENCY_SPREAD)
    this.#world.schedule(tookMs, () => {
      if (generation !== this.#generation) return
      const batch = this.#pending.shift()
      this.#isWriting = false
      if (batch === undefined) return
      const failure = this.#failure
      if (failure === undefined) this.#apply(batch.writes)
      this.#write(process)
      process.post('input', () => batch.done(failure))
    })
  }

  #apply(writes: readonly StoreWrite[]): void {
    this.#commits += 1
    for (const { key, value } of writes) {
      this.#world.trace.text(key)
      if (value === undefined) this.#rows.delete(key)
      // Copied: a caller that reuses its buffer must not reach what is on the disk.
      else this.#rows.set(key, value.slice())
    }
    this.#durable(writes)
  }
}
