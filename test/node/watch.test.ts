import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import type { ObjectDiff } from '../../src/crdt/diff.ts'
import {
  CHANGES_BYTES_MAX,
  CHANGES_MAX,
  ChangeFeed,
  DIFF_BYTES_MAX,
  type RecordedChange,
} from '../../src/node/change-feed.ts'
import { followChanges, followObject } from '../../src/node/follow-changes.ts'
import type { Change } from '../../src/node/state-types.ts'
import { localNode } from './local-node.ts'

function feedOf(seed = 1): ChangeFeed {
  return new ChangeFeed(seededRandom(seed))
}

function push(feed: ChangeFeed, object: string, diff?: ObjectDiff, group = 'main'): RecordedChange {
  const objectType = diff?.type ?? 'counter'
  return feed.push({ type: 'changed', group, object, objectType, origin: 'local', diff }, 7)
}

const count = (value: number): ObjectDiff => ({ type: 'counter', value: BigInt(value), delta: 1n })
const all = (): boolean => true

/** Takes changes until there are as many as wanted, then leaves the watch. */
async function take<T extends Change>(watch: AsyncIterable<T>, wanted: number): Promise<T[]> {
  const taken: T[] = []
  for await (const change of watch) {
    taken.push(change)
    if (taken.length === wanted) break
  }
  return taken
}

describe('ChangeFeed', () => {
  test('cursors are EPOCH-SEQUENCE, by one, and another start has another epoch', () => {
    const feed = feedOf()
    expect(feed.cursor).toMatch(/^[0-9a-f]{16}-0$/)
    const epoch = feed.cursor.slice(0, 16)
    expect([push(feed, 'a'), push(feed, 'b')].map(({ cursor }) => cursor)).toEqual([
      `${epoch}-1`,
      `${epoch}-2`,
    ])
    expect(feed.cursor).toBe(`${epoch}-2`)
    expect(feedOf(2).cursor.slice(0, 16)).not.toBe(epoch)
  })

  test('sums are numbers while they are exact, then bigints', () => {
    const value = 2n ** 53n
    const { diff } = push(feedOf(), 'a', { type: 'counter', value, delta: -3n })
    expect(diff).toEqual({ type: 'counter', value, delta: -3 })
  })

  test.each<[string, (text: string) => ObjectDiff]>([
    ['set', (text) => ({ type: 'set', added: [], removed: [text] })],
    ['register', (text) => ({ type: 'register', value: { a: [text] }, siblings: [] })],
    ['map', (text) => ({ type: 'map', set: [{ path: [], value: text }], removed: [] })],
    ['map removal', (text) => ({ type: 'map', set: [], removed: [[text]] })],
    ['map path', (text) => ({ type: 'map', set: [{ path: [text], value: 1 }], removed: [] })],
  ])('a diff above 256 KiB is left out: %s', (_what, diffOf) => {
    const feed = feedOf()
    const small = push(feed, 'a', diffOf('x'.repeat(DIFF_BYTES_MAX / 2 - 100)))
    expect(small.diff).toBeDefined()
    expect(push(feed, 'a', diffOf('x'.repeat(DIFF_BYTES_MAX / 2))).diff).toBeUndefined()
  })

  test('keeps 10,000 changes, and fewer when they are large', () => {
    const feed = feedOf()
    for (let i = 0; i < CHANGES_MAX + 5; i++) push(feed, 'a')
    expect(feed.after(4, all).type).toBe('lost')
    expect(feed.after(5, all)).toMatchObject({ type: 'change', position: 6 })
    const large = feedOf()
    const text = 'x'.repeat(DIFF_BYTES_MAX / 2 - 1000)
    for (let i = 0; i < 100; i++) push(large, 'a', { type: 'set', added: [text], removed: [] })
    const kept = Array.from({ length: 100 }, (_, at) => large.after(at, all).type)
    const fits = Math.floor(CHANGES_BYTES_MAX / DIFF_BYTES_MAX)
    expect(kept.filter((type) => type === 'change')).toHaveLength(fits)
  })
})

