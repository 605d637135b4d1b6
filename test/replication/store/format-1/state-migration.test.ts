import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex, utf8 } from '../../../../src/base/bytes.ts'
import { Writer } from '../../../../src/base/codec.ts'
import type { StoreRow, StoreWrite } from '../../../../src/base/core.ts'
import type { ReplicaId } from '../../../../src/base/ids.ts'
import { chainAfter } from '../../../../src/crdt/run-head.ts'
import { type UnpackedEvent, unpackRun } from '../../../../src/crdt/unpack-run.ts'
import { StateMigration } from '../../../../src/replication/store/format-1/state-migration.ts'
import { restore } from '../../../../src/replication/store/restore.ts'
import { parseRow, replicaRow } from '../../../../src/replication/store/rows.ts'
import { anyContent } from '../../../crdt/any-run.ts'
import { chainOf, replicaOf } from '../../../crdt/encoded.ts'
import { Pen } from '../../pen.ts'
import { type OldContent, type OldEvent, type OldTransaction, oldRow, sealed } from './old-rows.ts'

const A = replicaOf('a')
const B = replicaOf('b')
const C = replicaOf('c')
const D = replicaOf('d')

const byKey = (a: StoreRow, b: StoreRow): number => (a.key < b.key ? -1 : 1)
const identity = (replica: ReplicaId): StoreRow => {
  const { key, value } = replicaRow(replica)
  return { key, value: value ?? new Uint8Array() }
}

/** The writes of a whole migration, and the rows that stand afterwards. */
function migrated(rows: readonly StoreRow[]): {
  readonly writes: readonly StoreWrite[]
  readonly rows: readonly StoreRow[]
} {
  const migration = new StateMigration()
  const left = new Map(rows.map(({ key, value }) => [key, value]))
  const writes = [...rows].sort(byKey).flatMap((row) => migration.add(row))
  writes.push(...migration.end())
  for (const { key, value } of writes) {
    if (value === undefined) left.delete(key)
    else left.set(key, value)
  }
  return { writes, rows: [...left].map(([key, value]) => ({ key, value })).sort(byKey) }
}

interface Logged {
  readonly events: readonly UnpackedEvent[]
  /** Last chain of each writer. */
  readonly chains: ReadonlyMap<ReplicaId, { readonly high: number; readonly low: number }>
}

/** What the log of a group says. */
function logOf(rows: readonly StoreRow[], group: string): Logged {
  const events: UnpackedEvent[] = []
  const chains = new Map<ReplicaId, { high: number; low: number }>()
  let sequence = 1
  for (const row of rows) {
    const parsed = parseRow(row)
    if (parsed.type !== 'log' || parsed.group !== group) continue
    expect(parsed.sequence).toBe(sequence)
    sequence += 1
    for (const bytes of parsed.runs) {
      const read = unpackRun(bytes)
      if (!read.ok) throw new Error(read.reason)
      for (const event of read.value) events.push(event)
      const { replica } = read.value[0] ?? { replica: A }
      chains.set(replica, chainAfter(bytes))
    }
  }
  return { events, chains }
}

/** A group as a start loads it. */
function loaded(rows: readonly StoreRow[], self: ReplicaId, group = 'main'): Pen {
  const pen = new Pen(self)
  for (const row of rows) {
    const parsed = parseRow(row)
    if (parsed.type !== 'log' || parsed.group !== group) continue
    for (const bytes of parsed.runs) expect(restore(pen.group, bytes)).toBeDefined()
  }
  return pen
}

/** What an old transaction says in events of today. */
function expectedEvents({ replica, n0, stamp, events }: OldTransaction): readonly UnpackedEvent[] {
  return events.map((event, i) => ({
    replica,
    n: n0 + i,
    stamp,
    starts: i === 0,
    content: contentOf(event),
    kills: event.unknown === undefined ? (event.kills ?? []) : [],
  }))
}

function contentOf({ content, kills, unknown }: OldEvent): UnpackedEvent['content'] {
  const isIdle = content === undefined && (kills ?? []).length === 0
  const kept = unknown ?? (isIdle ? { kind: 0, bytes: new Uint8Array() } : undefined)
  if (kept === undefined) return content
  const bytes = new Writer().varint(kept.kind).raw(kept.bytes).finish()
  return { type: 'unknown', bytes }
}

const adding = (element: string): OldEvent => ({ content: { type: 'set', object: 's', element } })

/** Old transactions of one writer that add numbered elements. */
function adds(replica: ReplicaId, counts: readonly number[]): readonly OldTransaction[] {
  let n0 = 1
  return counts.map((count, i) => {
    const events = Array.from({ length: count }, (_, k) => adding(`${n0 + k}`))
    n0 += count
    return { group: 'main', replica, n0: n0 - count, stamp: 10 + i, events }
  })
}

const oldContent = anyContent.filter(
  ({ type }) => type !== 'map-counter' && type !== 'map-set' && type !== 'unknown',
) as fc.Arbitrary<OldContent>

