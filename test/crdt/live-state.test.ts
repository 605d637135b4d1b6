import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mix32 } from '../../src/base/hash32.ts'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { beginLoading, endLoading } from '../../src/crdt/loading.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import type { Content } from '../../src/crdt/unpack-run.ts'
import { dotKey, live, type OracleEvent, oracleEvents, oracleState } from '../replication/oracle.ts'
import { Pen } from '../replication/pen.ts'
import { recomputed, running } from '../replication/recompute.ts'
import { expectShows } from '../replication/shows.ts'
import { stateBytes } from './allocated.ts'
import { chainOf, encodeRun, replicaOf, type WrittenEvent } from './encoded.ts'
import { same } from './same.ts'

const WRITERS = ['a', 'b', 'c'].map(replicaOf)

const object = fc.constantFrom('o', 'p')
const element = fc.constantFrom('', 'x', 'y')
const path = fc.constantFrom(['p'], ['p', 'q'], ['p', 'q', 'r'], ['__proto__'])
const amount = fc.oneof(fc.bigInt({ min: -3n, max: 3n }), fc.constantFrom(2n ** 53n, -(2n ** 60n)))
const json = fc.integer({ min: 0, max: 3 }).map(String)
const content: fc.Arbitrary<Content> = fc.oneof(
  fc.record({ type: fc.constant('set' as const), object, element }),
  fc.record({
    type: fc.constant('counter' as const),
    object,
    total: amount,
    growOnly: fc.boolean(),
  }),
  fc.record({ type: fc.constant('register' as const), object, json }),
  fc.record({ type: fc.constant('map-value' as const), object, path, json }),
  fc.record({ type: fc.constant('map-counter' as const), object, path, amount }),
  fc.record({ type: fc.constant('map-set' as const), object, path, element }),
  fc.record({ type: fc.constant('unknown' as const), bytes: fc.uint8Array({ maxLength: 3 }) }),
)
/** Any dot, of the past, the future or nobody. */
const kill = fc.record({ replica: fc.constantFrom(...WRITERS), n: fc.integer({ min: 1, max: 25 }) })
const event = fc.record({
  content: fc.option(content, { nil: undefined, freq: 5 }),
  kills: fc.uniqueArray(kill, { maxLength: 3, selector: ({ replica, n }) => `${replica}${n}` }),
  starts: fc.boolean(),
  stampStep: fc.integer({ min: 0, max: 2 }),
})

interface Written {
  readonly runs: readonly Uint8Array[]
  readonly events: readonly OracleEvent[]
}

/** Every transaction of a writer as a run of its own. */
function written(writer: number, drafts: readonly Drafted[]): Written {
  const replica = WRITERS[writer] ?? replicaOf('f')
  const runs: Uint8Array[] = []
  const events: OracleEvent[] = []
  let stamp = 10
  let chain: ReturnType<typeof chainOf> | undefined
  let open: WrittenEvent[] = []
  const close = (): void => {
    if (open.length === 0) return
    const run = { replica, n0: events.length + 1, events: open, ...(chain && { chain }) }
    runs.push(encodeRun(run))
    chain = chainOf(run)
    const unpacked = open.map((each, i) => ({ ...each, replica, n: events.length + 1 + i }))
    events.push(...oracleEvents(unpacked))
    open = []
  }
  for (const draft of drafts) {
    const n = events.length + open.length + 1
    const starts = draft.starts || open.length === 0
    if (starts) {
      close()
      stamp += draft.stampStep
    }
    const kills = draft.kills.filter((each) => each.replica !== replica || each.n !== n)
    const isNothing = draft.content === undefined && kills.length === 0
    const entry: Content | undefined = isNothing
      ? { type: 'set', object: 'o', element: 'x' }
      : draft.content
    open.push({ stamp, starts, content: entry, kills })
  }
  close()
  return { runs, events }
}

type Drafted = typeof event extends fc.Arbitrary<infer T> ? T : never

function expectState(pen: Pen, events: readonly OracleEvent[]): void {
  const { state } = pen.group
  expectShows(pen.view, oracleState(events))
  expect(running(state)).toEqual(recomputed(state))
  const alive = new Set(live(events).map(({ replica, n }) => dotKey(replica, n)))
  expect(state.entries).toBe(alive.size)
  const waiting = new Set<string>()
  for (const { kills } of events) for (const dot of kills) waiting.add(dot)
  for (const { replica, n } of events) waiting.delete(dotKey(replica, n))
  expect(state.pendingKillCount()).toBe(waiting.size)
  for (const replica of WRITERS) {
    const writer = state.intern(replica)
    for (let n = 1; n <= state.have(writer); n++) {
      same(state.isLive(writer, n), alive.has(dotKey(replica, n)))
    }
  }
}

