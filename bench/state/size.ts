import { batchOf, type Case, count, empty, fill, timed } from './case.ts'
import { checksum, half, keys, randomKey, sequentialKey } from './keys.ts'
import type { Document, Library } from './library.ts'

const MANY = { full: 100_000, quick: 20_000 }
/** 16 digits of base 36, less the order of n keys, that a set need not tell. */
const RANDOM_LIMIT = '≈ 8.4 B'

const snapshotBytes: Case = {
  name: 'snapshot',
  rows: [
    { label: 'snapshot an element, sequential keys of 16 B', unit: 'B', better: 'lower' },
    { label: '… half deleted', unit: 'B', better: 'lower' },
    {
      label: 'snapshot an element, random keys of 16 B',
      unit: 'B',
      better: 'lower',
      limit: RANDOM_LIMIT,
    },
    { label: '… half deleted', unit: 'B', better: 'lower', limit: RANDOM_LIMIT },
  ],
  rounds: 1,
  prepare: (library, scale) => {
    if (library.create(1).snapshot === undefined) return undefined
    const n = count(library, scale, { ...MANY, slow: 20_000 })
    return async () => {
      const values: number[] = []
      const checks: string[] = []
      for (const key of [sequentialKey, randomKey]) {
        const added = keys(n, key)
        const document = library.create(1)
        fill(document, added, batchOf(library))
        values.push(snapshotOf(document).length / n)
        empty(document, half(added), batchOf(library))
        values.push(snapshotOf(document).length / (n - half(added).length))
        checks.push(checksum(document))
      }
      return { n, values, check: checks.join(' ') }
    }
  },
}

const load: Case = {
  name: 'load',
  rows: [
    { label: 'load and first read', unit: 'ms', better: 'lower' },
    { label: '… half deleted', unit: 'ms', better: 'lower' },
  ],
  rounds: 5,
  prepare: (library, scale) => {
    const { load: restore } = library
    const document = library.create(1)
    if (document.snapshot === undefined || restore === undefined) return undefined
    const n = count(library, scale, { ...MANY, slow: 100_000 })
    const added = keys(n, sequentialKey)
    fill(document, added, batchOf(library))
    const whole = snapshotOf(document)
    empty(document, half(added), batchOf(library))
    const halved = snapshotOf(document)
    const asked = added[n - 2] ?? ''
    return async () => {
      const first = loadTimed(restore, whole, asked)
      const second = loadTimed(restore, halved, asked)
      const check = `${first.check} ${second.check}`
      return { n, values: [first.ms, second.ms], check }
    }
  },
}

function loadTimed(
  restore: NonNullable<Library['load']>,
  snapshot: Uint8Array,
  asked: string,
): { readonly ms: number; readonly check: string } {
  let loaded: Document | undefined
  let isFound = false
  const ms = timed(() => {
    loaded = restore(snapshot, 2)
    isFound = loaded.has(asked)
  })
  return { ms, check: `${isFound} ${loaded === undefined ? '' : checksum(loaded)}` }
}

const cycles: Case = {
  name: 'cycles',
  rows: [{ label: 'snapshot after add-remove cycles of one key', unit: 'B', better: 'lower' }],
  rounds: 1,
  prepare: (library, scale) => {
    if (library.create(1).snapshot === undefined) return undefined
    const n = count(library, scale, { full: 1_000_000, quick: 20_000, slow: 2_000 })
    return async () => {
      const document = library.create(1)
      for (let i = 0; i < n; i++) {
        document.add('key')
        document.remove('key')
      }
      return { n, values: [snapshotOf(document).length], check: checksum(document) }
    }
  },
}

function snapshotOf(document: Document): Uint8Array {
  if (document.snapshot === undefined) throw new Error('the snapshot has gone')
  return document.snapshot()
}

export const sizeCases: readonly Case[] = [snapshotBytes, load, cycles]
