import { BATCH, batchOf, type Case, count, empty, fill, messagesOf } from './case.ts'
import { checksum, half, keys, sequentialKey, shortKey } from './keys.ts'
import type { Document, Library } from './library.ts'

const CHANGES = 100
/** Automerge sends everything to whoever lacks a third of its changes: its history has to be longer. */
const SMALL_BATCH = 25
const PAYLOAD = '600 B of keys'

const catchUp: Case = {
  name: 'sync',
  rows: [
    {
      label: 'sync 100 adds + 1 removal, a transaction each',
      unit: 'B',
      better: 'lower',
      limit: PAYLOAD,
    },
    { label: '… one transaction', unit: 'B', better: 'lower', limit: PAYLOAD },
    { label: '… a transaction each, half deleted', unit: 'B', better: 'lower', limit: PAYLOAD },
    { label: '… one transaction, half deleted', unit: 'B', better: 'lower', limit: PAYLOAD },
    { label: '… until both are equal', unit: 'round trips', better: 'lower', limit: '1' },
  ],
  rounds: 1,
  prepare: (library, scale) => {
    const { sync } = library
    if (sync === undefined) return undefined
    const n = count(library, scale, { full: 100_000, quick: 20_000, slow: 10_000 })
    return async () => {
      const added = keys(n, shortKey)
      const later = keys(4 * CHANGES, (index) => shortKey(n + index))
      const [a, b] = pair(library, added, library.isSlow ? SMALL_BATCH : BATCH)
      const bytes: number[] = []
      let flights = 0
      const differ = async (isOneTransaction: boolean): Promise<void> => {
        const serial = bytes.length
        const fresh = later.slice(serial * CHANGES, (serial + 1) * CHANGES)
        const removed = added[serial * 2] ?? ''
        if (isOneTransaction) a.change(fresh, [removed])
        else {
          for (const key of fresh) a.add(key)
          a.remove(removed)
        }
        const exchange = await sync(a, b)
        bytes.push(exchange.bytes)
        flights = Math.max(flights, exchange.flights)
      }
      await differ(false)
      await differ(true)
      empty(a, half(added), batchOf(library))
      await sync(a, b)
      await differ(false)
      await differ(true)
      return { n, values: [...bytes, flights / 2], check: sameContent(a, b) }
    }
  },
}

const inSync: Case = {
  name: 'in-sync',
  rows: [
    { label: '"already in sync", half deleted', unit: 'B', better: 'lower', limit: '2 hashes' },
  ],
  rounds: 1,
  prepare: (library) => {
    const { sync } = library
    if (sync === undefined) return undefined
    const n = 16_000
    return async () => {
      const added = keys(n, sequentialKey)
      const [a, b] = pair(library, added)
      empty(a, half(added), batchOf(library))
      await sync(a, b)
      const { bytes } = await sync(a, b)
      return { n, values: [bytes], check: sameContent(a, b) }
    }
  },
}

const oneRemoval: Case = {
  name: 'one-removal',
  rows: [
    { label: 'one removal from many: message', unit: 'B', better: 'lower' },
    { label: '… remove, encode, integrate', unit: 'ms', better: 'lower' },
  ],
  rounds: 9,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 1_000_000, quick: 50_000, slow: 20_000 })
    const added = keys(n, sequentialKey)
    const [a, b] = pair(library, added)
    let serial = 0
    return async () => {
      const removed = added[serial * 1_000 + 1] ?? ''
      serial += 1
      let bytes = 0
      const start = performance.now()
      for (const message of messagesOf(a, () => a.remove(removed))) {
        bytes += message.length
        b.apply(message)
      }
      b.settle?.()
      const ms = performance.now() - start
      return { n, values: [bytes, ms], check: `${a.has(removed)} ${b.has(removed)}` }
    }
  },
}

/** Two replicas that hold the same elements, written by the first. */
function pair(
  library: Library,
  added: readonly string[],
  batch: number = batchOf(library),
): readonly [Document, Document] {
  const a = library.create(1)
  const b = library.create(2)
  const messages = messagesOf(a, () => fill(a, added, batch))
  for (const message of library.pack(a, messages)) b.apply(message)
  b.settle?.()
  sameContent(a, b)
  return [a, b]
}

function sameContent(a: Document, b: Document): string {
  const check = checksum(a)
  if (check !== checksum(b)) throw new Error(`two states after a sync: ${check} ${checksum(b)}`)
  return check
}

export const syncCases: readonly Case[] = [catchUp, inSync, oneRemoval]
