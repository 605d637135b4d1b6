import type { KvLevel } from './kv-contract.ts'

/** Replicas that a level asks for, when `members` (alive, suspect and lost) should exist. */
export function requiredAcks(
  level: KvLevel,
  { replication, members }: { readonly replication: number; readonly members: number },
): number {
  const replicas = Math.min(replication, members)
  switch (level) {
    case 'one':
      return 1
    case 'quorum':
      return Math.floor(replicas / 2) + 1
    case 'all':
      return replicas
  }
}
