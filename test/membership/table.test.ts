import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { hex } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/base/hash.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { DIGEST_BYTES } from '../../src/membership/frame.ts'
import { KeyIndex } from '../../src/membership/key-index.ts'
import type { SignedRecord } from '../../src/membership/record.ts'
import { RecordCache } from '../../src/membership/record-cache.ts'
import { type Entry, type EntryState, Table } from '../../src/membership/table.ts'
import { keyOf, recordOf } from './records.ts'

const NOW = Date.UTC(2026, 0, 1)
const SUBJECTS = 8

/** What a table must hold of one member. */
interface Expected {
  record: SignedRecord
  state: EntryState
  since: number
  counter: number | undefined
}

type Move =
  | { readonly type: 'add' | 'remove'; readonly subject: number; readonly incarnation: number }
  | { readonly type: 'raise'; readonly subject: number; readonly epoch: number }
  | { readonly type: 'state'; readonly subject: number; readonly state: EntryState }
  | { readonly type: 'digest'; readonly subject: number; readonly counter: number }

const subject = fc.nat({ max: SUBJECTS - 1 })
const small = fc.nat({ max: 3 })
const STATES: readonly EntryState[] = ['alive', 'suspect', 'failed', 'left']
const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('add' as const), subject, incarnation: small }),
    fc.record({ type: fc.constant('remove' as const), subject, incarnation: small }),
    fc.record({ type: fc.constant('raise' as const), subject, epoch: small }),
    fc.record({ type: fc.constant('state' as const), subject, state: fc.constantFrom(...STATES) }),
    fc.record({ type: fc.constant('digest' as const), subject, counter: small }),
  ),
  { maxLength: 80 },
)

/** A table and the plain map that it must equal. */
class Pair {
  readonly table: Table
  readonly expected = new Map<number, Expected>()
  #now = NOW

  constructor(cache: RecordCache) {
    this.table = new Table(cache)
  }

