import { BATCH, type Case, count, messagesOf, rate, timed } from './case.ts'
import { containsCases } from './contains.ts'
import { checksum, half, keys, sequentialKey } from './keys.ts'
import type { Library } from './library.ts'

const ROUNDS = 5
/** Documents that take in the same: one alone is too quick to measure. */
const NEWCOMERS = 5
/** Operations a second. */
const ADDS = 1e6
const INCREMENTS = 3e6
const INTEGRATED = 1e6

const changeEach: Case = {
  name: 'change-each',
  rows: [
    {
      label: 'set add, a transaction each',
      unit: 'a second',
      better: 'higher',
      aim: { value: ADDS, over: { library: 'yjs', times: 5 } },
    },
    { label: 'set remove, every second, a transaction each', unit: 'a second', better: 'higher' },
  ],
  rounds: ROUNDS,
  warmsUp: true,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 100_000, quick: 30_000, slow: 500 })
    const added = keys(n, sequentialKey)
    const removed = half(added)
    return async () => {
      const document = library.create(1)
      const addMs = timed(() => {
        for (const key of added) document.add(key)
        document.settle?.()
      })
      const removeMs = timed(() => {
        for (const key of removed) document.remove(key)
        document.settle?.()
      })
      const values = [rate(n, addMs), rate(removed.length, removeMs)]
      return { n, values, check: checksum(document) }
    }
  },
}

const changeBatched: Case = {
  name: 'change-batched',
  rows: [
    {
      label: 'set add, 1,000 a transaction',
      unit: 'a second',
      better: 'higher',
      aim: { value: ADDS },
    },
    { label: 'set remove, every second, 1,000 a transaction', unit: 'a second', better: 'higher' },
  ],
  rounds: ROUNDS,
  warmsUp: true,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 200_000, quick: 50_000, slow: 10_000 })
    const added = keys(n, sequentialKey)
    const removed = half(added)
    return async () => {
      const document = library.create(1)
      const addMs = timed(() => {
        for (let i = 0; i < n; i += BATCH) document.change(added.slice(i, i + BATCH), [])
        document.settle?.()
      })
      const removeMs = timed(() => {
        for (let i = 0; i < removed.length; i += BATCH)
          document.change([], removed.slice(i, i + BATCH))
        document.settle?.()
      })
      const values = [rate(n, addMs), rate(removed.length, removeMs)]
      return { n, values, check: checksum(document) }
    }
  },
}

const counters: Case = {
  name: 'counter',
  rows: [
    {
      label: 'counter increment, a transaction each',
      unit: 'a second',
      better: 'higher',
      aim: { value: INCREMENTS },
    },
    {
      label: 'counter increment, 1,000 a transaction',
      unit: 'a second',
      better: 'higher',
      aim: { value: INCREMENTS },
    },
  ],
  rounds: ROUNDS,
  warmsUp: true,
  prepare: (library, scale) => {
    if (library.create(1).counter === undefined) return undefined
    const n = count(library, scale, { full: 200_000, quick: 100_000, slow: 500 })
    const batched = BATCH * (library.isSlow ? 5 : 1_000)
    return async () => {
      const document = library.create(1)
      const { counter } = document
      if (counter === undefined) throw new Error('the counter has gone')
      const eachMs = timed(() => {
        for (let i = 0; i < n; i++) counter.increment(1)
        document.settle?.()
      })
      const batchedMs = timed(() => {
        for (let i = 0; i < batched; i += BATCH) counter.increment(BATCH)
        document.settle?.()
      })
      const values = [rate(n, eachMs), rate(batched, batchedMs)]
      return { n, values, check: String(counter.value()) }
    }
  },
}

const integrate: Case = {
  name: 'integrate',
  rows: [
    { label: 'integrate adds, a message each', unit: 'a second', better: 'higher' },
    {
      label: 'integrate adds, packed',
      unit: 'a second',
      better: 'higher',
      aim: { value: INTEGRATED },
    },
    {
      label: 'integrate adds and removals of half, packed',
      unit: 'a second',
      better: 'higher',
      aim: { value: INTEGRATED },
    },
  ],
  rounds: ROUNDS,
  warmsUp: true,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 30_000, quick: 10_000, slow: 500 })
    const added = keys(n, sequentialKey)
    const source = library.create(1)
    const adds = messagesOf(source, () => {
      for (const key of added) source.add(key)
    })
    const packedAdds = library.pack(source, adds)
    const removals = messagesOf(source, () => {
      for (const key of half(added)) source.remove(key)
    })
    const packedAll = library.pack(source, [...adds, ...removals])
    return async () => {
      const single = receive(library, adds, 1)
      const packed = receive(library, packedAdds, NEWCOMERS)
      const halved = receive(library, packedAll, NEWCOMERS)
      const values = [rate(n, single.ms), rate(n, packed.ms), rate(n + removals.length, halved.ms)]
      return { n, values, check: `${single.check} ${packed.check} ${halved.check}` }
    }
  },
}

/** Milliseconds of one of so many newcomers. */
function receive(
  library: Library,
  messages: readonly Uint8Array[],
  newcomers: number,
): { readonly ms: number; readonly check: string } {
  const documents = Array.from({ length: newcomers }, () => library.create(2))
  const ms = timed(() => {
    for (const document of documents) {
      for (const message of messages) document.apply(message)
      document.settle?.()
    }
  })
  const checks = new Set(documents.map((document) => checksum(document)))
  return { ms: ms / newcomers, check: [...checks].join(' ') }
}

export const speedCases: readonly Case[] = [
  changeEach,
  changeBatched,
  ...containsCases,
  counters,
  integrate,
]