describe('state', () => {
  test('is live(E) after any events of any writers in any order', () => {
    const drafts = fc.array(event, { minLength: 1, maxLength: 15 })
    let unborn = 0
    fc.assert(
      fc.property(fc.tuple(drafts, drafts, drafts), fc.nat(), (all, seed) => {
        const random = seededRandom(seed)
        const writers = all.map((each, i) => written(i, each))
        const events = writers.flatMap((writer) => writer.events)
        const pen = new Pen(replicaOf('d'))
        const next = writers.map(() => 0)
        for (;;) {
          const open = writers.flatMap(({ runs }, i) => ((next[i] ?? 0) < runs.length ? [i] : []))
          const chosen = open[randomInteger(random, open.length)]
          if (chosen === undefined) break
          const bytes = writers[chosen]?.runs[next[chosen] ?? 0] ?? new Uint8Array()
          unborn += pen.group.state.pendingKillCount()
          expect(pen.receive(bytes)).toEqual(['integrated'])
          next[chosen] = (next[chosen] ?? 0) + 1
          if (randomInteger(random, 4) > 0) continue
          // In between it is the state of what has come.
          const { state } = pen.group
          expectState(
            pen,
            events.filter(
              ({ replica, n }) => n <= state.have(state.intern(replicaOf(replica.charAt(0)))),
            ),
          )
        }
        expectState(pen, events)
      }),
      { numRuns: 150 },
    )
    expect(unborn).toBeGreaterThan(100)
  })
})

describe('a set of many entries', () => {
  const elements = fc.constantFrom(...'abcdefgh')
  const add = fc.record({
    content: fc.record({
      type: fc.constant('set' as const),
      object: fc.constant('o'),
      element: elements,
    }),
    kills: fc.uniqueArray(kill, {
      maxLength: 2,
      selector: ({ replica, n }) => `${replica}${n}`,
    }),
    starts: fc.boolean(),
    stampStep: fc.constant(1),
  })
  const adds = fc.array(add, { minLength: 10, maxLength: 30, size: 'max' })

  test.each([
    ['one by one', false],
    ['while it is loaded', true],
  ])('that come in %s is live(E)', (_how, isLoading) => {
    let most = 0
    fc.assert(
      fc.property(fc.tuple(adds, adds, adds), fc.nat(), (all, seed) => {
        const random = seededRandom(seed)
        const writers = all.map((each, i) => written(i, each))
        const pen = new Pen(replicaOf('d'))
        const { state } = pen.group
        if (isLoading) beginLoading(state)
        for (const { runs } of writers) {
          for (const bytes of runs) {
            expect(pen.receive(bytes)).toEqual(['integrated'])
            if (randomInteger(random, 8) === 0) pen.view.setHas('o', 'a')
          }
        }
        for (const _step of endLoading(state));
        most = Math.max(most, state.entries)
        let slots = 0
        state.object('set', 'o')?.eachSlot(() => {
          slots += 1
        })
        expect(slots).toBe(state.entries)
        expectState(
          pen,
          writers.flatMap(({ events }) => events),
        )
      }),
      { numRuns: 100 },
    )
    expect(most).toBeGreaterThan(30)
  })
})

test('what died while state was loaded takes no room afterwards', () => {
  const writer = new Pen(replicaOf('a'))
  const values = Array.from({ length: 16_000 }, (_, i) => `element ${i}`)
  writer.write({ type: 'set-add', object: 'o', values })
  const dead = values.filter((_, i) => i % 8 > 0)
  for (let i = 0; i < dead.length; i += 1_000) {
    writer.write({ type: 'set-remove', object: 'o', values: dead.slice(i, i + 1_000) })
  }
  const reader = new Pen(replicaOf('b'))
  const { state } = reader.group
  beginLoading(state)
  reader.follow(writer)
  const whole = state.records.arena.allocatedBytes
  for (const _step of endLoading(state));
  expect(state.records.arena.allocatedBytes).toBeLessThan(whole / 3)
  expect(state.fingerprint).toEqual(writer.group.state.fingerprint)
  for (const i of [0, 1, 8, 15_999]) {
    same(reader.view.setHas('o', `element ${i}`), writer.view.setHas('o', `element ${i}`))
  }
  same(reader.view.setSize('o'), 2_000)
})

