import { compareText } from '../base/bytes.ts'
import type { PagedView } from '../replication/paged-view.ts'
import { Turns } from './turns.ts'

/** Elements merged between two looks at the clock. */
const MERGED = 4_096

/** A set's elements sorted by code unit, gathered and sorted in turns of the event loop. */
export async function listSet(view: () => PagedView, name: string): Promise<readonly string[]> {
  const turns = new Turns()
  let lists: (readonly string[])[] = []
  for (let from: number | undefined = 0; from !== undefined; ) {
    const { elements, next } = view().setPage(name, from)
    lists.push([...elements].sort(compareText))
    from = next
    if (turns.isOver) await turns.next()
  }
  while (lists.length > 1) {
    const merged: (readonly string[])[] = []
    for (let i = 0; i < lists.length; i += 2) {
      merged.push(await merge(lists[i] ?? [], lists[i + 1] ?? [], turns))
    }
    lists = merged
  }
  return lists[0] ?? []
}

async function merge(
  a: readonly string[],
  b: readonly string[],
  turns: Turns,
): Promise<readonly string[]> {
  if (b.length === 0) return a
  const merged: string[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const end = Math.min(a.length + b.length, merged.length + MERGED)
    while (merged.length < end) {
      const [left, right] = [a[i], b[j]]
      if (right === undefined || (left !== undefined && left <= right)) {
        merged.push(left ?? '')
        i += 1
      } else {
        merged.push(right)
        j += 1
      }
    }
    if (turns.isOver) await turns.next()
  }
  return merged
}
