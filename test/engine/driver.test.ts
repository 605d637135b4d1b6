import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { HearsayError } from '../../src/base/errors.ts'
import type { Command, Outcome } from '../../src/engine/engine-types.ts'
import type { OutboundFrame } from '../../src/engine/ports.ts'
import { decodeFrame, encodeFrame } from '../../src/replication/sync/frame-codec.ts'
import type { SyncFrame } from '../../src/replication/sync/frames.ts'
import { replicaOf } from '../crdt/encoded.ts'
import { World } from './driver-world.ts'

describe('Driver', () => {
  test('a write is told to nobody before it is durable', () => {
    const world = new World()
    world.commitAll()
    world.link()
    world.commitAll()
    const before = world.frameCount('sync')
    const outcomes = world.add('votes')
    expect(world.driver.engine.replication.view('main').counter('votes')).toBe(1n)
    expect(outcomes).toEqual([])
    expect(world.frameCount('sync')).toBe(before)
    expect(world.events.filter((event) => event.type === 'digest')).toEqual([])

    world.commitAll()
    expect(outcomes).toMatchObject([{ ok: true }])
    expect(world.frameCount('sync')).toBeGreaterThan(before)
    expect(world.events.filter((event) => event.type === 'digest')).toHaveLength(1)
  })

  test('writes gather while a commit is under way, and are released by their own commit', () => {
    const world = new World()
    world.commitAll()
    const first = world.add('one')
    const second = world.add('two')
    const third = world.add('three')
    expect(world.commits).toHaveLength(1)
    world.commitNext()
    expect([first.length, second.length, third.length]).toEqual([1, 0, 0])
    expect(world.commits).toHaveLength(1)
    world.commitNext()
    expect([first.length, second.length, third.length]).toEqual([1, 1, 1])
  })

  test('writes of one turn share a commit where the disk tells when it ends', () => {
    const world = new World({ hasTurns: true })
    world.endTurn()
    world.commitAll()
    const write = (count: number): Outcome[][] =>
      Array.from({ length: count }, (_, i) => world.add(`c${i}`))
    const answered = (list: readonly Outcome[][]): number => list.flat().length
    const first = write(3)
    expect([world.commits.length, world.soon.length]).toEqual([0, 1])
    world.endTurn()
    expect([world.commits.length, world.soon.length]).toEqual([1, 0])
    // While it is under way nobody is asked: the end of the commit is what is waited for.
    const second = write(2)
    world.endTurn()
    expect([world.commits.length, world.soon.length]).toEqual([1, 0])
    world.commitNext()
    expect([answered(first), answered(second)]).toEqual([3, 0])
    // Who has just been answered writes again together with those who waited.
    const third = write(3)
    expect([world.commits.length, world.soon.length]).toEqual([0, 1])
    world.endTurn()
    expect(world.commits).toHaveLength(1)
    world.commitNext()
    expect([answered(second), answered(third)]).toEqual([2, 3])
    expect([world.commits.length, world.soon.length]).toEqual([0, 0])
  })

  test('a turn that ends with nothing left to save saves nothing, and the next one is asked for', () => {
    const world = new World({ hasTurns: true })
    world.link()
    world.endTurn()
    world.commitAll()
    const first = world.add('one')
    // A frame that is sent tells of events: they are saved before it, without waiting for the turn.
    const items = [{ group: 'main', isPartial: false, digest: new Uint8Array(16).fill(1) }]
    const digest = { type: 'digest', wantsAnswer: true, isLast: true, after: '', items } as const
    world.listener?.frame(world.link(), 'sync', encodeFrame(digest))
    expect(world.commits).toHaveLength(1)
    world.commitAll()
    expect(first).toMatchObject([{ ok: true }])
    world.endTurn()
    expect(world.commits).toEqual([])
    const second = world.add('two')
    world.endTurn()
    world.commitAll()
    expect(second).toMatchObject([{ ok: true }])
  })

  test('a commit that failed answers those who wait for the end of the turn', () => {
    const world = new World({ hasTurns: true })
    world.endTurn()
    world.commitAll()
    const first = world.add('one')
    world.endTurn()
    const second = world.add('two')
    world.commitNext(new Error('EIO'))
    world.endTurn()
    expect([first, second]).toMatchObject([[{ ok: false }], [{ ok: false }]])
    expect(world.commits).toEqual([])
  })

  test('membership goes on while the disk does not answer', () => {
    const world = new World()
    world.link()
    const before = world.frameCount('member')
    for (let second = 0; second < 5; second++) world.tick(1_000)
    expect(world.commits.length).toBeGreaterThan(0)
    expect(world.frameCount('member')).toBeGreaterThan(before)
  })

  test('a failed commit refuses its writer and all later writes, and is never retried', () => {
    const world = new World()
    world.commitAll()
    world.link()
    world.commitAll()
    const before = world.frameCount('sync')
    const failed = world.add('votes')
    const waiting = world.add('votes')
    world.commitNext(new Error('no space'))
    const later = world.add('votes')
    for (const outcomes of [failed, waiting, later]) {
      expect(outcomes).toHaveLength(1)
      const outcome = outcomes[0]
      expect(outcome?.ok === false && outcome.error instanceof HearsayError).toBe(true)
    }
    expect(world.events.filter((event) => event.type === 'fatal')).toHaveLength(1)
    for (let second = 0; second < 30; second++) world.tick(1_000)
    expect(world.frameCount('sync')).toBe(before)
  })

  test('a lone node stores and reads a value, the acknowledgement waits for the disk', () => {
    const world = new World()
    world.commitAll()
    const outcomes: Outcome[] = []
    const done = (outcome: Outcome): void => {
      outcomes.push(outcome)
    }
    world.driver.request({ type: 'put', key: 'k', value: utf8('v'), level: 'quorum' }, done)
    expect(outcomes).toEqual([])
    world.commitAll()
    expect(outcomes).toMatchObject([
      { ok: true, result: { type: 'put', acks: 1, required: 1, degraded: true } },
    ])
    world.driver.request({ type: 'get', key: 'k' }, done)
    expect(outcomes[1]).toMatchObject({
      ok: true,
      result: { type: 'get', found: { value: utf8('v') } },
    })
  })

  test('halt() tells waiting callers and calls no port again', () => {
    const world = new World()
    const outcomes = world.add('votes')
    world.driver.halt()
    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'ERR_STOPPED' } }])
    const frames = world.frames.length
    world.commitAll()
    world.tick(10_000)
    world.link()
    expect(world.frames).toHaveLength(frames)
    expect(world.add('votes')).toMatchObject([{ ok: false, error: { code: 'ERR_STOPPED' } }])
  })

  test('now() never goes back when the wall clock does, and goes on at its pace', () => {
    const world = new World()
    world.wallMs += 5_000
    const before = world.driver.now()
    world.wallMs -= 3_600_000
    expect(world.driver.now()).toBe(before)
    world.wallMs += 250
    expect(world.driver.now()).toBe(before + 250)
  })

  test('an observer may ask for more from inside an event', () => {
    const world = new World()
    world.commitAll()
    const seen: Outcome[] = []
    world.driver.request(
      {
        type: 'transact',
        group: 'main',
        operations: [{ type: 'set-add', object: 's', values: ['a'] }],
      },
      () => {
        world.driver.request(
          {
            type: 'transact',
            group: 'main',
            operations: [{ type: 'set-add', object: 's', values: ['b'] }],
          },
          (outcome) => seen.push(outcome),
        )
      },
    )
    world.commitAll()
    world.commitAll()
    expect(seen).toMatchObject([{ ok: true }])
    expect(world.driver.engine.replication.view('main').setValues('s')).toEqual(['a', 'b'])
  })
})