test('entries of a newer version are moved with others, and found again to die', () => {
  const a = replicaOf('a')
  const added = Array.from({ length: 4_000 }, (_, i) => {
    const bytes = Uint8Array.from({ length: 60 }, (_byte, at) => i + at)
    return { stamp: i + 1, starts: true, content: { type: 'unknown', bytes }, kills: [] } as const
  })
  const pen = new Pen(replicaOf('d'))
  const { state } = pen.group
  pen.receive(encodeRun({ replica: a, n0: 1, events: added }))
  const whole = state.records.arena.allocatedBytes
  const kill = (by: string, dots: readonly number[]): void => {
    const kills = dots.map((n) => ({ replica: a, n }))
    const events = [{ stamp: 5_000, starts: true, content: undefined, kills }]
    pen.receive(encodeRun({ replica: replicaOf(by), n0: 1, events }))
    expect(running(state)).toEqual(recomputed(state))
  }
  const dots = added.map((_, i) => i + 1)
  const [most, rest] = [dots.filter((n) => n % 40 > 0), dots.filter((n) => n % 40 === 0)]
  kill('b', most)
  expect([state.entries, state.unapplied]).toEqual([100, 100])
  expect(state.records.arena.allocatedBytes).toBeLessThan(whole / 3)
  kill('c', rest.slice(1))
  expect([state.isLive(state.intern(a), 40), state.entries, state.unapplied]).toEqual([true, 1, 1])
})

describe('an event that kills one entry', () => {
  const set = (name: string, element: string): Content => ({ type: 'set', object: name, element })
  const register = (text: string): Content => ({ type: 'register', object: 'o', json: text })
  test.each<readonly [string, Content, Content]>([
    ['of its key', set('o', 'x'), set('o', 'x')],
    ['of another key of one length', set('o', 'x'), set('o', 'y')],
    ['of a longer key', set('o', 'x'), set('o', '')],
    ['of another object', set('p', 'x'), set('o', 'x')],
    ['of another type', register('1'), set('o', '')],
    ['that is as long', register('1'), register('2')],
    ['that is shorter', register('1'), register('[1]')],
  ])('%s leaves its own', (_what, before, after) => {
    const kills = [{ replica: WRITERS[0] ?? replicaOf('a'), n: 1 }]
    const drafts = [
      { content: before, kills: [] },
      { content: after, kills },
    ]
    for (const starts of [true, false]) {
      const pen = new Pen(replicaOf('d'))
      const all = drafts.map((draft) => ({ ...draft, starts, stampStep: 1 }))
      const { runs, events } = written(0, all)
      for (const bytes of runs) expect(pen.receive(bytes)).toEqual(['integrated'])
      expectState(pen, events)
    }
  })
})

/** What a user would keep in plain objects. */
class Model {
  readonly sets = new Map<string, Set<string>>()
  readonly registers = new Map<string, string>()
  readonly maps = new Map<string, Map<string, string>>()

  expectShownBy({ view }: Pen): void {
    const sets = [...this.sets].filter(([, set]) => set.size > 0)
    const maps = [...this.maps].filter(([, map]) => map.size > 0)
    const all = view.objects().map(({ name, type }) => `${type} ${name}`)
    const names = [
      ...sets.map(([name]) => `set ${name}`),
      ...maps.map(([name]) => `map ${name}`),
      ...[...this.registers.keys()].map((name) => `register ${name}`),
    ]
    expect(all.sort()).toEqual(names.sort())
    for (const [name, set] of sets) expect(view.setValues(name)).toEqual([...set].sort())
    for (const [name, text] of this.registers) same(view.register(name).value, text)
    for (const [name, map] of maps) {
      expect(Object.keys(view.map(name)).sort()).toEqual([...map.keys()].sort())
      for (const [key, text] of map) same(view.mapAt(name, [key]), text)
    }
  }
}

