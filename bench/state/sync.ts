import { BATCH, batchOf, type Case, count, empty, fill, messagesOf } from './case.ts'
import { checksum, half, keys, randomKey, sequentialKey, shortKey } from './keys.ts'
import type { Document, Library } from './library.ts'
import { median } from './median.ts'

const CHANGES = 100
/** Automerge sends everything to whoever lacks a third of its changes: its history has to be longer. */
const SMALL_BATCH = 25
const KEY_BYTES = 16
const THOUSAND_ADDS = 500
/** In one round, of many more elements than a hundred each. */
const REMOVALS = 11
const DIFFERENCE = {
  unit: 'B',
  better: 'lower',
  aim: { value: 800 },
  limit: '600 B of keys',
} as const

const difference: Case = {
  name: 'sync',
  rows: [
    { label: 'sync 100 adds + 1 removal, a transaction each', ...DIFFERENCE },
    { label: '… one transaction', ...DIFFERENCE },
    { label: '… a transaction each, half deleted', ...DIFFERENCE },
    { label: '… one transaction, half deleted', ...DIFFERENCE },
    { label: '… until both are equal', unit: 'round trips', better: 'lower', limit: '1' },
  ],
  rounds: 1,
  prepare: (library, scale) => {
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
        const exchange = await library.sync(a, b)
        bytes.push(exchange.bytes)
        flights = Math.max(flights, exchange.flights)
      }
      await differ(false)
      await differ(true)
      empty(a, half(added), batchOf(library))
      await library.sync(a, b)
      await differ(false)
      await differ(true)
      return { n, values: [...bytes, flights / 2], check: sameContent(a, b) }
    }
  },
}

const inSync: Case = {
  name: 'in-sync',
  rows: [
    {
      label: '"already in sync", half deleted',
      unit: 'B',
      better: 'lower',
      aim: { value: 48 },
      limit: '2 hashes',
    },
    { label: '… on a fresh link, both ask', unit: 'B', better: 'lower', limit: '2 hashes' },
  ],
  rounds: 1,
  prepare: (library) => {
    const n = 16_000
    return async () => {
      const added = keys(n, sequentialKey)
      const [a, b] = pair(library, added)
      empty(a, half(added), batchOf(library))
      await library.sync(a, b)
      const idle = await (library.idle ?? library.sync)(a, b)
      const fresh = await library.sync(a, b)
      return { n, values: [idle.bytes, fresh.bytes], check: sameContent(a, b) }
    }
  },
}

const oneRemoval: Case = {
  name: 'one-removal',
  rows: [
    { label: 'one removal: message', unit: 'B', better: 'lower', aim: { value: 64 } },
    { label: '… remove, encode, integrate', unit: 'ms', better: 'lower', aim: { value: 1 } },
    { label: '… message, half deleted', unit: 'B', better: 'lower', aim: { value: 64 } },
    {
      label: '… remove, encode, integrate, half deleted',
      unit: 'ms',
      better: 'lower',
      aim: { value: 1 },
    },
    { label: "… message, another's element", unit: 'B', better: 'lower' },
    {
      label: '… over a link, with its ack and heads of frames',
      unit: 'B',
      better: 'lower',
      aim: { value: 64 },
    },
    { label: "… the same, another's element", unit: 'B', better: 'lower', aim: { value: 64 } },
  ],
  rounds: 5,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 1_000_000, quick: 50_000, slow: 20_000 })
    const added = keys(n, sequentialKey)
    const whole = twins(library, added, [])
    const halved = twins(library, added, half(added))
    let serial = 0
    return async () => {
      // Nobody removes one in a process that has never done so: the median of several.
      const from = serial * REMOVALS
      serial += 1
      const removed = keys(REMOVALS, (index) => added[(from + index) * 100] ?? '')
      const first = removed.map((key) => removeOne(whole, key))
      const second = removed.map((key) => removeOne(halved, key))
      const others = removeOne([whole[1], whole[0]], added[from * 100 + 50] ?? '')
      const [a, b] = whole
      const linked = keys(2, (index) => added[from * 100 + 60 + index] ?? '')
      const values = [
        median(first.map(({ bytes }) => bytes)),
        median(first.map(({ ms }) => ms)),
        median(second.map(({ bytes }) => bytes)),
        median(second.map(({ ms }) => ms)),
        others.bytes,
        library.live?.(a, b, () => a.remove(linked[0] ?? '')),
        library.live?.(a, b, () => b.remove(linked[1] ?? '')),
      ]
      const checks = [...first, ...second, others].map(({ check }) => check)
      return { n, values, check: checks.join(' ') }
    }
  },
}

