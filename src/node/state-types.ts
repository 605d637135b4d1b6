/** What every waiting call accepts: aborting rejects it with `signal.reason`. */
export interface Waiting {
  readonly signal?: AbortSignal
}

export type ObjectType = 'counter' | 'set' | 'register' | 'map'

/** Any JSON value: what a register or a map leaf holds. Numbers are finite; -0 becomes 0. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

export interface ObjectInfo {
  readonly name: string
  readonly type: ObjectType
  readonly group: string
}

/** What changed in an object, as readers see it. */
export type ChangeDiff =
  /** The sum now, and by how much it moved; bigints above 2^53 − 1. */
  | { readonly type: 'counter'; readonly value: number | bigint; readonly delta: number | bigint }
  | { readonly type: 'set'; readonly added: readonly string[]; readonly removed: readonly string[] }
  /** `value` is undefined when nothing is left; `siblings` are all concurrent values, the winner first. */
  | {
      readonly type: 'register'
      readonly value: Json | undefined
      readonly siblings: readonly Json[]
    }
  /** Leaves by path. */
  | {
      readonly type: 'map'
      readonly set: readonly { readonly path: readonly string[]; readonly value: Json }[]
      readonly removed: readonly (readonly string[])[]
    }

/** One visible change of one object, local or remote. */
export interface ObjectChange {
  readonly object: string
  readonly objectType: ObjectType
  readonly group: string
  readonly origin: 'local' | 'remote'
  /** `EPOCH-SEQUENCE`: its place among all changes of this node since it started. Resumes a watch after it. */
  readonly cursor: string
  /** Absent when it would be too large or is not known: read the object again. */
  readonly diff?: ChangeDiff
}

/** Read again: changes before `cursor` were missed (of everything), or have no diff (of one object). */
export interface ResetChange {
  readonly type: 'reset'
  readonly cursor: string
  /** The one object to read again; absent: all that are watched. */
  readonly object?: string
  readonly objectType?: ObjectType
  readonly group?: string
}

/** What a watch yields: diffs of one type of object, or of all types, and now and then a reset. */
export type Change<T extends ObjectType = ObjectType> =
  | (Extract<ChangeDiff, { readonly type: T }> & {
      readonly object: string
      readonly group: string
      readonly origin: 'local' | 'remote'
      readonly cursor: string
      /** Unix ms. */
      readonly at: number
    })
  | ResetChange

/** Aborting the signal ends the watch quietly. */
export interface WatchOptions extends Waiting {
  /** Goes on after this cursor: every change since exactly once, or one reset first. @default from now on */
  readonly from?: string
}

export interface Counter {
  /**
   * Adds an integer, resolved when durable here. @param amount |amount| ≤ 2^53 − 1, default 1
   * @param options `growOnly` makes and treats it as a G-counter: a negative amount is refused
   */
  add(amount?: number | bigint, options?: Waiting & { readonly growOnly?: boolean }): Promise<void>
  /** The sum, synchronously; a bigint above 2^53 − 1. */
  readonly value: number | bigint
  /** Changes from the call on, until the signal aborts or the node stops. */
  watch(options?: WatchOptions): AsyncIterable<Change<'counter'>>
}

export interface SetHandle {
  /** @returns how many of the values were not in the set before */
  add(values: string | readonly string[], options?: Waiting): Promise<number>
  /** @returns how many of the values were in the set */
  remove(values: string | readonly string[], options?: Waiting): Promise<number>
  has(value: string): boolean
  readonly size: number
  /** Sorted by code unit. At once, which takes some 2 µs each: {@link list} holds nobody up. */
  readonly values: readonly string[]
  /**
   * As {@link values}, gathered in turns of the event loop. What comes into the set or goes meanwhile may be
   * among them.
   */
  list(): Promise<readonly string[]>
  /** Changes from the call on, until the signal aborts or the node stops. */
  watch(options?: WatchOptions): AsyncIterable<Change<'set'>>
}

export interface Register {
  set(value: Json, options?: Waiting): Promise<void>
  /** The last write's value; undefined when never written. */
  readonly value: Json | undefined
  /** All concurrent values, the winner first. */
  readonly siblings: readonly Json[]
  /** Changes from the call on, until the signal aborts or the node stops. */
  watch(options?: WatchOptions): AsyncIterable<Change<'register'>>
}

/**
 * Observed-remove map by path: leaves are values (registers), counters and sets. Writing one kind replaces what
 * was seen there of another; of kinds written at the same time a value hides a counter, and a counter a set.
 */
export interface MapHandle {
  set(path: readonly string[], value: Json, options?: Waiting): Promise<void>
  /**
   * Removes the leaf and everything observed below it; below the empty path is all of the map.
   * @returns how many leaves it removed
   */
  remove(path: readonly string[], options?: Waiting): Promise<number>
  /** The counter at a path. Sums of concurrent writers add up, as those of a counter of its own do. */
  counterAt(path: readonly string[]): MapCounter
  /** The set of texts at a path. */
  setAt(path: readonly string[]): MapSet
  /** The value at a path: `set` and `at` by another name, for code that passes leaves around. */
  registerAt(path: readonly string[]): MapRegister
  /**
   * What stands at a path: a leaf (a counter as number, as text beyond 2^53 − 1; a set as sorted list), an
   * object of leaves, or undefined.
   */
  at(path: readonly string[]): Json | undefined
  readonly value: { readonly [key: string]: Json }
  /** Changes from the call on, until the signal aborts or the node stops. */
  watch(options?: WatchOptions): AsyncIterable<Change<'map'>>
}