describe('memory', () => {
  /** Mostly a few bytes, at times more than a chunk of the arena. */
  function text(random: ReturnType<typeof seededRandom>, i: number): string {
    const size = [5, 20, 20, 60, 60, 130, 200, 300, 3_000, 9_000][randomInteger(random, 10)] ?? 0
    if (randomInteger(random, 150) === 0) return 'l'.repeat(70_000 + randomInteger(random, 200_000))
    return `${i}-${'v'.repeat(size)}`
  }

  test('is moved together when most of it is dead, and reads stay true', () => {
    const pen = new Pen(WRITERS[0] ?? replicaOf('a'))
    const model = new Model()
    const random = seededRandom(11)
    const { state } = pen.group
    const apply = (operation: Operation): void => {
      pen.write(operation)
      // Numbers of objects that are gone are given to others, of other types.
      if (randomInteger(random, 3) === 0) pen.group.close()
    }
    for (let i = 0; i < 12_000; i++) {
      const name = `o${randomInteger(random, 6)}`
      const key = `${randomInteger(random, 60)}`.repeat(1 + randomInteger(random, 90))
      const set = model.sets.get(name) ?? new Set()
      const map = model.maps.get(name) ?? new Map<string, string>()
      model.sets.set(name, set)
      model.maps.set(name, map)
      switch (randomInteger(random, 8)) {
        case 0:
        case 1: {
          const value = text(random, i).slice(0, 4_000)
          apply({ type: 'set-add', object: name, values: [value] })
          set.add(value)
          break
        }
        case 2: {
          const value = text(random, i)
          apply({ type: 'register-set', object: name, value })
          model.registers.set(name, value)
          break
        }
        case 3:
        case 4: {
          const value = text(random, i)
          apply({ type: 'map-set', object: name, path: [key], value })
          map.set(key, value)
          break
        }
        case 5: {
          const values = [...set].filter(() => randomInteger(random, 3) === 0)
          apply({ type: 'set-remove', object: name, values })
          for (const value of values) set.delete(value)
          break
        }
        case 6:
          apply({ type: 'map-remove', object: name, path: [key] })
          map.delete(key)
          break
        default:
          if (randomInteger(random, 8) > 0) break
          apply({ type: 'map-remove', object: name, path: [] })
          apply({ type: 'set-remove', object: name, values: [...set] })
          map.clear()
          set.clear()
      }
      if (i % 1_000 === 0) {
        model.expectShownBy(pen)
        expect(running(state).slice(2)).toEqual(recomputed(state).slice(2))
      }
    }
    pen.group.close()
    model.expectShownBy(pen)
    expect(running(state)).toEqual(recomputed(state))
  })

  test('shrinks with what lives: half, and all of it deleted', () => {
    const pen = new Pen(WRITERS[0] ?? replicaOf('a'))
    const { state } = pen.group
    const element = (i: number): string => `element ${i} of some length`
    const count = 30_000
    const range = (from: number, step: number): readonly string[] => {
      const values: string[] = []
      for (let i = from; i < count; i += step) values.push(element(i))
      return values
    }
    const remove = (values: readonly string[]): void => {
      for (let at = 0; at < values.length; at += 10_000) {
        pen.write({ type: 'set-remove', object: 's', values: values.slice(at, at + 10_000) })
      }
    }
    const all = range(0, 1)
    for (let at = 0; at < count; at += 10_000) {
      pen.write({ type: 'set-add', object: 's', values: all.slice(at, at + 10_000) })
    }
    const payload = all.join('').length
    const contents = (): number => state.records.arena.allocatedBytes
    expect(contents()).toBeLessThan(payload * 1.2 + 65_536)
    remove(range(0, 2))
    remove(range(1, 4))
    // A quarter lives: beside the tail at most a fifth is dead.
    expect(contents()).toBeLessThan((payload / 4) * 1.2 * 1.25 + 2 * 65_536)
    expect(pen.view.setValues('s')).toEqual([...range(3, 4)].sort())
    remove(range(3, 4))
    pen.group.close()
    expect(contents()).toBeLessThanOrEqual(65_536)
    expect(state.objectCount).toBe(0)
    expect(state.entries).toBe(0)
  })

  test.each([
    ['every second', (i: number): boolean => i % 2 === 0, 37],
    ['any half', (i: number): boolean => mix32(i, 1) < 0, 42],
    ['the first half', (i: number): boolean => i < 100_000, 37],
  ])('takes few bytes an entry when %s of many is removed', (_name, isRemoved, bytesMax) => {
    const pen = new Pen(WRITERS[0] ?? replicaOf('a'))
    const { state } = pen.group
    const all = Array.from({ length: 200_000 }, (_, i) => `element-${`${i}`.padStart(8, '0')}`)
    const each = (values: readonly string[], type: 'set-add' | 'set-remove'): void => {
      for (let at = 0; at < values.length; at += 5_000) {
        pen.write({ type, object: 's', values: values.slice(at, at + 5_000) })
      }
    }
    each(all, 'set-add')
    // 18 bytes of record, 2.4 of slot, 8 in an index that is at least 64 % full.
    expect(stateBytes(state) / state.entries).toBeLessThan(33.5)
    each(
      all.filter((_, i) => isRemoved(i)),
      'set-remove',
    )
    expect(stateBytes(state) / state.entries).toBeLessThan(bytesMax)
    expect(pen.view.setValues('s')).toEqual(all.filter((_, i) => !isRemoved(i)))
  })

  test('of a value of a mebibyte is given back when it is replaced', () => {
    const pen = new Pen(WRITERS[0] ?? replicaOf('a'))
    for (let i = 0; i < 20; i++) {
      pen.write({ type: 'register-set', object: 'r', value: `${i}`.repeat(2 ** 19 - 2) })
      pen.group.close()
    }
    expect(stateBytes(pen.group.state)).toBeLessThan(2 * 2 ** 20)
    expect(pen.view.register('r').value).toBe('19'.repeat(2 ** 19 - 2))
  })
})
