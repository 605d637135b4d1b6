import { batchOf, type Case, count, empty, fill, timed } from './case.ts'
import { checksum, half, keys, randomKey, sequentialKey, spotCheck } from './keys.ts'
import type { Document, Library } from './library.ts'

/** 16 digits of base 36, less the order of n keys, that a set need not tell. */
const RANDOM_LIMIT = '≈ 8.4 B'
const SEQUENTIAL = { value: 2.5 }
/** A key and 3 bytes. */
const RANDOM = { value: 19 }
const FIRST_READ = { value: 300 }
const CYCLES = { value: 1_024 }

const snapshotBytes: Case = {
  name: 'snapshot',
  rows: [
    {
      label: 'snapshot an element, sequential keys of 16 B',
      unit: 'B',
      better: 'lower',
      aim: SEQUENTIAL,
    },
    { label: '… half deleted', unit: 'B', better: 'lower', aim: SEQUENTIAL },
    {
      label: 'snapshot an element, random keys of 16 B',
      unit: 'B',
      better: 'lower',
      aim: RANDOM,
      limit: RANDOM_LIMIT,
    },
    { label: '… half deleted', unit: 'B', better: 'lower', aim: RANDOM, limit: RANDOM_LIMIT },
  ],
  rounds: 1,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 100_000, quick: 20_000, slow: 20_000 })
    return async () => {
      const values: number[] = []
      const checks: string[] = []
      for (const key of [sequentialKey, randomKey]) {
        const added = keys(n, key)
        const document = library.create(1)
        fill(document, added, batchOf(library))
        values.push(library.snapshot(document).length / n)
        empty(document, half(added), batchOf(library))
        values.push(library.snapshot(document).length / (n - half(added).length))
        checks.push(checksum(document))
      }
      return { n, values, check: checks.join(' ') }
    }
  },
}

const load: Case = {
  name: 'load',
  rows: [
    { label: 'first read after load', unit: 'ms', better: 'lower', aim: FIRST_READ },
    { label: '… half deleted', unit: 'ms', better: 'lower', aim: FIRST_READ },
  ],
  rounds: 5,
  prepare: (library, scale) => {
    const document = library.create(1)
    const n = count(library, scale, { full: 1_000_000, quick: 100_000, slow: 100_000 })
    const added = keys(n, sequentialKey)
    fill(document, added, batchOf(library))
    const whole = library.snapshot(document)
    empty(document, half(added), batchOf(library))
    const halved = library.snapshot(document)
    let content: string | undefined
    return async () => {
      const first = loadTimed(library, whole, added)
      const second = loadTimed(library, halved, added)
      // Reading all of it takes longer than what is measured: once.
      content ??= checksum(library.load(halved, 2))
      const check = `${first.check} ${second.check} ${content}`
      return { n, values: [first.ms, second.ms], check }
    }
  },
}

function loadTimed(
  library: Library,
  snapshot: Uint8Array,
  added: readonly string[],
): { readonly ms: number; readonly check: string } {
  const asked = added.at(-2) ?? ''
  let loaded: Document | undefined
  let isFound = false
  const ms = timed(() => {
    loaded = library.load(snapshot, 2)
    isFound = loaded.has(asked)
  })
  return { ms, check: `${isFound} ${loaded === undefined ? '' : spotCheck(loaded, added)}` }
}

const cycles: Case = {
  name: 'cycles',
  rows: [
    {
      label: 'snapshot after add-remove cycles of one key',
      unit: 'B',
      better: 'lower',
      aim: CYCLES,
    },
  ],
  rounds: 1,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 1_000_000, quick: 50_000, slow: 2_000 })
    return async () => {
      const document = library.create(1)
      for (let i = 0; i < n; i++) {
        document.add('key')
        document.remove('key')
      }
      return { n, values: [library.snapshot(document).length], check: checksum(document) }
    }
  },
}

export const sizeCases: readonly Case[] = [snapshotBytes, load, cycles]