const oldKills = fc
  .uniqueArray(
    fc.record({
      replica: fc.constantFrom(B, C, D),
      n: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 2 ** 50 })),
    }),
    { maxLength: 6, selector: ({ replica, n }) => `${replica}${n}` },
  )
  .map((kills) => kills.sort((a, b) => (a.replica === b.replica ? a.n - b.n : 0)))
  .map((kills) => [B, C, D].flatMap((id) => kills.filter(({ replica }) => replica === id)))

const oldEvent: fc.Arbitrary<OldEvent> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      content: fc.option(oldContent, { nil: undefined, freq: 5 }),
      kills: oldKills,
    }),
  },
  fc.record({
    unknown: fc.record({
      kind: fc.integer({ min: 6, max: 0xffff }),
      bytes: fc.uint8Array({ maxLength: 9 }),
    }),
  }),
)

const oldLog = fc.array(
  fc.record({
    events: fc.array(oldEvent, { minLength: 1, maxLength: 5 }),
    // Clocks of old stores may have been set back between two starts.
    stamp: fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 2 ** 50 })),
    trailer: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined, freq: 9 }),
  }),
  { minLength: 1, maxLength: 12 },
)

function transactionsOf(
  group: string,
  replica: ReplicaId,
  drafts: readonly Pick<OldTransaction, 'events' | 'stamp' | 'trailer'>[],
): readonly OldTransaction[] {
  let n0 = 1
  return drafts.map((draft) => {
    n0 += draft.events.length
    return { group, replica, n0: n0 - draft.events.length, ...draft }
  })
}

/** Each event's kills by replica in the order of the run's table: what is listed is a set. */
function normal(events: readonly UnpackedEvent[]): readonly unknown[] {
  const key = ({ replica, n }: { replica: string; n: number }): string =>
    `${replica} ${String(n).padStart(16, '0')}`
  return events.map((event) => ({ ...event, kills: event.kills.map(key).sort() }))
}

describe('StateMigration', () => {
  test('keeps every event: dot, stamp, content, kills, borders of transactions', () => {
    fc.assert(
      fc.property(oldLog, oldLog, oldLog, (first, second, third) => {
        const transactions = [
          ...transactionsOf('main', A, first),
          ...transactionsOf('été', A, second),
          ...transactionsOf('main', replicaOf('e'), third),
        ]
        const { rows } = migrated([identity(D), ...transactions.map(oldRow)])
        for (const group of ['main', 'été']) {
          const expected = transactions.filter((one) => one.group === group).flatMap(expectedEvents)
          const { events, chains } = logOf(rows, group)
          expect(normal(events)).toEqual(normal(expected))
          for (const [replica, chain] of chains) {
            const own = expected.filter((event) => event.replica === replica)
            expect(chain).toEqual(chainOf({ replica, n0: 1, events: own }))
          }
        }
        expect(rows.filter(({ key }) => /^state!log!.*!.*!/.test(key))).toEqual([])
      }),
    )
  })

  test('members that had come differently far agree on the chains of what they share', () => {
    fc.assert(
      fc.property(oldLog, fc.nat(), (drafts, cut) => {
        const all = transactionsOf('main', A, drafts)
        const some = all.slice(0, 1 + (cut % all.length))
        const ahead = loaded(migrated(all.map(oldRow)).rows, C)
        const behind = loaded(migrated(some.map(oldRow)).rows, D)
        behind.follow(ahead)
        expect(behind.group.vector()).toEqual(ahead.group.vector())
        expect(behind.group.digest()).toEqual(ahead.group.digest())
        const chain = (pen: Pen): unknown => pen.group.state.chainOf(pen.group.state.intern(A))
        expect(chain(behind)).toEqual(chain(ahead))
      }),
    )
  })

  test('gathers small transactions in runs and leaves large ones alone', () => {
    const json = JSON.stringify('x'.repeat(1 << 19))
    const large = (n0: number): OldTransaction => ({
      group: 'main',
      replica: A,
      n0,
      stamp: n0,
      events: Array.from({ length: 4 }, (_, i) => ({
        content: { type: 'register', object: `r${i}`, json },
      })),
    })
    const small = adds(
      A,
      Array.from({ length: 5_000 }, () => 1),
    )
    const { rows } = migrated([...small, large(5_001), large(5_005)].map(oldRow))
    const runs = rows.map((row) => {
      const parsed = parseRow(row)
      return parsed.type === 'log' ? parsed.runs.map((run) => run.length) : []
    })
    expect(runs.map((lengths) => lengths.length)).toEqual([1, 1, 1, 1])
    expect(
      runs
        .flat()
        .slice(0, 2)
        .every((length) => length < 48 << 10),
    ).toBe(true)
    expect(logOf(rows, 'main').events.length).toBe(5_008)
  })

  test('starts a run where stamps go back', () => {
    const transactions = adds(A, [1, 1, 1]).map((one, i) => ({ ...one, stamp: 100 - i * 7 }))
    const { rows } = migrated(transactions.map(oldRow))
    expect(rows.length).toBe(3)
    expect(logOf(rows, 'main').events.map(({ stamp }) => stamp)).toEqual([100, 93, 86])
  })

  test('leaves rows of others, the identity and rows of another shape alone', () => {
    const others = [
      identity(A),
      { key: 'kv!00', value: utf8('v') },
      { key: 'member!epoch', value: utf8('m') },
      { key: 'state!future', value: utf8('f') },
    ].sort(byKey)
    expect(migrated(others)).toEqual({ writes: [], rows: others })
  })

  test('takes what the largest transactions of format 1 hold', () => {
    const { rows } = migrated(adds(A, [16_384, 16_384]).map(oldRow))
    expect(loaded(rows, C).view.setSize('s')).toBe(32_768)
  })
})

