import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byteView } from '../../src/base/byte-view.ts'
import { utf8 } from '../../src/base/bytes.ts'
import { hash32, LANE_LOW } from '../../src/base/hash32.ts'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { NO_SLOT } from '../../src/crdt/chains.ts'
import { EventDraft } from '../../src/crdt/event-draft.ts'
import { KeyIndex } from '../../src/crdt/key-index.ts'
import { KIND_SET } from '../../src/crdt/kinds.ts'
import { LoadedKeys } from '../../src/crdt/loaded-keys.ts'
import { Records } from '../../src/crdt/records.ts'
import { Slots, writerPages } from '../../src/crdt/slots.ts'
import { indexBytes } from './allocated.ts'
import { same } from './same.ts'

type Hash = (key: string) => number

const TRUE_HASH: Hash = (key) => {
  const { bytes, view } = byteView(utf8(key))
  return hash32(view, 0, bytes.length, LANE_LOW)
}

/** An index beside a Map that holds the same; every answer is compared. */
class Twin {
  readonly #records = new Records()
  readonly #slots = new Slots()
  readonly #writer = writerPages()
  readonly #index = new KeyIndex(this.#records, this.#slots)
  /** The first slot under each key. */
  readonly #model = new Map<string, number>()
  /** What follows each deferred slot. */
  readonly #chained = new Map<number, number>()
  readonly #hash: Hash
  dismissed = 0
  #dots = 0

  constructor(hash: Hash) {
    this.#hash = hash
  }

  get size(): number {
    return this.#model.size
  }

