/** How often what happened: a proof that never met a truncated log proves nothing about it. */
export interface Counts {
  schedules: number
  transactions: number
  refused: number
  commits: number
  integrated: number
  duplicates: number
  /** Runs that came before those they follow. */
  staged: number
  overlapping: number
  pulls: number
  logAnswers: number
  /** Heads of bases that came; of them those asked for whole. */
  bases: number
  wholeBases: number
  cutPulls: number
  /** Bases that went on after a cut. */
  resumedBases: number
  /** Bases that had to begin anew. */
  givenUpBases: number
  /** Bases adopted in the place of the state, merged into it, and merged beside it. */
  swapped: number
  merged: number
  mergedAside: number
  /** Merges that others wrote and heard things in the middle of. */
  cutMerges: number
  baseTails: number
  snapshots: number
  truncatedRows: number
  restarts: number
  restartsFromSnapshots: number
  leftovers: number
  lost: number
  restored: number
  cloned: number
  /** Times that a state was compared with its events; of them with kills that wait. */
  checks: number
  checksWithWaitingKills: number
}

export function noCounts(): Counts {
  return {
    ...{ schedules: 0, transactions: 0, refused: 0, commits: 0 },
    ...{ integrated: 0, duplicates: 0, staged: 0, overlapping: 0 },
    ...{
      pulls: 0,
      logAnswers: 0,
      bases: 0,
      wholeBases: 0,
      cutPulls: 0,
      resumedBases: 0,
      givenUpBases: 0,
    },
    ...{
      swapped: 0,
      merged: 0,
      mergedAside: 0,
      cutMerges: 0,
      baseTails: 0,
      snapshots: 0,
      truncatedRows: 0,
    },
    ...{ restarts: 0, restartsFromSnapshots: 0, leftovers: 0, lost: 0, restored: 0, cloned: 0 },
    ...{ checks: 0, checksWithWaitingKills: 0 },
  }
}

export function addCounts(into: Counts, more: Counts): void {
  for (const key of Object.keys(into) as (keyof Counts)[]) into[key] += more[key]
}
