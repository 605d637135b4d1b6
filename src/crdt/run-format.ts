import type { ReplicaId } from '../base/ids.ts'

/*
 * A run: transactions of one replica with contiguous dots, as they lie in the log, travel between peers and
 * make up snapshots.
 *
 *   version and mode (1) · replica (16) · n0 · dots · stamp · groups … · chain (8, log mode only)
 *
 * Numbers are LEB128 varints. `stamp` is what the first stamp difference counts from; `dots` is how many dots
 * the run covers from n0 on. In log mode every dot is an event and `chain` is the writer's chain after the
 * last one: whoever holds the events before can prove that these continue them. In entries mode (snapshots,
 * reconciliation) dots without a live entry are skipped.
 *
 * Events of one shape make a group:
 *
 *   head (1) · [object] · [stamp difference] · [key shape] · repeats (1) · (repeats + 1) × event
 *   head: bits 0–2 kind · 3 same object as before · 4–5 kills: 0 none, 1 one dot, 2 a list ·
 *         6–7 transaction: 0 goes on, 1 starts with the next stamp, 2 starts after a stamp difference
 *   object: its number in order of first mention; a new one is followed by its name
 *   key shape: 2 × length of the prefix shared with the key before, + 1 when the key's length differs from
 *         that one's and follows
 *   event: rest of the key · payload · kills
 *   kills, one dot: its distance, zigzag, from the last dot killed, of the same replica
 *   kills, a list: replicas; for each: its number in order of first mention (0 is the writer; a new one is
 *         followed by its id), ranges; for each: 2 × gap to the last dot, + 1 when a length − 2 follows
 *
 * Events that repeat a group's shape start a transaction with the next stamp if the first one starts one.
 * Head 0 is a skip: how many dots. Payloads are an amount for counters, else bytes after their length.
 */

export const RUN_VERSION: number = 0x20
/** Entries mode: live entries instead of events. */
export const MODE_ENTRIES = 1
export const REPLICA_BYTES = 16
export const CHAIN_BYTES = 8
export const KILLS_NONE = 0
export const KILLS_ONE = 1
export const KILLS_LIST = 2
export const STARTS_NO = 0
export const STARTS_NEXT = 1
export const STARTS_LATER = 2
/** More events of one shape start another group. */
export const REPEATS_MAX = 255

/** What identifies a run without reading its events. */
export interface RunHead {
  readonly replica: ReplicaId
  readonly n0: number
  /** Dots covered. */
  readonly count: number
  readonly isEntries: boolean
  /** First stamps count from here. */
  readonly stamp: number
}