  play(move: Move): void {
    this.#now += 1
    // Users look now and then, and must not be shown what was.
    if (move.subject % 3 === 0) this.table.rows()
    const known = this.expected.get(move.subject)
    const entry = this.table.find(keyOf(move.subject))
    expect(entry !== undefined).toBe(known !== undefined)
    if (move.type === 'add' && entry === undefined) {
      const record = recordOf(move.subject, { epoch: 1, incarnation: move.incarnation })
      this.table.add(record, this.#now)
      const fresh = { record, state: 'alive', since: this.#now, counter: undefined } as const
      this.expected.set(move.subject, { ...fresh })
    }
    if (entry === undefined || known === undefined) return
    if (move.type === 'remove') {
      this.table.remove(entry)
      this.expected.delete(move.subject)
    } else this.#change(move, entry, known)
  }

  #change(move: Move, entry: Entry, known: Expected): void {
    if (move.type === 'raise') {
      const record = recordOf(move.subject, { epoch: 1 + move.epoch, incarnation: 9 })
      if (record.epoch !== known.record.epoch) known.counter = undefined
      known.record = record
      this.table.setClaims(entry, { record, accusations: [] })
    } else if (move.type === 'state') {
      if (known.state !== move.state) known.since = this.#now
      known.state = move.state
      this.table.setState(entry, move.state, this.#now)
    } else if (move.type === 'digest') {
      known.counter = move.counter + 1
      this.table.setDigest(entry, digestOf(known))
    }
  }

  check(): void {
    const { table, expected } = this
    expect(table.size).toBe(expected.size)
    for (const state of STATES) {
      expect(table.count(state)).toBe(
        [...expected.values()].filter((e) => e.state === state).length,
      )
    }
    for (let number = 0; number < SUBJECTS; number++) {
      const entry = table.find(keyOf(number))
      const known = expected.get(number)
      expect(table.of(peerIdFromPublicKey(keyOf(number)))).toBe(entry)
      if (known === undefined || entry === undefined) expect(entry).toBe(known)
      else {
        expect(hex(entry.claims.record.bytes)).toBe(hex(known.record.bytes))
        expect([entry.state, entry.since]).toEqual([known.state, known.since])
        expect(entry.digest?.counter).toBe(known.counter)
        expect(table.row(entry)).toMatchObject({ name: known.record.name, state: known.state })
      }
    }
    const ids = table.rows().map(({ peerId }) => peerId)
    expect(ids).toEqual([...ids].sort())
    expect(table.rows().map(({ state }) => state)).toHaveLength(expected.size)
    for (const row of table.rows()) {
      expect(row.state).toBe(table.of(row.peerId)?.state)
      expect(row.incarnation).toBe(table.of(row.peerId)?.claims.record.incarnation)
    }
  }

  /** The hashes of a table that holds the same and has no history. */
  freshHashes(): readonly string[] {
    const fresh = new Table(new RecordCache('test'))
    for (const known of this.expected.values()) {
      const entry = fresh.add(known.record, NOW)
      fresh.setState(entry, known.state, NOW)
      if (known.counter !== undefined) fresh.setDigest(entry, digestOf(known))
    }
    return hashesOf(fresh)
  }
}

function digestOf(known: Expected): Parameters<Table['setDigest']>[1] {
  const counter = present(known.counter, 'a counter')
  const { publicKey, epoch } = known.record
  const digest = new Uint8Array(16).fill(counter)
  return { subject: publicKey, epoch, counter, digest, isDirect: false }
}

function hashesOf(table: Table): readonly string[] {
  return [table.viewHash(), table.digestsHash(), table.viewBuckets(), table.digestBuckets()].map(
    hex,
  )
}

describe('Table', () => {
  test('equals a plain map, whatever came and went, and shares a cache with others unharmed', () => {
    fc.assert(
      fc.property(moves, moves, (first, second) => {
        const cache = new RecordCache('test')
        const [one, other] = [new Pair(cache), new Pair(cache)]
        one.table.rows()
        for (let i = 0; i < Math.max(first.length, second.length); i++) {
          const [a, b] = [first[i], second[i]]
          if (a !== undefined) one.play(a)
          if (b !== undefined) other.play(b)
        }
        for (const pair of [one, other]) {
          pair.check()
          expect(hashesOf(pair.table)).toEqual(pair.freshHashes())
        }
      }),
      { numRuns: 300 },
    )
  })

  test('rows() makes anew only the members that changed', () => {
    const table = new Table(new RecordCache('test'))
    const entries = [1, 2, 3].map((number) => table.add(recordOf(number), NOW))
    const before = table.rows()
    expect(table.rows()).toBe(before)
    table.setState(present(entries[1], 'an entry'), 'suspect', NOW + 1)
    const after = table.rows()
    expect(after.filter((row) => before.includes(row))).toHaveLength(2)
    expect(before.map(({ state }) => state)).toEqual(['alive', 'alive', 'alive'])
  })

  test('an entry that was removed is as good as left, and its place is given again', () => {
    const table = new Table(new RecordCache('test'))
    const gone = table.add(recordOf(1), NOW)
    table.remove(gone)
    const next = table.add(recordOf(2), NOW)
    expect([gone.state, next.state]).toEqual(['left', 'alive'])
    expect(gone.peerId).not.toBe(next.peerId)
    expect([...table.entries()]).toEqual([next])
    expect(() => table.setState(gone, 'alive', NOW)).toThrow('of this table')
  })
})

describe('livingAfter()', () => {
  test('goes round all that live, each once, from anybody living or not', () => {
    const table = new Table(new RecordCache('test'))
    const entries = Array.from({ length: 50 }, (_, number) => table.add(recordOf(number), NOW))
    const [failed, ...living] = entries
    table.setState(present(failed, 'an entry'), 'failed', NOW)
    const seen: Entry[] = []
    let next = table.livingAfter(present(failed, 'an entry'))
    while (next !== undefined && !seen.includes(next)) {
      seen.push(next)
      next = table.livingAfter(next)
    }
    expect(new Set(seen)).toEqual(new Set(living))
    expect(next).toBe(seen[0])
    expect(seen).toContain(table.livingAt(2 ** 32 - 1))
  })

  test('finds nobody where nobody lives', () => {
    const table = new Table(new RecordCache('test'))
    const entry = table.add(recordOf(1), NOW)
    table.setState(entry, 'left', NOW)
    expect([table.livingAfter(entry), table.livingAt(7)]).toEqual([undefined, undefined])
  })
})

describe('createdAt', () => {
  test('is known of those that were added last, whatever place they have', () => {
    const table = new Table(new RecordCache('test'))
    const [first, second] = [table.add(recordOf(1), NOW), table.add(recordOf(2), NOW)]
    expect([first.createdAt, second.createdAt]).toEqual([NOW, NOW])
    table.setState(second, 'suspect', NOW)
    expect(second.createdAt).toBe(NOW)
    table.remove(first)
    const again = table.add(recordOf(3), NOW + 1)
    expect([again.createdAt, second.createdAt]).toEqual([NOW + 1, Number.NEGATIVE_INFINITY])
  })
})

describe('bytes', () => {
  test('5,000 members cost an observer that shares its records at most 110 bytes each', () => {
    const cache = new RecordCache('test')
    const table = new Table(cache)
    for (let number = 0; number < 5_000; number++) table.add(recordOf(number), NOW)
    expect(table.allocatedBytes / 5_000).toBeLessThanOrEqual(110)
  })

  test('10,000 members cost a node alone at most 1,000 bytes each, all of them looked at', () => {
    const cache = new RecordCache('test')
    const table = new Table(cache)
    for (let number = 0; number < 10_000; number++) {
      const entry = table.add(recordOf(number), NOW)
      const { epoch } = entry.claims.record
      const digest = sha256(entry.publicKey).slice(0, DIGEST_BYTES)
      const { publicKey: subject } = entry
      table.setDigest(entry, { subject, epoch, counter: 1, digest, isDirect: false })
    }
    expect((table.allocatedBytes + cache.allocatedBytes) / 10_000).toBeLessThanOrEqual(850)
    expect(table.rows()).toHaveLength(10_000)
    expect((table.allocatedBytes + cache.allocatedBytes) / 10_000).toBeLessThanOrEqual(1_000)
  })

  test('records that come and go for ever cost no more than those that stay', () => {
    const cache = new RecordCache('test')
    const table = new Table(cache)
    for (let number = 0; number < 300; number++) table.add(recordOf(number), NOW)
    const [bytes, view] = [table.find(keyOf(7))?.claims.record.bytes, hex(table.viewHash())]
    const before = present(bytes, 'bytes')
    const text = hex(before)
    for (let turn = 1; turn <= 60; turn++) {
      for (let number = 300; number < 400; number++) {
        const entry = table.add(recordOf(turn * 1_000 + number), NOW)
        table.remove(entry)
      }
    }
    expect(cache.allocatedBytes).toBeLessThan(300 * 1_000 + 2 * 65_536)
    expect(hex(before)).toBe(text)
    expect(hex(present(table.find(keyOf(7)), 'a member').claims.record.bytes)).toBe(text)
    expect(hex(table.viewHash())).toBe(view)
  })
})

describe('RecordCache', () => {
  test('holds one record for all tables, until the last of them lets go', () => {
    const cache = new RecordCache('test')
    const [one, other] = [new Table(cache), new Table(cache)]
    const record = recordOf(1)
    const [mine, theirs] = [one.add(record, NOW), other.add(recordOf(1), NOW)]
    expect(mine.claims.record).toBe(theirs.claims.record)
    one.remove(mine)
    expect(cache.find(record, record.bytes)).toBe(theirs.claims.record)
    expect(cache.find(record, recordOf(1, { incarnation: 1 }).bytes)).toBeUndefined()
    other.remove(theirs)
    expect(cache.find(record, record.bytes)).toBeUndefined()
    expect(cache.subjects.find(record.publicKey)).toBeUndefined()
  })
})

describe('KeyIndex', () => {
  test('equals a map, with keys that begin and end alike', () => {
    const keys = Array.from({ length: 64 }, (_, i) => {
      const key = new Uint8Array(32)
      key[11] = i % 4
      key[19] = i >> 4
      key[30] = i
      return key
    })
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 63 }), { maxLength: 300 }), (turns) => {
        const held = new Set<number>()
        const index = new KeyIndex((number) => keys[number])
        for (const number of turns) {
          const key = present(keys[number], 'a key')
          if (held.delete(number)) index.remove(key)
          else {
            held.add(number)
            index.add(key, number)
          }
        }
        for (const [number, key] of keys.entries()) {
          expect(index.get(key)).toBe(held.has(number) ? number : undefined)
        }
      }),
    )
  })
})
