import { BATCH, type Case, count } from './case.ts'
import { checksum, keys, sequentialKey } from './keys.ts'
import type { Library } from './library.ts'

/** Elements below which the heap's spare pages from before hide what a small state takes. */
const RESIDENT_MIN = 200_000
const LIMIT = '16 B key'

/** Every element's share of what the process has grown by, after the library itself is loaded. */
export const memoryCase: Case = {
  name: 'memory',
  rows: [
    { label: 'memory an element, keys of 16 B: RSS', unit: 'B', better: 'lower', limit: LIMIT },
    { label: '… heap + external', unit: 'B', better: 'lower', limit: LIMIT },
    { label: '… RSS, half deleted', unit: 'B', better: 'lower', limit: LIMIT },
    { label: '… heap + external, half deleted', unit: 'B', better: 'lower', limit: LIMIT },
  ],
  rounds: 1,
  isFresh: true,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 400_000, quick: 50_000, slow: 100_000 })
    return async () => await grow(library, n)
  },
}

async function grow(
  library: Library,
  n: number,
): Promise<{ n: number; values: readonly (number | undefined)[]; check: string }> {
  const batch = library.isSlow ? BATCH * 10 : BATCH
  const document = library.create(1)
  document.change([sequentialKey(0)], [])
  const before = await usage()
  for (let i = 0; i < n; i += batch) {
    document.change(
      keys(batch, (index) => sequentialKey(i + index)),
      [],
    )
  }
  document.settle?.()
  const whole = await usage()
  for (let i = 0; i < n; i += batch) {
    document.change(
      [],
      keys(batch / 2, (index) => sequentialKey(i + 2 * index + 1)),
    )
  }
  document.settle?.()
  const halved = await usage()
  const heapOf = (after: Usage, live: number): number | undefined =>
    library.isForeign ? undefined : (after.heap - before.heap) / live
  const isShown = library.isForeign || n >= RESIDENT_MIN
  const residentOf = (after: Usage, live: number): number | undefined =>
    isShown ? (after.rss - before.rss) / live : undefined
  const values = [
    residentOf(whole, n),
    heapOf(whole, n),
    residentOf(halved, n / 2),
    heapOf(halved, n / 2),
  ]
  return { n, values, check: checksum(document) }
}

interface Usage {
  readonly rss: number
  readonly heap: number
}

async function usage(): Promise<Usage> {
  for (let i = 0; i < 4; i++) {
    // The flavour that gives pages back, as far as they are free.
    await globalThis.gc?.({ execution: 'async', flavor: 'last-resort' })
    // Memory of finalized objects and freed pages goes back between turns.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heap: heapUsed + external }
}