describe('Driver on a full disk', () => {
  const writes: readonly Command[] = [
    {
      type: 'transact',
      group: 'main',
      operations: [{ type: 'counter-add', object: 'votes', amount: 1n }],
    },
    { type: 'put', key: 'k', value: utf8('w'), level: 'one' },
    { type: 'delete', key: 'k', level: 'one' },
    { type: 'offer', key: utf8('/k/k'), record: new Uint8Array(8) },
  ]

  function outcomeOf(world: World, command: Command): Outcome | undefined {
    let seen: Outcome | undefined
    world.driver.request(command, (outcome) => {
      seen = outcome
    })
    return seen
  }

  test.each(writes)('$type is refused before anything is applied', (command) => {
    const world = new World()
    world.commitAll()
    world.setFull(true)
    expect(outcomeOf(world, command)).toMatchObject({
      ok: false,
      error: { code: 'ERR_STORE_FULL', hint: expect.stringContaining('Free space') },
    })
    expect(world.commits).toEqual([])
    expect(world.driver.engine.replication.view('main').counter('votes')).toBe(0n)
  })

  test('reads go on, and writes do when there is room again; both turns are told once', () => {
    const world = new World()
    world.commitAll()
    const put: Command = { type: 'put', key: 'k', value: utf8('v'), level: 'one' }
    world.driver.request(put, () => {})
    world.commitAll()
    for (const isFull of [true, true, false, false]) {
      world.setFull(isFull)
      expect(world.driver.isFull).toBe(isFull)
      expect(outcomeOf(world, { type: 'get', key: 'k' })).toMatchObject({
        ok: true,
        result: { found: { value: utf8('v') } },
      })
    }
    const outcomes = world.add('votes')
    world.commitAll()
    expect(outcomes).toMatchObject([{ ok: true }])
    expect(world.alarms).toEqual([
      'store-full: 5 bytes free, 10 are kept in reserve: writes are refused, reads go on',
      'store-room: 20 bytes free, 10 are kept in reserve: writes go on',
    ])
  })

  test('what was accepted before is finished', () => {
    const world = new World()
    world.commitAll()
    const outcomes = world.add('votes')
    world.setFull(true)
    world.commitAll()
    expect(outcomes).toMatchObject([{ ok: true }])
  })

  test('a disk that is full from the start refuses from the start, and membership goes on', () => {
    const world = new World({ isFull: true })
    expect(world.add('votes')).toMatchObject([{ ok: false, error: { code: 'ERR_STORE_FULL' } }])
    expect(world.alarms).toHaveLength(1)
    world.link()
    const before = world.frameCount('member')
    for (let second = 0; second < 5; second++) world.tick(1_000)
    expect(world.frameCount('member')).toBeGreaterThan(before)
  })

  test('events of peers are dropped and counted, and not asked for; digests are answered', () => {
    const other = new World({ seed: 2 })
    other.commitAll()
    other.link()
    other.add('votes')
    other.commitAll()
    const events = other.frames.find(({ protocol, bytes }) => {
      const decoded = decodeFrame(bytes)
      return protocol === 'sync' && decoded.ok && decoded.value.type === 'events'
    })
    if (events === undefined) throw new Error('a linked peer is pushed what is new')

    const world = new World()
    world.commitAll()
    const peer = world.link()
    world.setFull(true)
    world.frames.length = 0
    world.listener?.frame(peer, 'sync', events.bytes)
    expect(world.commits).toEqual([])
    expect(world.driver.engine.drops.get('store-full')).toBe(1)
    const items = [{ group: 'main', isPartial: false, digest: new Uint8Array(16).fill(1) }]
    const digest = { type: 'digest', wantsAnswer: true, isLast: true, after: '', items } as const
    world.listener?.frame(peer, 'sync', encodeFrame(digest))
    expect(syncTypes(world.frames)).toEqual([])
    const vector = encodeFrame({
      type: 'pull',
      group: 'main',
      session: 1,
      credit: 1_000,
      vector: [],
      partials: [],
      base: undefined,
    })
    world.listener?.frame(peer, 'sync', vector)
    expect(syncTypes(world.frames)).toEqual(['end'])

    world.setFull(false)
    world.frames.length = 0
    for (let second = 0; second < 10; second++) world.tick(1_000)
    world.listener?.frame(peer, 'sync', encodeFrame(digest))
    expect(syncTypes(world.frames)).toContain('pull')
    world.listener?.frame(peer, 'sync', events.bytes)
    expect(world.driver.engine.replication.view('main').counter('votes')).toBe(1n)
  })

  test('a base that came while there was room is stored only when there is room again', () => {
    const world = new World()
    world.commitAll()
    const peer = world.link()
    world.commitAll()
    const receive = (frame: SyncFrame): void =>
      world.listener?.frame(peer, 'sync', encodeFrame(frame))
    const items = [{ group: 'main', isPartial: false, digest: new Uint8Array(16).fill(1) }]
    receive({ type: 'digest', wantsAnswer: true, isLast: true, after: '', items })
    const session = lastPull(world)?.session ?? 0
    const answer = { group: 'main', session } as const
    const replica = replicaOf('a')
    // A base without anything that lives: one event of somebody, long dead.
    const base = {
      head: [{ replica, have: 1, chain: { high: 1, low: 1 }, pendingKills: [] }],
      items: [{ writer: 0, from: 1, to: 1, mode: 'entries', bytes: new Uint8Array() }],
    } as const
    const end = { hasMore: false, isPartial: false, digest: new Uint8Array(16) } as const
    receive({ type: 'base', ...answer, ...base })
    world.setFull(true)
    receive({ type: 'end', ...answer, ...end, cursor: undefined })
    expect(world.commits).toEqual([])
    expect(world.driver.engine.drops.get('store-full')).toBe(1)

    world.setFull(false)
    world.frames.length = 0
    for (let second = 0; second < 10 && lastPull(world) === undefined; second++) world.tick(1_000)
    expect(lastPull(world)).toMatchObject({ session, base: { covered: [{ replica, n: 1 }] } })
    receive({ type: 'end', ...answer, ...end, cursor: undefined })
    expect(world.commits[0]?.writes.map(({ key }) => key.replace(/![^!]*$/, ''))).toEqual([
      'state!log!6d61696e',
      'state!log!6d61696e',
    ])
    expect(world.driver.engine.replication.vector('main').get(replica)).toBe(1)
  })

  test('a commit that fails although there is room stays final', () => {
    const world = new World()
    world.commitAll()
    const outcomes = world.add('votes')
    world.setFull(true)
    world.commitNext(new HearsayError('ERR_STORE_FULL', 'no space'))
    world.setFull(false)
    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'ERR_STORE_FULL' } }])
    expect(world.add('votes')).toMatchObject([{ ok: false, error: { message: 'no space' } }])
  })
})

