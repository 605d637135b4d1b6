import type { Host } from '../adapters/libp2p/host.ts'
import type { SearchPort, SearchResult } from '../engine/ports.ts'
import { decodeRecord } from '../records/record.ts'
import { select } from '../records/select.ts'

const NOTHING: SearchResult = { record: undefined, peers: [] }

/** Searches through the host, which may come later, or be cut off: there is nothing to find then. */
export function createSearches(host: () => Host | undefined): SearchPort {
  return {
    search: (query, done) => {
      const found = host()?.search(query) ?? Promise.resolve(NOTHING)
      void found.then(done)
    },
  }
}

/** Index of the newest of several sound records of one key. */
export function newestOf(records: readonly Uint8Array[]): number {
  let newest = 0
  for (let i = 1; i < records.length; i++) {
    const [ours, theirs] = [records[newest], records[i]]
    if (ours === undefined || theirs === undefined) continue
    const [before, after] = [decodeRecord(ours), decodeRecord(theirs)]
    if (!after.ok) continue
    if (!before.ok || select(after.value, before.value).order > 0) newest = i
  }
  return newest
}
