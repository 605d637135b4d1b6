import type { Content, UnpackedEvent } from '../../src/crdt/unpack-run.ts'

/*
 * The naive model: a replica is a set of events, and what it shows is computed from that set alone:
 * live(E) = { dots with an entry in E } minus { dots killed by an event in E }. Nothing incremental, and
 * nothing shared with the production state but the decoded events.
 */

export interface OracleEvent {
  readonly replica: string
  readonly n: number
  readonly stamp: number
  readonly content: Content | undefined
  readonly kills: readonly string[]
}

export interface OracleState {
  readonly counters: Record<string, string>
  readonly sets: Record<string, readonly string[]>
  /** JSON texts, winner first. */
  readonly registers: Record<string, readonly string[]>
  /** By map and JSON of the path: JSON of what a reader sees. */
  readonly leaves: Record<string, Record<string, string>>
}

export function dotKey(replica: string, n: number): string {
  return `${replica}:${n}`
}

export function oracleEvents(events: readonly UnpackedEvent[]): readonly OracleEvent[] {
  return events.map(({ replica, n, stamp, content, kills }) => ({
    replica,
    n,
    stamp,
    content,
    kills: kills.map((kill) => dotKey(kill.replica, kill.n)),
  }))
}

export function live(events: Iterable<OracleEvent>): readonly OracleEvent[] {
  const all = [...events]
  const dead = new Set(all.flatMap(({ kills }) => kills))
  return all.filter(
    ({ replica, n, content }) => content !== undefined && !dead.has(dotKey(replica, n)),
  )
}

export function oracleState(events: Iterable<OracleEvent>): OracleState {
  const sums = new Map<string, bigint>()
  const sets = new Map<string, Set<string>>()
  const registers = new Map<string, OracleEvent[]>()
  const maps = new Map<string, Map<string, OracleEvent[]>>()
  for (const event of live(events)) {
    const { content } = event
    switch (content?.type) {
      case 'counter':
        sums.set(content.object, (sums.get(content.object) ?? 0n) + content.total)
        break
      case 'set':
        sets.set(content.object, (sets.get(content.object) ?? new Set()).add(content.element))
        break
      case 'register':
        registers.set(content.object, [...(registers.get(content.object) ?? []), event])
        break
      case 'map-value':
      case 'map-counter':
      case 'map-set': {
        const map = maps.get(content.object) ?? new Map<string, OracleEvent[]>()
        const path = JSON.stringify(content.path)
        map.set(path, [...(map.get(path) ?? []), event])
        maps.set(content.object, map)
      }
    }
  }
  return {
    counters: sortedRecord(sums, String),
    sets: sortedRecord(sets, (set) => [...set].sort()),
    registers: sortedRecord(registers, winnersFirst),
    leaves: sortedRecord(maps, (map) => sortedRecord(map, leafText)),
  }
}

function winnersFirst(events: readonly OracleEvent[]): readonly string[] {
  const ordered = events.toSorted((a, b) => {
    if (a.stamp !== b.stamp) return b.stamp - a.stamp
    if (a.replica !== b.replica) return a.replica < b.replica ? 1 : -1
    return b.n - a.n
  })
  return ordered.map(({ content }) =>
    content?.type === 'register' || content?.type === 'map-value' ? content.json : '',
  )
}

/** A value hides a counter, a counter a set. Sums that JSON has no safe number for are texts. */
function leafText(events: readonly OracleEvent[]): string {
  const values = events.filter(({ content }) => content?.type === 'map-value')
  const winner = winnersFirst(values)[0]
  if (winner !== undefined) return winner
  let sum: bigint | undefined
  const elements = new Set<string>()
  for (const { content } of events) {
    if (content?.type === 'map-counter') sum = (sum ?? 0n) + content.amount
    if (content?.type === 'map-set') elements.add(content.element)
  }
  if (sum === undefined) return JSON.stringify([...elements].sort())
  return Number.isSafeInteger(Number(sum)) ? String(sum) : JSON.stringify(String(sum))
}

function sortedRecord<V, W>(map: ReadonlyMap<string, V>, show: (value: V) => W): Record<string, W> {
  const keys = [...map.keys()].sort()
  return Object.fromEntries(keys.map((key) => [key, show(map.get(key) as V)]))
}
