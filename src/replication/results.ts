/** What a transaction's operations changed: members, one by one. */
export type Results = readonly { readonly changed: number }[]

/** Most operations change one member or none: they share what says so. */
const NONE = { changed: 0 }
const ONE = { changed: 1 }

export const NO_RESULTS: Results = []
/** Of one operation that changed one member. */
export const ONE_CHANGED: Results = [ONE]
/** Of one that changed none. */
export const NONE_CHANGED: Results = [NONE]

/** @param changed members by operation */
export function resultsOf(changed: readonly number[]): Results {
  if (changed.length === 1) {
    if (changed[0] === 1) return ONE_CHANGED
    if (changed[0] === 0) return NONE_CHANGED
  }
  return changed.map((members) => {
    if (members === 1) return ONE
    return members === 0 ? NONE : { changed: members }
  })
}
