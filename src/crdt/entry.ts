import { type Hash64, hashText64, mix64 } from '../base/hash.ts'
import type { Stamp } from '../base/hybrid-clock.ts'
import type { Content } from './event.ts'

/** One live entry of a group: a dot and what it says. */
export interface Entry {
  /** Interned writer. */
  readonly replica: number
  readonly n: number
  readonly stamp: Stamp
  readonly content: Content
  /** Its share of the group's fingerprint. */
  readonly hash: Hash64
  /** The next entry under the same key: concurrent ones that no event has killed. */
  next: Entry | undefined
}

const TYPE_CODES = { counter: 1, set: 2, register: 3, map: 4 } as const

/**
 * The fingerprint share of a live dot: over its writer, its number and everything that reads can tell
 * apart, and over nothing that depends on how it was encoded or when it came.
 * @param writer hash of the writer's replica id
 */
export function entryHash(writer: Hash64, n: number, stamp: Stamp, content: Content): Hash64 {
  let hash = hashText64(content.object, mix64(mix64(writer, n), TYPE_CODES[content.type]))
  switch (content.type) {
    case 'counter':
      return hashText64(`${content.growOnly ? '+' : ''}${content.total}`, hash)
    case 'set':
      return hashText64(content.element, hash)
    case 'register':
      return hashText64(content.json, mix64(hash, stamp))
    case 'map':
      for (const component of content.path) hash = hashText64(component, hash)
      return hashText64(content.json, mix64(hash, stamp))
  }
}

/** Puts an entry in front of a chain. */
export function chainWith(head: Entry | undefined, entry: Entry): Entry {
  entry.next = head
  return entry
}

/** Takes an entry out of a chain; undefined when it was the last. */
export function chainWithout(head: Entry | undefined, entry: Entry): Entry | undefined {
  if (head === undefined) return undefined
  if (head === entry) {
    const rest = entry.next
    entry.next = undefined
    return rest
  }
  for (let before = head; before.next !== undefined; before = before.next) {
    if (before.next !== entry) continue
    before.next = entry.next
    entry.next = undefined
    break
  }
  return head
}

/** The entries of a chain. */
export function chainOf(head: Entry | undefined): readonly Entry[] {
  const entries: Entry[] = []
  for (let entry = head; entry !== undefined; entry = entry.next) entries.push(entry)
  return entries
}
