import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { Disk } from '../../src/sim/disk.ts'
import { SignerBook } from '../../src/sim/fake-signer.ts'
import { NodeClock } from '../../src/sim/node-clock.ts'
import { Process } from '../../src/sim/process.ts'
import { World } from '../../src/sim/world.ts'

function processOf(world: World): Process {
  return new Process(world, world.random('process'), (failure) => {
    throw failure
  })
}

function diskOf(world: World, durable: string[] = []): Disk {
  return new Disk(world, {
    random: world.random('disk'),
    latencyMs: 10,
    durable: (writes) => durable.push(writes.map(({ key }) => key).join()),
  })
}

describe('World', () => {
  test('events run in the order of their time', () => {
    const world = new World(1)
    const seen: number[] = []
    for (const at of [5, 1, 3]) world.schedule(at, () => seen.push(world.now))
    world.runUntil(4)
    expect(seen).toEqual([1, 3])
    expect(world.now).toBe(4)
  })

  test('the seed decides the order within one instant', () => {
    const order = (seed: number): string => {
      const world = new World(seed)
      const seen: number[] = []
      for (let i = 0; i < 8; i++) world.schedule(1, () => seen.push(i))
      world.runUntil(1)
      return seen.join()
    }
    expect(order(1)).toBe(order(1))
    expect(new Set([1, 2, 3, 4].map(order)).size).toBeGreaterThan(1)
  })

  test('streams of different concerns differ, and using one does not move another', () => {
    const world = new World(1)
    const first = world.random('a', 1)
    first.next()
    expect(world.random('a', 1).uint32()).toBe(new World(1).random('a', 1).uint32())
    expect(world.random('a', 1).uint32()).not.toBe(world.random('a', 2).uint32())
    expect(world.random('a', 1).uint32()).not.toBe(world.random('b', 1).uint32())
  })

  test('the trace tells apart what differs by one byte or one microsecond', () => {
    const digests = [
      (world: World) => world.trace.bytes(Uint8Array.of(1, 2, 3, 4, 5)),
      (world: World) => world.trace.bytes(Uint8Array.of(1, 2, 3, 4, 6)),
      (world: World) => world.trace.number(1.001),
      (world: World) => world.trace.number(1.002),
    ].map((fold) => {
      const world = new World(1)
      fold(world)
      return world.trace.digest()
    })
    expect(new Set(digests).size).toBe(4)
  })
})

describe('Process', () => {
  test('a stalled process handles nothing, then everything in order', () => {
    const world = new World(1)
    const process = processOf(world)
    const seen: string[] = []
    process.stall(10)
    for (const text of ['a', 'b']) process.post('input', () => seen.push(text))
    world.runUntil(9)
    expect(seen).toEqual([])
    world.runUntil(10)
    expect(seen).toEqual(['a', 'b'])
  })

  test('a killed process handles nothing of its backlog', () => {
    const world = new World(1)
    const process = processOf(world)
    const seen: string[] = []
    process.stall(10)
    process.post('input', () => seen.push('a'))
    process.kill()
    world.runUntil(20)
    expect(seen).toEqual([])
  })
})

describe('NodeClock', () => {
  test('arming replaces the timer before', () => {
    const world = new World(1)
    const clock = new NodeClock(world, { skewMs: 500, drift: 0 })
    const port = clock.port(processOf(world))
    const seen: string[] = []
    port.arm(port.now() + 5, () => seen.push('first'))
    port.arm(port.now() + 9, () => seen.push('second'))
    world.runUntil(20)
    expect(seen).toEqual(['second'])
  })

  test('a jump moves the clock and not the timer', () => {
    const world = new World(1)
    const clock = new NodeClock(world, { skewMs: 0, drift: 0 })
    const port = clock.port(processOf(world))
    const before = port.now()
    let firedAt = 0
    port.arm(before + 100, () => {
      firedAt = world.now
    })
    clock.jump(-60_000)
    expect(port.now()).toBe(before - 60_000)
    world.runUntil(200)
    expect(firedAt).toBe(100)
  })
})

describe('Disk', () => {
  test('commits become durable in order and then call back', () => {
    const world = new World(1)
    const durable: string[] = []
    const disk = diskOf(world, durable)
    const port = disk.port(processOf(world))
    const done: string[] = []
    for (const key of ['b', 'a']) {
      port.commit([{ key, value: utf8(key) }], () => done.push(`${key} of ${durable.length}`))
    }
    expect(done).toEqual([])
    world.runUntil(100)
    expect(durable).toEqual(['b', 'a'])
    expect(done).toEqual(['b of 1', 'a of 2'])
    expect(disk.rows().map(({ key }) => key)).toEqual(['a', 'b'])
  })

  test('a crash keeps a prefix of what was under way, and every length of it occurs', () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < 40; seed++) {
      const world = new World(seed)
      const disk = diskOf(world)
      const port = disk.port(processOf(world))
      let calls = 0
      for (const key of ['a', 'b', 'c']) {
        port.commit([{ key, value: utf8(key) }], () => {
          calls += 1
        })
      }
      disk.crash()
      world.runUntil(1_000)
      expect(calls).toBe(0)
      const kept = disk.rows().map(({ key }) => key)
      expect(['a', 'b', 'c'].slice(0, kept.length)).toEqual(kept)
      lengths.add(kept.length)
    }
    expect([...lengths].sort()).toEqual([0, 1, 2, 3])
  })

  test('a slow phase delays commits, a failure is told and keeps nothing', () => {
    const world = new World(1)
    const disk = diskOf(world)
    const port = disk.port(processOf(world))
    const seen: string[] = []
    disk.slow(5_000, 100)
    port.commit([{ key: 'a', value: utf8('a') }], () => seen.push('a'))
    world.runUntil(4_999)
    expect(seen).toEqual([])
    world.runUntil(5_001)
    expect(seen).toEqual(['a'])
    disk.fail(new Error('no space'))
    port.commit([{ key: 'b', value: utf8('b') }], (failure) => seen.push(failure?.message ?? ''))
    world.runUntil(6_000)
    expect(seen).toEqual(['a', 'no space'])
    expect(disk.rows()).toHaveLength(1)
  })
})

describe('SignerBook', () => {
  test('a signature is valid for its key and message alone', () => {
    const book = new SignerBook()
    const world = new World(1)
    const a = book.create(world.random('a'))
    const b = book.create(world.random('b'))
    const signature = a.sign(utf8('text'))
    expect(signature).toHaveLength(64)
    expect(b.verify(a.publicKey, utf8('text'), signature)).toBe(true)
    expect(b.verify(a.publicKey, utf8('other'), signature)).toBe(false)
    expect(b.verify(b.publicKey, utf8('text'), signature)).toBe(false)
    expect(b.verify(new Uint8Array(3), utf8('text'), signature)).toBe(false)
    expect(b.verify(a.publicKey, utf8('text'), new Uint8Array(3))).toBe(false)
  })
})