describe('kills beyond what a run takes', () => {
  const COUNT = 70_000
  const fill = adds(B, [16_384, 16_384, 16_384, 16_384, COUNT - 4 * 16_384])
  const kills = Array.from({ length: COUNT }, (_, i) => ({ replica: B, n: i + 1 }))
  const clear: OldTransaction = {
    group: 'main',
    replica: A,
    n0: 1,
    stamp: 99,
    events: [
      adding('first'),
      { content: { type: 'set', object: 's', element: 'last' }, kills },
      { kills: [{ replica: A, n: 1 }] },
    ],
  }
  const rowsOf = (self: ReplicaId, last = false): readonly StoreRow[] => {
    const before = [...fill, clear].map(oldRow)
    const own = last ? adds(self, [1]).map(oldRow) : []
    return migrated([identity(self), ...before, ...own]).rows
  }

  test('are made by the own replica', () => {
    const pen = loaded(rowsOf(C), C)
    expect(pen.view.setValues('s')).toEqual(['last'])
    const vector = pen.group.vector().map(({ replica, n }) => `${replica[0]}${n}`)
    expect(vector.sort()).toEqual(['a3', 'b70000', 'c1'])
  })

  test('follow what the own replica had written', () => {
    for (const self of [A, B]) {
      const pen = loaded(rowsOf(self), self)
      expect(pen.view.setValues('s')).toEqual(['last'])
    }
    const pen = loaded(rowsOf(C, true), C)
    expect(pen.view.setValues('s')).toEqual(['1', 'last'])
    expect(pen.group.state.haveOf(C)).toBe(2)
  })

  test('are the same to all: members that made them each for itself agree', () => {
    const [one, two] = [loaded(rowsOf(C), C), loaded(rowsOf(D), D)]
    one.follow(two)
    two.follow(one)
    expect(one.group.digest()).toEqual(two.group.digest())
    for (const replica of [A, B, C, D]) {
      const chain = ({ group: { state } }: Pen): unknown => state.chainOf(state.intern(replica))
      expect(chain(one)).toEqual(chain(two))
    }
    const three = new Pen(replicaOf('e'))
    three.follow(two)
    expect(three.view.setValues('s')).toEqual(['last'])
  })

  test('need the identity of the store', () => {
    expect(() => migrated([...fill, clear].map(oldRow))).toThrow('state!replica is missing')
  })
})

describe('a store that cannot be migrated is refused:', () => {
  const [first, second] = adds(A, [2, 1]).map(oldRow)
  if (first === undefined || second === undefined) throw new Error('two rows')

  test('a row is missing', () => {
    expect(() => migrated([second])).toThrow(`rows before ${second.key} are missing`)
    const [, , third] = adds(A, [2, 1, 1]).map(oldRow)
    if (third === undefined) throw new Error('three rows')
    expect(() => migrated([first, third])).toThrow('are missing')
  })

  test('a row holds other bytes than were written', () => {
    for (let at = 0; at < first.value.length; at++) {
      const value = first.value.slice()
      value[at] = (value[at] ?? 0) ^ 1
      expect(() => migrated([{ key: first.key, value }])).toThrow(`row ${first.key}: `)
    }
    for (const length of [0, 7, first.value.length - 1]) {
      const value = first.value.slice(0, length)
      expect(() => migrated([{ key: first.key, value }])).toThrow(`row ${first.key}: `)
    }
  })

  test('a row lies under the key of another, or strayed from another group', () => {
    expect(() => migrated([{ key: first.key, value: second.value }])).toThrow('something else')
    const key = first.key.replace(hex(utf8('main')), hex(utf8('side')))
    expect(() => migrated([{ key, value: first.value }])).toThrow('checksum differs')
  })

  test('an event holds what no version takes', () => {
    const json = '{'
    const row = oldRow({
      group: 'main',
      replica: A,
      n0: 1,
      stamp: 1,
      events: [{ content: { type: 'register', object: 'r', json } }],
    })
    expect(() => migrated([row])).toThrow('malformed JSON')
  })

  test('random bytes under a true checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 40 }), (noise, keep) => {
        const body = new Writer().raw(first.value.subarray(0, keep)).raw(noise).finish()
        try {
          migrated([{ key: first.key, value: sealed('main', body) }])
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_STORE' })
        }
      }),
    )
  })
})
