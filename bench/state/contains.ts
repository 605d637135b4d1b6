import { type Random, seededRandom } from '../../src/base/random.ts'
import { batchOf, type Case, count, empty, fill, rate, timed } from './case.ts'
import { half, keys, sequentialKey } from './keys.ts'
import type { Document } from './library.ts'

/** Of a round. */
const READS = 100_000
/** Operations a second. */
const AIM = { value: 5e6 }

interface Order {
  readonly name: string
  readonly label: string
  readonly aim?: { readonly value: number }
  /** Index of the key that is asked for as i-th. */
  readonly indexOf: (i: number, n: number, random: Random) => number
}

export const containsCases: readonly Case[] = [
  containsCase({ name: 'contains', label: 'set contains', aim: AIM, indexOf: (i, n) => i % n }),
  // No cache foresees it: three reads of memory that depend on each other, index, position and record. It has no
  // aim of its own; a plain Set of as many strings does 1.7 M/s in this loop (measured).
  containsCase({
    name: 'contains-random',
    label: 'set contains, in random order',
    indexOf: (_, n, random) => Math.floor(random.next() * n),
  }),
]

function containsCase(order: Order): Case {
  const { name, label, aim } = order
  const unit = 'a second'
  return {
    name,
    rows: [
      { label, unit, better: 'higher', ...(aim === undefined ? {} : { aim }) },
      {
        label: `${label}, half deleted`,
        unit,
        better: 'higher',
        ...(aim === undefined ? {} : { aim }),
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
        const all = readMany(whole, n, order)
        const rest = readMany(halved, n, order)
        return { n, values: [all.perSecond, rest.perSecond], check: `${all.found} ${rest.found}` }
      }
    },
  }
}

function readMany(
  document: Document,
  n: number,
  { indexOf }: Order,
): { found: number; perSecond: number } {
  const random = seededRandom([n, 1])
  // Strings nobody has seen: a reader has its own, whose hashes no table has computed yet.
  const asked = keys(Math.max(n, READS), (i) => sequentialKey(indexOf(i, n, random)))
  let found = 0
  const ms = timed(() => {
    for (const key of asked) if (document.has(key)) found += 1
  })
  return { found, perSecond: rate(asked.length, ms) }
}
