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

/** One visible change of one object, local or remote. */
export interface ObjectChange {
  readonly object: string
  readonly objectType: ObjectType
  readonly group: string
  readonly origin: 'local' | 'remote'
}

export interface Counter {
  /**
   * Adds an integer, resolved when durable here. @param amount |amount| ≤ 2^53 − 1, default 1
   * @param options `growOnly` makes and treats it as a G-counter: a negative amount is refused
   */
  add(amount?: number | bigint, options?: Waiting & { readonly growOnly?: boolean }): Promise<void>
  /** The sum, synchronously; a bigint above 2^53 − 1. */
  readonly value: number | bigint
}

export interface SetHandle {
  /** @returns how many of the values were not in the set before */
  add(values: string | readonly string[], options?: Waiting): Promise<number>
  /** @returns how many of the values were in the set */
  remove(values: string | readonly string[], options?: Waiting): Promise<number>
  has(value: string): boolean
  readonly size: number
  /** Sorted by code unit. */
  readonly values: readonly string[]
}

export interface Register {
  set(value: Json, options?: Waiting): Promise<void>
  /** The last write's value; undefined when never written. */
  readonly value: Json | undefined
  /** All concurrent values, the winner first. */
  readonly siblings: readonly Json[]
}

/** Observed-remove map of registers by path. */
export interface MapHandle {
  set(path: readonly string[], value: Json, options?: Waiting): Promise<void>
  /** Removes the leaf and everything observed below it. @returns how many leaves it removed */
  remove(path: readonly string[], options?: Waiting): Promise<number>
  /** The value at a path: a leaf, an object of leaves, or undefined. */
  at(path: readonly string[]): Json | undefined
  readonly value: { readonly [key: string]: Json }
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
}

export interface GroupHandle extends StateHandle {
  readonly name: string
}
