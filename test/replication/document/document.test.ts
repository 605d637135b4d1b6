import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import type { Operation } from '../../../src/crdt/operation.ts'
import {
  createDocument,
  decodeVersion,
  encodeVersion,
  loadDocument,
  type ReplicatedDocument,
} from '../../../src/crdt.ts'
import { OPERATIONS } from '../fast/operations.ts'
import { oracleState } from '../oracle.ts'
import { expectShows } from '../shows.ts'
import { Documents, eventsOf, resealed, runsOf } from './documents.ts'

const COUNT = 4
const index = fc.nat({ max: COUNT - 1 })
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      at: index,
      operations: fc.array(fc.constantFrom(...OPERATIONS), { minLength: 1, maxLength: 3 }),
    }),
  },
  // `since` may be anybody's version, of any time: too much is told then, or too little.
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('tell' as const),
      at: index,
      to: index,
      since: index,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('tell-all' as const), at: index, to: index }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('repeat' as const), at: fc.nat(), to: index }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reload' as const), at: index }) },
)

function heal(documents: readonly ReplicatedDocument[]): void {
  for (let round = 0; round < 2; round++) {
    for (const to of documents) {
      for (const from of documents) {
        expect(to.integrate(from.difference(to.version())).refused).toBeUndefined()
      }
    }
  }
}

const add = (...values: readonly string[]): readonly Operation[] => [
  { type: 'set-add', object: 's', values },
]

describe('documents that tell each other differences in any order', () => {
  test('become the function of all that was written', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const documents = new Documents(COUNT)
        const told: Uint8Array[] = []
        const tell = (bytes: Uint8Array, to: number): void => {
          told.push(bytes)
          expect(documents.at(to).integrate(bytes).refused).toBeUndefined()
        }
        for (const one of steps) {
          if (one.type === 'write') documents.write(one.at, one.operations)
          else if (one.type === 'reload') documents.reload(one.at)
          else if (one.type === 'tell-all') tell(documents.at(one.at).snapshot(), one.to)
          else if (one.type === 'tell') {
            tell(documents.at(one.at).difference(documents.at(one.since).version()), one.to)
          } else if (told.length > 0) {
            const bytes = told[one.at % told.length]
            if (bytes !== undefined) documents.at(one.to).integrate(bytes)
          }
        }
        heal(documents.all)
        const expected = oracleState(documents.written)
        for (const each of documents.all) {
          expect(each.digest()).toEqual(documents.at(0).digest())
          expectShows(each.view, expected)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('send exactly the events that a version lacks, while the log reaches back', () => {
    const [a, b] = [new Documents(1).at(0), createDocument(new Documents(3).options())]
    for (let i = 0; i < 100; i++) a.write(add(`${i}`))
    b.integrate(a.difference(b.version()))
    for (let i = 0; i < 7; i++) a.write(add(`later ${i}`))
    const missing = a.difference(b.version())
    expect(runsOf(missing)).toHaveLength(1)
    expect(b.integrate(missing)).toEqual({ events: 7, isWaiting: false, refused: undefined })
    expect(runsOf(a.difference(b.version()))).toEqual([])
    expect(a.difference(b.version())).toHaveLength(11)
  })

  test('keep for later what comes too early', () => {
    const documents = new Documents(2)
    const [a, b] = [documents.at(0), documents.at(1)]
    a.write(add('x'))
    const first = a.difference()
    const seen = a.version()
    a.write(add('y'))
    expect(b.integrate(a.difference(seen))).toMatchObject({ events: 0, isWaiting: true })
    expect(b.view.setValues('s')).toEqual([])
    expect(b.integrate(first).events).toBe(2)
    expect(b.view.setValues('s')).toEqual(['x', 'y'])
  })

  test('find two histories under one id', () => {
    const options = new Documents(1).options()
    const [a, b] = [createDocument(options), createDocument(options)]
    a.write(add('x'))
    b.write(add('y'))
    for (const bytes of [b.difference(), b.snapshot()]) {
      expect(a.integrate(bytes)).toEqual({ events: 0, isWaiting: false, refused: 'conflict' })
    }
    expect(a.view.setValues('s')).toEqual(['x'])
  })
})

describe('a document', () => {
  test('that was loaded goes on, and tells those who have seen less all that lives', () => {
    const documents = new Documents(2)
    const [a, b] = [documents.at(0), documents.at(1)]
    for (let i = 0; i < 5_000; i++) a.write(add(`${i}`))
    b.integrate(a.difference())
    for (let i = 0; i < 5_000; i += 2) {
      a.write([{ type: 'set-remove', object: 's', values: [`${i}`] }])
    }
    b.write(add('of b'))
    const loaded = loadDocument(a.snapshot(), documents.options())
    if (loaded === undefined) throw new Error('a snapshot is none')
    expect(loaded.digest()).toEqual(a.digest())
    loaded.write(add('new'))
    expect(b.integrate(loaded.difference(b.version()))).toMatchObject({ events: 2_501 })
    expect(b.view.setSize('s')).toBe(2_502)
    loaded.integrate(b.difference(loaded.version()))
    expect(loaded.digest()).toEqual(b.digest())
    // From here on the log reaches.
    loaded.write(add('newer'))
    expect(runsOf(loaded.difference(b.version()))).toHaveLength(1)
  })

  test('forgets the oldest of its log beyond a limit, and is complete nevertheless', () => {
    const documents = new Documents(1)
    const a = createDocument({ ...documents.options(), logBytesMax: 1 })
    const b = createDocument(documents.options())
    for (let i = 0; i < 3; i++) {
      a.write(add(`${i}`))
      expect(runsOf(a.difference())).toEqual([])
      b.integrate(a.difference(b.version()))
      expect(b.digest()).toEqual(a.digest())
    }
    expect(b.view.setValues('s')).toEqual(['0', '1', '2'])
  })

  test('tells what a transaction changed, and which objects did', () => {
    const documents = new Documents(2)
    const [a, b] = [documents.at(0), documents.at(1)]
    const results = a.transact([
      ...add('x', 'y'),
      ...add('x'),
      { type: 'counter-add', object: 'c', amount: 2n },
    ])
    expect(results.map(({ changed }) => changed)).toEqual([2, 0, 1])
    b.integrate(a.difference())
    const changed = (origin: string): readonly object[] => [
      expect.objectContaining({ object: 's', objectType: 'set', origin }),
      expect.objectContaining({ object: 'c', objectType: 'counter', origin }),
    ]
    expect(a.changes()).toEqual(changed('local'))
    expect(b.changes()).toEqual(changed('remote'))
    expect(b.changes()).toEqual([])
  })

  test('refuses wrong operations whole', () => {
    const a = new Documents(1).at(0)
    expect(() => a.write([...add('x'), { type: 'counter-add', object: '', amount: 1n }])).toThrow()
    expect(a.view.objects()).toEqual([])
    expect(() => createDocument({ replica: new Uint8Array(15), now: () => 0 })).toThrow(TypeError)
  })

  test('versions are read back, and nothing else is', () => {
    const documents = new Documents(3)
    for (let i = 0; i < 3; i++) documents.write(i, add(`${i}`))
    heal(documents.all)
    const version = documents.at(0).version()
    expect(eventsOf(version)).toBe(3)
    const bytes = encodeVersion(version)
    expect(decodeVersion(bytes)).toEqual(version)
    expect(decodeVersion(bytes.subarray(1))).toBeUndefined()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (junk) => {
        const read = decodeVersion(junk)
        if (read !== undefined) expect(encodeVersion(read)).toEqual(junk)
      }),
    )
  })
})