describe('Driver with damaged rows', () => {
  test.each(['kv!00', 'member!epoch'])('%s is deleted before anything else and counted', (key) => {
    const world = new World({ before: (driver) => driver.damaged(key) })
    expect(world.commits[0]?.writes).toEqual([{ key, value: undefined }])
    expect(world.driver.engine.drops.get('damaged store row')).toBe(1)
    world.commitAll()
    const outcomes = world.add('votes')
    world.commitAll()
    expect(outcomes).toMatchObject([{ ok: true }])
  })

  test.each(['?tate!log', ''])('the node does not run on without %s', (key) => {
    const start = (): World => new World({ before: (driver) => driver.damaged(key) })
    expect(start).toThrow(HearsayError)
  })
})

function syncTypes(frames: readonly OutboundFrame[]): readonly string[] {
  return frames.flatMap(({ protocol, bytes }) => {
    const decoded = protocol === 'sync' ? decodeFrame(bytes) : undefined
    return decoded?.ok ? [decoded.value.type] : []
  })
}

function lastPull(world: World): (SyncFrame & { type: 'pull' }) | undefined {
  const pulls = world.frames.flatMap(({ protocol, bytes }) => {
    const decoded = protocol === 'sync' ? decodeFrame(bytes) : undefined
    return decoded?.ok && decoded.value.type === 'pull' ? [decoded.value] : []
  })
  return pulls.at(-1)
}
