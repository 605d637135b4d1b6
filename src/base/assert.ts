/** Throws when a condition that only a bug of ours can break does not hold. Never for a peer's data. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant: ${message}`)
}

/** Closes a switch over a union: reaching it is a compile error, and at run time a bug of ours. */
export function unreachable(value: never): never {
  throw new Error(`Broken invariant: unexpected variant: ${JSON.stringify(value)}`)
}

/** Narrows away `undefined` where an invariant promises a value. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`Broken invariant: missing: ${what}`)
  return value
}
