import { describe, expect, test } from 'vitest'
import type { EngineInput } from '../../src/engine/engine-types.ts'
import { World } from './driver-world.ts'

describe('Driver after a broken assertion', () => {
  /** A driver whose engine breaks at the next input of a kind, once. */
  function broken(type: EngineInput['type']): World {
    const world = new World()
    world.commitAll()
    const { engine } = world.driver
    const { handle } = engine
    engine.handle = (input, now) => {
      if (input.type === type) throw new Error('Broken invariant: test')
      handle.call(engine, input, now)
    }
    return world
  }

  test('callers are told, those of before and of later, and so is the observer', () => {
    const world = broken('link-up')
    const waiting = world.add('votes')
    world.link()
    const later = world.add('votes')
    for (const outcomes of [waiting, later]) {
      expect(outcomes).toMatchObject([{ ok: false, error: { code: 'ERR_INTERNAL' } }])
    }
    const fatal = world.events.filter((event) => event.type === 'fatal')
    expect(fatal).toMatchObject([
      {
        error: {
          code: 'ERR_INTERNAL',
          message: 'Cannot go on: Broken invariant: test',
          cause: { message: 'Broken invariant: test' },
        },
      },
    ])
    expect(world.driver.failure).toMatchObject({ code: 'ERR_INTERNAL' })
  })

  test('the caller whose command broke it is told, too', () => {
    expect(broken('command').add('votes')).toMatchObject([
      { ok: false, error: { code: 'ERR_INTERNAL' } },
    ])
  })

  test('nothing enters or leaves any more, and halt() may still be called', () => {
    const world = broken('link-up')
    world.add('votes')
    world.link()
    const [frames, events] = [world.frames.length, world.events.length]
    expect(world.armedAt).toBeUndefined()
    world.commitAll()
    world.wake?.()
    world.tick(10_000)
    world.link()
    world.driver.join(['/ip4/127.0.0.1/tcp/1'])
    world.driver.halt()
    expect([world.frames.length, world.events.length]).toEqual([frames, events])
  })

  test('in what a commit sets free, it is told as well', () => {
    const world = new World()
    world.commitAll()
    world.link()
    world.commitAll()
    world.failsToSend = true
    const outcomes = world.add('votes')
    world.commitAll()
    expect(outcomes).toHaveLength(1)
    expect(world.events.filter((event) => event.type === 'fatal')).toHaveLength(1)
  })
})