describe('watches', () => {
  test('resumed after any cut, a reader gets every change of its object exactly once', async () => {
    const changes = fc.array(fc.record({ mine: fc.boolean(), cut: fc.boolean() }), {
      minLength: 1,
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(changes, async (script) => {
        const feed = feedOf()
        const seen: unknown[] = []
        let cursor = feed.cursor
        let value = 0
        let pending = 0
        const object = { group: 'main', name: 'mine', type: 'counter' } as const
        const catchUp = async (): Promise<void> => {
          if (pending === 0) return
          for (const change of await take(followObject(feed, object, { from: cursor }), pending)) {
            cursor = change.cursor
            seen.push(change.type === 'reset' ? 'reset' : change.value)
          }
          pending = 0
        }
        for (const { mine, cut } of script) {
          if (mine) value += 1
          if (mine) pending += 1
          push(feed, mine ? 'mine' : 'other', count(mine ? value : 99))
          if (cut) await catchUp()
        }
        await catchUp()
        expect(seen).toEqual(Array.from({ length: value }, (_, i) => i + 1))
      }),
    )
  })

  test.each(['', 'x', '7', '0123456789abcdef-1', '0123456789abcdef-', 'own-9', 'own-1x'])(
    'the cursor %j is answered by one reset, then by what happens',
    async (text) => {
      const feed = feedOf()
      push(feed, 'a')
      const from = text.replace('own', feed.cursor.slice(0, 16))
      const watch = followChanges(feed, all, { from })
      const taking = take(watch, 2)
      await Promise.resolve()
      push(feed, 'b', count(1))
      const [first, second] = await taking
      expect(first).toEqual({ type: 'reset', cursor: feed.cursor.replace(/\d+$/, '1') })
      expect(second).toMatchObject({ type: 'counter', object: 'b' })
    },
  )

  test('a cursor of the event stream between two changes is one of the change before', async () => {
    const feed = feedOf()
    push(feed, 'a', count(1))
    push(feed, 'b', count(2))
    const from = `${feed.cursor.replace(/\d+$/, '1')}.12`
    expect(await take(followChanges(feed, all, { from }), 1)).toMatchObject([{ object: 'b' }])
  })

  test('a reader that the ring has left behind is told reset once, and goes on', async () => {
    const feed = feedOf()
    const watch = followChanges(feed, all)
    for (let i = 0; i <= CHANGES_MAX; i++) push(feed, 'a', count(i))
    const { cursor } = feed
    const iterator = watch[Symbol.asyncIterator]()
    expect((await iterator.next()).value).toEqual({ type: 'reset', cursor })
    push(feed, 'a', count(-1))
    expect((await iterator.next()).value).toMatchObject({ value: -1 })
  })

  test('a reader that waits for one object outlasts any number of changes of others', async () => {
    const feed = feedOf()
    const object = { group: 'main', name: 'mine', type: 'counter' } as const
    const taking = take(followObject(feed, object), 1)
    await Promise.resolve()
    for (let i = 0; i < 3 * CHANGES_MAX; i++) push(feed, 'other')
    push(feed, 'mine', count(1))
    for (let i = 0; i < 10; i++) push(feed, 'other')
    expect(await taking).toMatchObject([{ type: 'counter', value: 1 }])
  })

  test('the place is taken at the call, not when the first change is asked for', async () => {
    const feed = feedOf()
    push(feed, 'before')
    const watch = followChanges(feed, all)
    push(feed, 'after', count(1))
    expect(await take(watch, 1)).toMatchObject([{ object: 'after' }])
  })

  test('a change without a diff says which object to read again', async () => {
    const feed = feedOf()
    const watch = followChanges(feed, all)
    const { cursor } = push(feed, 'a')
    const where = { object: 'a', objectType: 'counter', group: 'main' }
    expect(await take(watch, 1)).toEqual([{ type: 'reset', cursor, ...where }])
  })

  test('objects of the same name in other groups or of other types are others', async () => {
    const feed = feedOf()
    const object = { group: 'main', name: 'a', type: 'counter' } as const
    const watch = followObject(feed, object)
    push(feed, 'a', count(1), 'team')
    push(feed, 'a', { type: 'set', added: ['x'], removed: [] })
    const { cursor } = push(feed, 'a', count(2))
    expect(await take(watch, 1)).toEqual(
      [{ ...{ type: 'counter', value: 2, delta: 1 }, object: 'a', group: 'main' }].map(
        (change) => ({ ...change, origin: 'local', cursor, at: 7 }),
      ),
    )
  })

  test('abort ends a watch that waits, and one that has not begun', async () => {
    const feed = feedOf()
    const controller = new AbortController()
    const { signal } = controller
    const waiting = take(followChanges(feed, all, { signal }), 1)
    await Promise.resolve()
    controller.abort()
    expect(await waiting).toEqual([])
    push(feed, 'a')
    expect(await take(followChanges(feed, all, { signal, from: 'x' }), 1)).toEqual([])
  })

  test('close() ends watches after what is left', async () => {
    const feed = feedOf()
    const waiting = take(followChanges(feed, all), 9)
    const late = followChanges(feed, all)
    await Promise.resolve()
    push(feed, 'a', count(1))
    feed.close()
    expect(await waiting).toHaveLength(1)
    expect(await take(late, 9)).toHaveLength(1)
  })
})

describe('a node', () => {
  test('watches of handles, groups and the node tell local writes in order', async () => {
    const { node } = localNode()
    const { cursor: from } = node
    await node.counter('hits').add(2)
    await node.group('team').transact((t) => {
      t.set('users').add('ada')
      t.register('motto').set('trust')
    })
    await node.map('profile').set(['name'], 'Ada')
    const objects = async (watch: AsyncIterable<Change>, wanted: number) =>
      (await take(watch, wanted)).map((change) => [change.object, change.group])
    expect(await objects(node.watch({ from }), 4)).toEqual([
      ['hits', 'main'],
      ['users', 'team'],
      ['motto', 'team'],
      ['profile', 'main'],
    ])
    const team = node.group('team')
    expect(await objects(team.watch({ from }), 2)).toEqual([
      ['users', 'team'],
      ['motto', 'team'],
    ])
    expect(await objects(node.counter('hits').watch({ from }), 1)).toEqual([['hits', 'main']])
    expect(await objects(team.set('users').watch({ from }), 1)).toEqual([['users', 'team']])
    expect(await objects(team.register('motto').watch({ from }), 1)).toEqual([['motto', 'team']])
    expect(await objects(node.map('profile').watch({ from }), 1)).toEqual([['profile', 'main']])
  })

  test('events carry the cursor of the watch', async () => {
    const { node } = localNode()
    const cursors: string[] = []
    node.subscribe((event) => {
      if (event.type === 'object-changed') cursors.push(event.cursor)
    })
    const watch = node.watch()
    await node.counter('hits').add(1)
    await node.counter('hits').add(1)
    expect((await take(watch, 2)).map(({ cursor }) => cursor)).toEqual(cursors)
    expect(node.cursor).toBe(cursors[1])
  })

  test('stop() ends its watches', async () => {
    const { node } = localNode()
    const waiting = take(node.watch(), 1)
    await node.stop()
    expect(await waiting).toEqual([])
  })
})
