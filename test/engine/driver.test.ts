import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import type { StoreWrite } from '../../src/base/core.ts'
import { HearsayError } from '../../src/base/errors.ts'
import { type PeerId, peerIdFromPublicKey } from '../../src/base/ids.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Signer } from '../../src/base/signer.ts'
import { Driver } from '../../src/engine/driver.ts'
import type { EngineEvent, Outcome } from '../../src/engine/engine-types.ts'
import type { LinkListener, OutboundFrame } from '../../src/engine/ports.ts'

const STARTED_AT = Date.UTC(2026, 0, 1)

/** A world of one node whose disk answers only when the test says so. */
class World {
  readonly frames: OutboundFrame[] = []
  readonly events: EngineEvent[] = []
  readonly commits: { writes: readonly StoreWrite[]; done: (failure?: Error) => void }[] = []
  readonly driver: Driver
  listener: LinkListener | undefined
  wallMs = STARTED_AT
  wake: (() => void) | undefined
  armedAt: number | undefined

  constructor() {
    const publicKey = new Uint8Array(32).fill(1)
    const signer: Signer = {
      publicKey,
      peerId: peerIdFromPublicKey(publicKey),
      sign: () => new Uint8Array(64),
      verify: () => true,
    }
    this.driver = new Driver({
      ports: {
        clock: {
          now: () => this.wallMs,
          arm: (at, wake) => {
            this.armedAt = at
            this.wake = wake
          },
        },
        links: {
          listen: (listener) => {
            this.listener = listener
          },
          dial: () => {},
          join: () => {},
          send: (frame) => {
            this.frames.push(frame)
            return true
          },
          protect: () => {},
          close: () => {},
        },
        disk: {
          commit: (writes, done) => {
            this.commits.push({ writes, done: (failure) => done(failure) })
          },
        },
        random: seededRandom(1),
        signer,
      },
      network: 'test',
      name: 'one',
      protocol: { min: 1, max: 1 },
      replication: 5,
      dialLoopback: true,
      observe: (event) => this.events.push(event),
    })
    this.driver.start()
  }

  link(): PeerId {
    const peer = peerIdFromPublicKey(new Uint8Array(32).fill(2))
    this.listener?.linkUp(peer, {
      direction: 'inbound',
      remoteAddress: '/ip4/127.0.0.1/tcp/1',
    })
    return peer
  }

  add(object: string): Outcome[] {
    const outcomes: Outcome[] = []
    this.driver.request(
      {
        type: 'transact',
        group: 'main',
        operations: [{ type: 'counter-add', object, amount: 1n }],
      },
      (outcome) => outcomes.push(outcome),
    )
    return outcomes
  }

  /** Lets the oldest unanswered commit become durable. */
  commitNext(failure?: Error): void {
    const commit = this.commits.shift()
    if (commit === undefined) throw new Error('no commit is waiting')
    commit.done(failure)
  }

  commitAll(): void {
    while (this.commits.length > 0) this.commitNext()
  }

  frameCount(protocol: string): number {
    return this.frames.filter((frame) => frame.protocol === protocol).length
  }

  tick(ms: number): void {
    this.wallMs += ms
    this.wake?.()
  }
}

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

  test('writes are released in their order, each by its own commit', () => {
    const world = new World()
    world.commitAll()
    const first = world.add('one')
    const second = world.add('two')
    expect(world.commits).toHaveLength(2)
    world.commitNext()
    expect([first.length, second.length]).toEqual([1, 0])
    world.commitNext()
    expect([first.length, second.length]).toEqual([1, 1])
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