  get bytes(): number {
    return indexBytes(this.#index)
  }

  /** Another entry under a key. */
  put(key: string): void {
    const { bytes, view } = byteView(utf8(key))
    const draft = new EventDraft()
    draft.kind = KIND_SET
    draft.keyBytes = bytes
    draft.keyEnd = bytes.length
    this.#dots += 1
    const slot = this.#slots.insert(this.#writer, 0, this.#dots, this.#records.add(0, draft))
    const before = this.#index.put(this.#hash(key), slot, view, 0, bytes.length)
    same(before, this.#model.get(key) ?? NO_SLOT)
    this.#slots.setNext(slot, before)
    this.#model.set(key, slot)
  }

  /** Another entry under a key, for later. */
  defer(key: string): void {
    const { bytes } = byteView(utf8(key))
    const draft = new EventDraft()
    draft.kind = KIND_SET
    draft.keyBytes = bytes
    draft.keyEnd = bytes.length
    this.#dots += 1
    const slot = this.#slots.insert(this.#writer, 0, this.#dots, this.#records.add(0, draft))
    // As it may be left of who had the slot before.
    this.#slots.setNext(slot, slot)
    const deferred = this.#index.deferred ?? new LoadedKeys(this.#index, this.#records, this.#slots)
    deferred.add(this.#hash(key), slot)
    this.#chained.set(slot, this.#model.get(key) ?? NO_SLOT)
    this.#model.set(key, slot)
  }

  /** An entry goes that the index may not have looked at yet: the key's first or the one after it. */
  dismiss(key: string, isFirst: boolean): void {
    const first = this.#model.get(key) ?? NO_SLOT
    const slot = isFirst ? first : (this.#chained.get(first) ?? NO_SLOT)
    const next = this.#chained.get(slot)
    if (next === undefined || this.#index.deferred?.dismiss(slot) !== true) return
    this.dismissed += 1
    this.#chained.delete(slot)
    if (slot !== first) this.#chained.set(first, next)
    else if (next === NO_SLOT) this.#model.delete(key)
    else this.#model.set(key, next)
    const position = this.#slots.recordOf(slot)
    this.#slots.remove(this.#writer, slot)
    // Its key cannot be read any more.
    const { keyEnd } = this.#read(position)
    this.#records.release(position, keyEnd - this.#records.arena.offsetOf(position))
  }

  settle(): void {
    this.#index.settle()
    for (const [slot, next] of this.#chained) same(this.#slots.nextOf(slot), next)
    this.#chained.clear()
  }

  /** The key's first entry goes, the next one is first then. */
  take(key: string): void {
    const slot = this.#model.get(key)
    if (slot === undefined) return
    this.settle()
    const next = this.#slots.nextOf(slot)
    same(this.#index.take(this.#hash(key), slot, next), true)
    this.#slots.remove(this.#writer, slot)
    if (next === NO_SLOT) this.#model.delete(key)
    else this.#model.set(key, next)
  }

  /** An entry that is not its key's first is none of the index's business. */
  takeOther(key: string): void {
    this.settle()
    const slot = this.#model.get(key)
    const next = slot === undefined ? NO_SLOT : this.#slots.nextOf(slot)
    if (next !== NO_SLOT) same(this.#index.take(this.#hash(key), next, NO_SLOT), false)
  }

  find(key: string): void {
    const { bytes, view } = byteView(utf8(key))
    const found = this.#index.find(this.#hash(key), view, 0, bytes.length)
    same(found, this.#model.get(key) ?? NO_SLOT)
  }

  #read(position: number): EventDraft {
    const draft = new EventDraft()
    this.#records.read(position, draft)
    return draft
  }

  check(): void {
    same(this.#index.size, this.#model.size)
    for (const key of this.#model.keys()) this.find(key)
    const seen: number[] = []
    this.#index.each((slot) => seen.push(slot))
    const byNumber = (a: number, b: number): number => a - b
    expect(seen.sort(byNumber)).toEqual([...this.#model.values()].sort(byNumber))
  }
}

const HASHES: readonly (readonly [string, Hash])[] = [
  ['true', TRUE_HASH],
  ['all equal', () => 0x12345678 | 0],
  ['all zero', () => 0],
  ['equal but for the place in a segment', (key) => (key.charCodeAt(0) ?? 0) & 15],
  ['equal but for the segment', (key) => TRUE_HASH(key) << 20],
  ['at the end of every segment, so that probing goes round', () => -1],
]

describe.each(HASHES)('an index over hashes that are %s', (_name, hash) => {
  test('answers as a Map does', () => {
    const most = ['put', 'put', 'put', 'defer', 'take', 'take', 'find', 'take-other'] as const
    const step = fc.record({
      what: fc.constantFrom(...most, 'dismiss' as const),
      key: fc.integer({ min: 0, max: 60 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 250, size: 'max' }), (steps) => {
        const twin = new Twin(hash)
        for (const { what, key } of steps) {
          const text = `${String.fromCharCode(97 + key)}key`
          if (what === 'put') twin.put(text)
          else if (what === 'defer') twin.defer(text)
          else if (what === 'take') twin.take(text)
          else if (what === 'find') twin.find(text)
          else if (what === 'dismiss') twin.dismiss(text, key % 3 > 0)
          else twin.takeOther(text)
        }
        twin.check()
      }),
    )
  })
})

test.each(HASHES)(
  'what comes and goes before an index over hashes that are %s looks',
  (_name, hash) => {
    const step = fc.record({
      what: fc.constantFrom('defer', 'dismiss', 'dismiss-other'),
      key: fc.integer({ min: 0, max: 12 }),
    })
    let dismissed = 0
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const twin = new Twin(hash)
        for (const { what, key } of steps) {
          const text = `${String.fromCharCode(97 + key)}key`
          if (what === 'defer') twin.defer(text)
          else twin.dismiss(text, what === 'dismiss')
        }
        twin.settle()
        twin.check()
        dismissed = Math.max(dismissed, twin.dismissed)
      }),
    )
    expect(dismissed).toBeGreaterThan(20)
  },
)

describe('a large index', () => {
  test('grows, splits and shrinks under random keys', () => {
    const twin = new Twin(TRUE_HASH)
    const random = seededRandom(7)
    for (let i = 0; i < 40_000; i++) twin.put(`${randomInteger(random, 30_000)}`)
    twin.check()
    // Eight bytes a key and their spare room.
    expect(twin.bytes).toBeLessThan(twin.size * 8 * 1.65)
    for (let i = 0; i < 60_000; i++) twin.take(`${randomInteger(random, 30_000)}`)
    twin.check()
    expect(twin.bytes).toBeLessThan(twin.size * 8 * 1.75)
    for (let i = 0; i < 5_000; i++) twin.put(`again ${i}`)
    twin.check()
  })

  test('is built of keys that were deferred as if they were put', () => {
    for (const hash of [TRUE_HASH, (key: string): number => TRUE_HASH(key) & 0xff]) {
      const twin = new Twin(hash)
      const keys = hash === TRUE_HASH ? 30_000 : 600
      const random = seededRandom(8)
      for (let i = 0; i < keys; i++) twin.defer(`${randomInteger(random, (keys * 3) / 4)}`)
      twin.settle()
      // Fuller than what has grown.
      if (hash === TRUE_HASH) expect(twin.bytes).toBeLessThan(keys * 8 * 1.7)
      for (let i = 0; i < keys / 10; i++) twin.defer(`${randomInteger(random, keys)}`)
      twin.settle()
      twin.check()
    }
  })

  test('of which all that came had gone again takes in what comes next', () => {
    const twin = new Twin(TRUE_HASH)
    twin.defer('came')
    twin.dismiss('came', true)
    twin.put('first')
    twin.defer('first')
    twin.check()
  })

  test('keeps apart what came and went and what came after it in the same slots', () => {
    const twin = new Twin(TRUE_HASH)
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 200; i++) twin.defer(`${round} ${i}`)
      for (let i = 0; i < 199; i++) twin.dismiss(`${round} ${i}`, true)
    }
    same(twin.dismissed, 5 * 199)
    twin.settle()
    twin.check()
    same(twin.size, 5)
  })

  test('splits one side again and again when hashes begin alike', () => {
    // Half of all keys share 18 leading bits: their segment is as deep as that, the others are not.
    const twin = new Twin((key) => {
      const hash = TRUE_HASH(key)
      return (hash & 1) === 1 ? (hash >>> 18) | 0 : hash
    })
    for (let i = 0; i < 20_000; i++) twin.put(`${i}`)
    twin.check()
    for (let i = 0; i < 20_000; i += 2) twin.take(`${i}`)
    twin.check()
  })

  test('holds keys that all collide: their segment grows where splitting is in vain', () => {
    const twin = new Twin(() => -1)
    for (let i = 0; i < 3_600; i++) twin.put(`${i}`)
    twin.find('3599')
    twin.find('nobody')
    for (let i = 0; i < 3_600; i += 3) twin.take(`${i}`)
    twin.check()
  })
})
