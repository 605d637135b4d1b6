import { batchOf, type Case, count, type Outcome } from './case.ts'
import { checksum, half, keys, sequentialKey } from './keys.ts'
import { type Document, type Library, MAIN_SET } from './library.ts'

/** Elements below which the heap's spare pages from before hide what a small state takes. */
const RESIDENT_MIN = 200_000
const SMALL_SET = 100
const LIMIT = '16 B of key'
const LARGE = { value: 48 }
const SMALL = { value: 110 }

/** One set of many elements. */
const large = memoryCase('memory-large', 'one set', LARGE, {
  sizes: { full: 1_000_000, quick: 200_000, slow: 100_000 },
  setOf: () => MAIN_SET,
})

/** Many sets of a few elements. */
const small = memoryCase('memory-small', `sets of ${SMALL_SET}`, SMALL, {
  sizes: { full: 400_000, quick: 100_000, slow: 20_000 },
  setOf: (index) => `set-${index / SMALL_SET}`,
})

/** Every element's share of what the process has grown by, after the library itself is loaded. */
function memoryCase(
  name: string,
  shape: string,
  aim: { readonly value: number },
  content: {
    readonly sizes: { readonly full: number; readonly quick: number; readonly slow: number }
    /** The set of the part of all elements that begins at `index`, a multiple of SMALL_SET. */
    readonly setOf: (index: number) => string
  },
): Case {
  const row = { unit: 'B', better: 'lower', limit: LIMIT } as const
  return {
    name,
    rows: [
      // What the allocator has not given back is told and is nobody's aim: after half was deleted it is more
      // than what lives. Freeing at once by detaching buffers took a fifth of it, and a tenth of the speed of
      // all typed arrays in the process (measured).
      { label: `memory an element, ${shape}: RSS`, ...row },
      { label: '… heap + external', aim, ...row },
      { label: '… RSS, half deleted', ...row },
      { label: '… heap + external, half deleted', aim, ...row },
    ],
    rounds: 1,
    isFresh: true,
    prepare: (library, scale) => {
      const n = count(library, scale, content.sizes)
      return async () => await grow(library, n, content.setOf)
    },
  }
}

async function grow(
  library: Library,
  n: number,
  setOf: (index: number) => string,
): Promise<Outcome> {
  const document = library.create(1)
  document.change([sequentialKey(0)], [])
  document.change([], [sequentialKey(0)])
  const batch = setOf(0) === setOf(SMALL_SET) ? batchOf(library) : SMALL_SET
  const change = (part: (all: readonly string[]) => readonly string[], isAdded: boolean): void => {
    for (let i = 0; i < n; i += batch) {
      const changed = part(keys(batch, (index) => sequentialKey(i + index)))
      document.change(isAdded ? changed : [], isAdded ? [] : changed, setOf(i))
    }
    document.settle?.()
  }
  const before = await usage()
  change((all) => all, true)
  const whole = await usage()
  change(half, false)
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
  return { n, values, check: checkOf(document, n, setOf) }
}

function checkOf(document: Document, n: number, setOf: (index: number) => string): string {
  const names = new Set<string>()
  for (let i = 0; i < n; i += SMALL_SET) names.add(setOf(i))
  const checks = [...names].map((name) => checksum(document, name))
  return checks.length === 1 ? (checks[0] ?? '') : `${checks.length} sets: ${checks.at(-1)}`
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

export const memoryCases: readonly Case[] = [large, small]
