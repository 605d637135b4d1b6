import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { CHUNK_BITS, CHUNKS_MAX } from '../../src/crdt/arena.ts'
import { NO_SLOT } from '../../src/crdt/chains.ts'
import { Slots, type WriterPages, writerPages } from '../../src/crdt/slots.ts'
import { slotsBytes } from './allocated.ts'
import { same } from './same.ts'

const WRITERS = 3
const BITS_MAX = 1 << 16
const CHUNKS_MAX_BYTES = CHUNKS_MAX * 2 ** CHUNK_BITS

/** Slots beside a Map that holds the same. */
class Twin {
  readonly #slots = new Slots()
  readonly #writers: readonly WriterPages[] = Array.from({ length: WRITERS }, writerPages)
  readonly #model = new Map<string, { readonly slot: number; readonly record: number }>()
  readonly #gone: { readonly slot: number; readonly record: number }[] = []
  #records = 0

  get bytes(): number {
    return slotsBytes(this.#slots)
  }

  get pages(): number {
    return this.#writers.reduce((pages, writer) => pages + writer.pages.size, 0)
  }

  insert(id: number, n: number): void {
    const key = `${id}:${n}`
    if (this.#model.has(key)) return
    // Neighbours in one chunk for a while, and a few of the largest positions, which use all 32 bits.
    const step = this.#records % 37 === 0 ? 0x01000193 : 18
    this.#records = ((this.#records + step) >>> 0) % CHUNKS_MAX_BYTES
    const slot = this.#slots.insert(this.#writer(id), id, n, this.#records)
    this.#slots.setNext(slot, n % 2 === 0 ? NO_SLOT : slot)
    this.#model.set(key, { slot, record: this.#records })
  }

  remove(id: number, n: number): void {
    const held = this.#model.get(`${id}:${n}`)
    if (held === undefined) return
    this.#slots.remove(this.#writer(id), held.slot)
    this.#gone.push(held)
    this.#model.delete(`${id}:${n}`)
  }

  /** A record moves, as those of a chunk do one after the other. */
  move(id: number, n: number): void {
    const held = this.#model.get(`${id}:${n}`)
    if (held === undefined) return
    this.#records = (this.#records + 18) % CHUNKS_MAX_BYTES
    this.#slots.setRecord(held.slot, this.#records)
    this.#gone.push(held)
    this.#model.set(`${id}:${n}`, { slot: held.slot, record: this.#records })
  }

  find(id: number, n: number): void {
    const found = this.#slots.find(this.#writer(id), n)
    same(found, this.#model.get(`${id}:${n}`)?.slot ?? NO_SLOT)
  }

  /** The live slot of a record, looked for from every slot. */
  near(): void {
    const slots = this.#slots
    for (const { slot, record } of this.#gone) same(slots.findAfter(slot - 1, record), NO_SLOT)
    for (const { slot, record } of this.#model.values()) {
      for (let after = Math.max(NO_SLOT, slot - 20); after < slot + 2; after++) {
        const isNear = slot > after && slot - after <= 16
        same(slots.findAfter(after, record), isNear ? slot : NO_SLOT)
      }
    }
  }

  walk(id: number, from: number, to: number, stopAfter: number): void {
    const seen: number[] = []
    const end = this.#slots.walk(this.#writer(id), from, to, (slot, n) => {
      same(slot, this.#model.get(`${id}:${n}`)?.slot)
      seen.push(n)
      return seen.length < stopAfter
    })
    const all = this.#dots(id).filter((n) => n >= from && n <= to)
    expect(seen).toEqual(all.slice(0, stopAfter))
    same(end, all.length >= stopAfter ? seen.at(-1) : to)
    if (to < from || to - from > BITS_MAX) return
    const bits = this.#slots.liveBits(this.#writer(id), from, to)
    same(bits.length, Math.ceil((to - from + 1) / 32))
    const set: number[] = []
    for (let i = 0; i < bits.length * 32; i++) {
      if ((((bits[i >>> 5] ?? 0) >>> (i & 31)) & 1) === 1) set.push(from + i)
    }
    expect(set).toEqual(all)
  }

  check(): void {
    same(this.#slots.count, this.#model.size)
    const distinct = new Set<number>()
    for (const [key, { slot, record }] of this.#model) {
      const [id = '', n = ''] = key.split(':')
      distinct.add(slot)
      same(this.#slots.find(this.#writer(Number(id)), Number(n)), slot)
      same(this.#slots.writerOf(slot), Number(id))
      same(this.#slots.dotOf(slot), Number(n))
      same(this.#slots.recordOf(slot), record)
      same(this.#slots.nextOf(slot), Number(n) % 2 === 0 ? NO_SLOT : slot)
    }
    same(distinct.size, this.#model.size)
    for (let id = 0; id < WRITERS; id++) this.walk(id, 1, 2 ** 53 - 1, Number.POSITIVE_INFINITY)
  }

  #dots(id: number): readonly number[] {
    const dots: number[] = []
    for (const key of this.#model.keys()) {
      const [writer = '', n = ''] = key.split(':')
      if (Number(writer) === id) dots.push(Number(n))
    }
    return dots.sort((a, b) => a - b)
  }

  #writer(id: number): WriterPages {
    const writer = this.#writers[id]
    if (writer === undefined) throw new Error(`no writer ${id}`)
    return writer
  }
}

/** Dots around the edges of blocks and pages, and far apart. */
const dot = fc.oneof(
  fc.integer({ min: 1, max: 200 }),
  fc.constantFrom(1023, 1024, 1025, 2048, 2049, 65_536, 65_537),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 31 + 2, 2 ** 32, 2 ** 40, 2 ** 53 - 2),
)
const writer = fc.nat({ max: WRITERS - 1 })

describe('slots', () => {
  test('answer as a Map does', () => {
    const step = fc.record({
      what: fc.constantFrom(
        'insert',
        'insert',
        'insert',
        'remove',
        'remove',
        'move',
        'find',
        'walk',
      ),
      id: writer,
      n: dot,
      to: dot,
      stopAfter: fc.integer({ min: 1, max: 50 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
        const twin = new Twin()
        for (const { what, id, n, to, stopAfter } of steps) {
          if (what === 'insert') twin.insert(id, n)
          else if (what === 'remove') twin.remove(id, n)
          else if (what === 'move') twin.move(id, n)
          else if (what === 'find') twin.find(id, n)
          else twin.walk(id, Math.min(n, to), Math.max(n, to), stopAfter)
        }
        twin.check()
        twin.near()
      }),
    )
  })

  test('beyond one piece of columns stay where they are', () => {
    const twin = new Twin()
    const random = seededRandom(3)
    for (let n = 1; n <= 40_000; n++) twin.insert(n % 2, n)
    for (let i = 0; i < 60_000; i++) twin.remove(i % 2, 1 + randomInteger(random, 40_000))
    twin.check()
    for (let n = 50_000; n <= 70_000; n++) twin.insert(2, n)
    twin.check()
  })

  test('are given out again: as many entries that come and go take no more room', () => {
    const twin = new Twin()
    const fill = (base: number): void => {
      for (let n = base + 1; n <= base + 5_000; n++) twin.insert(0, n)
    }
    fill(0)
    const { bytes, pages } = twin
    for (let round = 1; round <= 10; round++) {
      for (let n = 1; n <= 5_000; n++) twin.remove(0, (round - 1) * 2 ** 40 + n)
      same(twin.pages, 0)
      fill(round * 2 ** 40)
    }
    // But for blocks whose records lie in two chunks: as they come.
    expect(Math.abs(twin.bytes - bytes)).toBeLessThanOrEqual(8 * 128)
    expect(twin.pages).toBeLessThanOrEqual(pages + 1)
    twin.check()
  })
})