/** Two replicas that hold the same elements, written by the first; the second loaded them. */
function twins(
  library: Library,
  added: readonly string[],
  gone: readonly string[],
): readonly [Document, Document] {
  const document = library.create(1)
  fill(document, added, batchOf(library))
  empty(document, gone, batchOf(library))
  return [document, library.load(library.snapshot(document), 2)]
}

function removeOne(
  [a, b]: readonly [Document, Document],
  removed: string,
): { readonly bytes: number; readonly ms: number; readonly check: string } {
  const before = b.has(removed)
  for (const own of [a, b]) own.rest?.()
  let bytes = 0
  const start = performance.now()
  for (const message of messagesOf(a, () => a.remove(removed))) {
    bytes += message.length
    b.apply(message)
  }
  b.settle?.()
  const ms = performance.now() - start
  return { bytes, ms, check: `${before} ${a.has(removed)} ${b.has(removed)}` }
}

const randomKeys: Case = {
  name: 'random-keys',
  rows: [
    {
      label: 'sync random keys of 16 B: bytes ÷ keys',
      unit: 'times',
      better: 'lower',
      aim: { value: 1.1 },
      limit: '0.65',
    },
    { label: '… half deleted meanwhile: bytes ÷ keys added', unit: 'times', better: 'lower' },
  ],
  rounds: 1,
  prepare: (library, scale) => {
    const n = count(library, scale, { full: 20_000, quick: 5_000, slow: 500 })
    return async () => {
      const values: number[] = []
      const checks: string[] = []
      for (const isHalved of [false, true]) {
        // Each has written half of all keys while the two were apart.
        const [a, b] = pair(library, [])
        const all = keys(n, randomKey)
        for (const [writer, own] of [a, b].entries()) {
          const written = all.slice((writer * n) / 2, ((writer + 1) * n) / 2)
          for (const key of written) own.add(key)
          if (isHalved) for (const key of half(written)) own.remove(key)
        }
        const { bytes } = await library.sync(a, b)
        values.push(bytes / (n * KEY_BYTES))
        checks.push(sameContent(a, b))
      }
      return { n, values, check: checks.join(' ') }
    }
  },
}

const truncated: Case = {
  name: 'truncated',
  rows: [
    {
      label: 'catch-up of 1 k + 1 k changes without a log, beyond keys',
      unit: 'B',
      better: 'lower',
      aim: { value: 4_000 },
    },
    { label: '… until both are equal', unit: 'round trips', better: 'lower', aim: { value: 3 } },
    { label: '… beyond keys, half deleted', unit: 'B', better: 'lower', aim: { value: 4_000 } },
    {
      label: '… until both are equal, half deleted',
      unit: 'round trips',
      better: 'lower',
      aim: { value: 3 },
    },
  ],
  rounds: 1,
  isFresh: true,
  prepare: (library, scale) => {
    if (library.isShallow === true) return undefined
    const n = count(library, scale, { full: 1_000_000, quick: 50_000, slow: 10_000 })
    return async () => {
      const added = keys(n, sequentialKey)
      const source = library.create(1)
      fill(source, added, batchOf(library))
      const values: number[] = []
      const checks: string[] = []
      for (const isHalved of [false, true]) {
        if (isHalved) empty(source, half(added), batchOf(library))
        const base = library.snapshot(source)
        const [a, b] = [changed(library, base, 2, added), changed(library, base, 3, added)]
        const { bytes, flights } = await library.sync(a, b)
        values.push(bytes - 2 * THOUSAND_ADDS * KEY_BYTES, flights / 2)
        checks.push(sameContent(a, b))
      }
      return { n, values, check: checks.join(' ') }
    }
  },
}

/**
 * A document that has changed since a snapshot, and forgot how. Half of the changes are adds, half removals
 * of elements that stand everywhere among the others.
 */
function changed(
  library: Library,
  base: Uint8Array,
  writer: number,
  added: readonly string[],
): Document {
  const document = library.load(base, writer)
  const step = Math.floor(added.length / THOUSAND_ADDS)
  for (let i = 0; i < THOUSAND_ADDS; i++) {
    document.add(randomKey(writer * THOUSAND_ADDS + i))
    // Even places: the odd ones may have been deleted before.
    document.remove(added[i * step + 2 * writer] ?? '')
  }
  return library.forget?.(document, writer + 2) ?? document
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
  return [a, b]
}

function sameContent(a: Document, b: Document): string {
  const check = checksum(a)
  if (check !== checksum(b)) throw new Error(`two states after a sync: ${check} ${checksum(b)}`)
  return check
}

export const syncCases: readonly Case[] = [difference, inSync, oneRemoval, randomKeys, truncated]
