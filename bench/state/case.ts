import type { Aim } from './aim.ts'
import type { Document, Library } from './library.ts'

/** One figure of a case: a row of the table. */
export interface Row {
  readonly label: string
  readonly unit: 'a second' | 'B' | 'ms' | 'round trips' | 'times' | 'periods'
  readonly better: 'higher' | 'lower'
  /** What hearsay has to reach. */
  readonly aim?: Aim
  /** What no implementation can beat. */
  readonly limit?: string
}

/** Something that each library does in turn, in its own process. */
export interface Case {
  readonly name: string
  readonly rows: readonly Row[]
  /** Rounds that the medians come from; figures without any time in them are exact and need one. */
  readonly rounds: number
  /** Rounds that do not count go first, until code is compiled: as long for each library. */
  readonly warmsUp?: boolean
  /** A fresh process has no heap of earlier cases. @default the library's process for all cases */
  readonly isFresh?: boolean
  /** Makes what all rounds share. Undefined when the library lacks what it takes. */
  prepare(library: Library, scale: Scale): Round | undefined
}

/** Measures once. */
export type Round = () => Promise<Outcome>

export interface Outcome {
  /** Elements or operations of this run. */
  readonly n: number
  /** One for each row; undefined where the library lacks it. */
  readonly values: readonly (number | undefined)[]
  /** What the documents held at the end: equal for all libraries with equal n, or the run fails. */
  readonly check: string
}

export type Scale = 'full' | 'quick'

/** Operations of one transaction in batched cases. */
export const BATCH = 1_000
const SLOW_BATCH = 10_000

/** How many: libraries that take milliseconds for a transaction get fewer, and the table says so. */
export function count(
  library: Library,
  scale: Scale,
  counts: { readonly full: number; readonly quick: number; readonly slow: number },
): number {
  if (library.isSlow) return scale === 'full' ? counts.slow : Math.ceil(counts.slow / 5)
  return counts[scale]
}

/** Operations of one transaction while a document is filled or emptied, which is not measured. */
export function batchOf(library: Library): number {
  return library.isSlow ? SLOW_BATCH : BATCH
}

export function fill(document: Document, added: readonly string[], batch: number): void {
  for (let i = 0; i < added.length; i += batch) document.change(added.slice(i, i + batch), [])
}

export function empty(document: Document, removed: readonly string[], batch: number): void {
  for (let i = 0; i < removed.length; i += batch) document.change([], removed.slice(i, i + batch))
}

/** Messages of all transactions that `write` makes. */
export function messagesOf(document: Document, write: () => void): readonly Uint8Array[] {
  const messages: Uint8Array[] = []
  document.listen((message) => messages.push(message))
  write()
  document.listen(undefined)
  return messages
}

/**
 * Milliseconds of a synchronous piece of work, garbage of what came before collected first. Good for work of
 * 20 ms and more: systems count in steps of 1 to 4 ms.
 */
export function timed(work: () => void): number {
  globalThis.gc?.()
  const start = threadMs()
  work()
  return threadMs() - start
}

/**
 * Milliseconds that this thread has had a processor: what else the machine does takes none of them. Where
 * Node.js cannot tell (before 23.9), those of the clock.
 */
export function threadMs(): number {
  if (typeof process.threadCpuUsage !== 'function') return performance.now()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Operations a second. */
export function rate(operations: number, ms: number): number {
  return (operations / ms) * 1_000
}
