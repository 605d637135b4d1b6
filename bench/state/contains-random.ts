import { seededRandom } from '../../src/base/random.ts'
import { batchOf, type Case, count, empty, fill, rate, timed } from './case.ts'
import { half, keys, sequentialKey } from './keys.ts'
import type { Document } from './library.ts'

const READS_MIN = 1_000_000
const READS = { value: 5_000_000 }

/** As `contains`, in an order that no cache foresees. */
const containsRandom: Case = {
  name: 'contains-random',
  rows: [
    {
      label: 'set contains, in random order',
      unit: 'a second',
      better: 'higher',
      aim: READS,
    },
    {
      label: 'set contains, in random order, half deleted',
      unit: 'a second',
      better: 'higher',
      aim: READS,
    },
  ],
  rounds: 5,
  warmsUp: true,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 300_000, quick: 100_000, slow: 100_000 })
    const added = keys(n, sequentialKey)
    const whole = library.create(1)
    const halved = library.create(2)
    fill(whole, added, batchOf(library))
    fill(halved, added, batchOf(library))
    empty(halved, half(added), batchOf(library))
    return async () => {
      const all = readAll(whole, n)
      const rest = readAll(halved, n)
      return { n, values: [all.perSecond, rest.perSecond], check: `${all.found} ${rest.found}` }
    }
  },
}

function readAll(document: Document, n: number): { found: number; perSecond: number } {
  const random = seededRandom([n, 1])
  const asked: string[] = []
  // Strings nobody has seen: a reader has its own, whose hashes no table has computed yet.
  while (asked.length < READS_MIN) asked.push(sequentialKey(Math.floor(random.next() * n)))
  let found = 0
  const ms = timed(() => {
    for (const key of asked) if (document.has(key)) found += 1
  })
  return { found, perSecond: rate(asked.length, ms) }
}

export const containsRandomCases: readonly Case[] = [containsRandom]
