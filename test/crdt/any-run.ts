import fc from 'fast-check'
import type { ReplicaId } from '../../src/base/ids.ts'
import type { Content } from '../../src/crdt/unpack-run.ts'
import { replicaOf, type WrittenEvent, type WrittenRun } from './encoded.ts'

const REPLICAS: readonly ReplicaId[] = ['a', 'b', 'c', 'd'].map(replicaOf)

const object = fc.constantFrom('o', 'p', 'ü', '__proto__')
const text = fc.oneof(
  fc.constantFrom('', 'key-1', 'key-2', 'key-10', 'é', '\ufffd', '😀'),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.integer({ min: 0, max: 300 }).map((length) => 'k'.repeat(length)),
)
const component = text.filter((part) => part !== '')
const path = fc.array(component, { minLength: 1, maxLength: 4 })
const json = fc.jsonValue().map((value) => JSON.stringify(value))
const amount = fc.oneof(
  fc.bigInt({ min: -300n, max: 300n }),
  fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
  fc.bigInt({ min: 1n - 2n ** 256n, max: 2n ** 256n - 1n }),
)

export const anyContent: fc.Arbitrary<Content> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('set' as const), object, element: text }) },
  fc.record({
    type: fc.constant('counter' as const),
    object,
    total: amount,
    growOnly: fc.boolean(),
  }),
  fc.record({ type: fc.constant('register' as const), object, json }),
  fc.record({ type: fc.constant('map-value' as const), object, path, json }),
  fc.record({ type: fc.constant('map-counter' as const), object, path, amount }),
  fc.record({ type: fc.constant('map-set' as const), object, path, element: text }),
  fc.record({ type: fc.constant('unknown' as const), bytes: fc.uint8Array({ maxLength: 20 }) }),
)

interface Killed {
  readonly writer: number
  readonly from: number
  readonly count: number
}

const killed: fc.Arbitrary<Killed> = fc.record({
  writer: fc.nat({ max: REPLICAS.length - 1 }),
  from: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2 ** 40 })),
  count: fc.constantFrom(1, 1, 1, 2, 3, 40),
})

interface Drafted {
  readonly content: Content | undefined
  readonly kills: readonly Killed[]
  /** Undefined: goes on with the transaction. */
  readonly stampStep: number | undefined
}

const drafted: fc.Arbitrary<Drafted> = fc.record({
  content: fc.option(anyContent, { nil: undefined, freq: 4 }),
  kills: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(killed, { minLength: 1, maxLength: 1 }) },
    fc.array(killed, { maxLength: 5 }),
  ),
  stampStep: fc.constantFrom(undefined, undefined, 1, 1, 0, 7, 2 ** 33),
})

/** Any run that some replica could have written. */
export const anyRun: fc.Arbitrary<WrittenRun> = fc
  .record({
    replica: fc.constantFrom(...REPLICAS),
    n0: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2 ** 45 })),
    stamp: fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 0, max: 2 ** 50 })),
    drafts: fc.array(drafted, { minLength: 1, maxLength: 30 }),
  })
  .map(({ replica, n0, stamp, drafts }) => {
    const events: WrittenEvent[] = []
    let at = stamp
    for (const [i, { content, kills, stampStep }] of drafts.entries()) {
      const starts = i === 0 || stampStep !== undefined
      if (i > 0) at += stampStep ?? 0
      const dots = new Map<string, { replica: ReplicaId; n: number }>()
      for (const { writer, from, count } of kills) {
        const other = REPLICAS[writer] ?? replica
        for (let n = from; n < from + count; n++) {
          if (other !== replica || n !== n0 + i) dots.set(`${other}:${n}`, { replica: other, n })
        }
      }
      // An event without entry and without kills is none.
      const isNothing = content === undefined && dots.size === 0
      const entry: Content | undefined = isNothing
        ? { type: 'set', object: 'o', element: '' }
        : content
      events.push({ stamp: at, starts, content: entry, kills: [...dots.values()] })
    }
    return { replica, n0, events }
  })