export interface MapCounter {
  /** @param amount |amount| ≤ 2^53 − 1, default 1 */
  add(amount?: number | bigint, options?: Waiting): Promise<void>
  /** 0 where no counter stands. */
  readonly value: number | bigint
}

export interface MapSet {
  /** @returns how many of the values were not in the set before */
  add(values: string | readonly string[], options?: Waiting): Promise<number>
  /** @returns how many of the values were in the set */
  remove(values: string | readonly string[], options?: Waiting): Promise<number>
  has(value: string): boolean
  /** Sorted by code unit; empty where no set stands. */
  readonly values: readonly string[]
}

export interface MapRegister {
  set(value: Json, options?: Waiting): Promise<void>
  readonly value: Json | undefined
}

/** What one operation of a transaction did. */
export interface OperationResult {
  readonly name: string
  readonly type: ObjectType
  /** Values, leaves or registers that the operation changed; 0 when it asked for what was so already. */
  readonly changed: number
}

/** A transaction that is durable here. */
export interface TransactionInfo {
  readonly group: string
  /** One result per operation, in order. */
  readonly results: readonly OperationResult[]
}

/** What an undo left as it is. */
export interface UndoKept {
  readonly name: string
  readonly type: ObjectType
  /** Of a map's leaf. */
  readonly path?: readonly string[]
  /** Of a set's element. */
  readonly value?: string
  /** Somebody has written there since; or the counter only grows. */
  readonly reason: 'changed-since' | 'grow-only'
}

/** What an undo did; durable here. */
export interface UndoInfo {
  readonly group: string
  /** Number of the transaction that was undone, among those of this node since its start. */
  readonly transaction: number
  /** Number of the transaction that did it: undo that to have the first again. Absent when nothing had to change. */
  readonly undoneBy?: number
  /** How many values, leaves or registers of each object changed. */
  readonly undone: readonly OperationResult[]
  readonly kept: readonly UndoKept[]
}

/** One transaction that this node can undo. */
export interface UndoableInfo {
  readonly transaction: number
  /** Present when it was an undo itself: undoing it is a redo. */
  readonly undoes?: number
  readonly objects: readonly { readonly name: string; readonly type: ObjectType }[]
}

export interface UndoOptions extends Waiting {
  /** @default the last one that is not undone */
  readonly transaction?: number
}

/**
 * Collects operations while `transact` calls back, and writes nothing by itself. Afterwards it is dead: every
 * call throws a TypeError, on handles taken from it too.
 */
export interface Transaction {
  counter(name: string): {
    /** @param amount |amount| ≤ 2^53 − 1, default 1 */
    add(amount?: number | bigint, options?: { readonly growOnly?: boolean }): void
  }
  set(name: string): {
    add(values: string | readonly string[]): void
    remove(values: string | readonly string[]): void
  }
  register(name: string): { set(value: Json): void }
  map(name: string): {
    set(path: readonly string[], value: Json): void
    remove(path: readonly string[]): void
    counterAt(path: readonly string[]): { add(amount?: number | bigint): void }
    setAt(path: readonly string[]): {
      add(values: string | readonly string[]): void
      remove(values: string | readonly string[]): void
    }
    registerAt(path: readonly string[]): { set(value: Json): void }
  }
}

/** The replicated objects of one group. */
export interface StateHandle {
  counter(name: string): Counter
  set(name: string): SetHandle
  register(name: string): Register
  map(name: string): MapHandle
  objects(): readonly ObjectInfo[]
  /**
   * Writes several objects at once: all or nothing, here and on every replica. Resolves when durable here.
   * The callback runs at once and must not be async. What it throws rejects the call, and nothing is written.
   *
   * @example
   * await node.transact((t) => {
   *   t.set('users').add('ada')
   *   t.counter('hits').add(1)
   * })
   *
   * @throws {TypeError} an async callback @throws {RangeError} @throws {HearsayError} ERR_LIMIT, ERR_INVALID,
   * ERR_STOPPED, ERR_STORE…; nothing was written then, but for ERR_STORE… which leaves it open
   */
  transact(build: (transaction: Transaction) => void, options?: Waiting): Promise<TransactionInfo>
  /**
   * Undoes one of this node's own transactions by a new one: what it added is removed, what it removed is added
   * again, what it overwrote is put back, and counters are compensated. What others have written there since
   * stands, and is told. An undo can be undone. A node remembers its last 100 transactions a group, 1 MiB at most,
   * and none from before its start.
   * @throws {HearsayError} ERR_NOT_FOUND: nothing to undo, or not that one · ERR_INVALID: it is undone ·
   * ERR_LIMIT: it was too large · ERR_STOPPED, ERR_STORE…
   */
  undo(options?: UndoOptions): Promise<UndoInfo>
  /** What `undo` can undo, the last transaction first. */
  undoable(): readonly UndoableInfo[]
}

export interface GroupHandle extends StateHandle {
  readonly name: string
  /** Changes of all objects of the group from the call on, until the signal aborts or the node stops. */
  watch(options?: WatchOptions): AsyncIterable<Change>
}