test('the bytes of documents are those that docs/PROTOCOL.md describes', () => {
  const replica = new Uint8Array(16).fill(0x11)
  const a = createDocument({ replica, now: () => Date.UTC(2026, 0, 1) })
  a.write(add('x', 'y'))
  a.write([{ type: 'set-remove', object: 's', values: ['x'] }])
  const id = '11'.repeat(16)
  expect(hex(encodeVersion(a.version()))).toBe(`0101${id}03`)
  const events = '0103ffffffd988e93a410001730101007809000079500000'
  const chain = '4285d93ba8e55183'
  const whole = `010001 31 20 ${id} ${events} ${chain} 3bbc09cbe3556de0`
  expect(hex(a.difference())).toBe(whole.replaceAll(' ', ''))
  const block = `03 01 01 01 1c 21 ${id} 0101000100017301010079`
  const living = `01 01 ${id} 03 ${chain} 00 ${block} 00 1aee6f1c90fbdd58`
  expect(hex(a.snapshot())).toBe(living.replaceAll(' ', ''))
})

describe('bytes of somebody who means harm', () => {
  function sample(): Documents {
    const documents = new Documents(2)
    for (const [i, operation] of OPERATIONS.entries()) documents.write(i, [operation])
    documents.at(1).integrate(documents.at(0).difference())
    return documents
  }

  test('that one bit was changed in are malformed, and change nothing', () => {
    const from = sample().at(1)
    for (const bytes of [from.difference(), from.snapshot()]) {
      for (let bit = 0; bit < bytes.length * 8; bit += 5) {
        const to = new Documents(1).at(0)
        const changed = bytes.slice()
        changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
        expect(to.integrate(changed).refused).toBe('malformed')
        expect(to.version().size).toBe(0)
      }
    }
  })

  test('never make it throw, whatever they are', () => {
    const samples = [sample().at(1).difference(), sample().at(1).snapshot()]
    const to = sample().at(0)
    const seen = (): number => [...to.version().values()].reduce((sum, n) => sum + n, 0)
    const integrate = (bytes: Uint8Array): void => {
      const before = seen()
      // What came before a malformed part is taken in: it is counted, and nothing else is there.
      const { events } = to.integrate(bytes)
      expect(seen()).toBe(before + events)
      to.digest()
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 40 }),
        (bytes, changes, cut) => {
          const changed = bytes.slice(0, Math.max(9, bytes.length - (cut > 20 ? 0 : cut)))
          for (const [at, value] of changes) changed[at % (changed.length - 8)] = value
          integrate(resealed(changed))
        },
      ),
      { numRuns: 3_000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 80 }), (junk) =>
        integrate(resealed(junk)),
      ),
    )
  })

  test('bring no more events than allowed, and none of what brings more', () => {
    const documents = new Documents(2)
    const [a, b] = [documents.at(0), documents.at(1)]
    for (let i = 0; i < 10; i++) a.write(add(`${i}`))
    for (const bytes of [a.difference(), a.snapshot()]) {
      expect(b.integrate(bytes, { eventsMax: 9 })).toEqual({
        events: 0,
        isWaiting: false,
        refused: 'too-large',
      })
      expect(b.version().size).toBe(0)
    }
    expect(b.integrate(a.difference(), { eventsMax: 10 }).events).toBe(10)
  })
})
