import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import type { TestNode } from './world.ts'
import { World } from './world.ts'

/** Sees every one of `others` in the given state. */
function sees(nodes: readonly TestNode[], others: readonly TestNode[], state: string): boolean {
  return nodes.every((node) => others.every((other) => node.stateOf(other) === state))
}

function last(world: World): TestNode {
  return present(world.nodes.at(-1), 'a node')
}

/** Members that some node ever held for anything but alive. */
function doubts(world: World): number {
  const outputs = world.nodes.flatMap((node) => node.outputs)
  return outputs.filter(
    ({ output }) => output.type === 'member' && output.change.member.state !== 'alive',
  ).length
}

describe('joining', () => {
  test('a lone node is its only member and wants nothing', () => {
    const world = new World()
    const node = world.add()
    world.run(60_000)
    expect(node.core.members().map(({ state }) => state)).toEqual(['alive'])
    expect(node.framesOut).toBe(0)
  })

  test.each([2, 3, 4, 9, 10, 30])(
    '%i members that join one seed at once agree within 2 s',
    (count) => {
      const world = new World({ seed: count })
      const first = world.add()
      for (let i = 1; i < count; i++) world.add({ join: [first] })
      expect(world.until(() => world.isAgreed(), 2_000)).toBeLessThan(2_000)
      world.run(10_000)
      expect(doubts(world)).toBe(0)
      expect(world.nodes.map((node) => node.drops())).toEqual(world.nodes.map(() => ({})))
    },
  )

  test('50 members converge, hold at least 8 overlay links and idle without signature work', () => {
    const world = World.settled(50, { seed: 50 }, 10_000)
    expect(world.isAgreed()).toBe(true)
    for (const node of world.nodes) expect(node.links.size).toBeGreaterThanOrEqual(5)
    const work = (): number =>
      world.nodes.reduce((sum, { signer }) => sum + signer.signed + signer.verified, 0)
    const bytes = (): number => world.nodes.reduce((sum, { bytesOut }) => sum + bytesOut, 0)
    const before = { work: work(), bytes: bytes() }
    world.run(10_000)
    expect(work()).toBe(before.work)
    // The document allows 1 KB/s for a node that idles.
    expect((bytes() - before.bytes) / 10 / 50).toBeLessThan(1_000)
  })

  test('a seed may start a minute after those that wait for it', () => {
    const world = new World({ seed: 7 })
    const seed = world.add({ start: false })
    world.add({ join: [seed] })
    world.add({ join: [seed] })
    world.run(60_000)
    world.start(seed)
    expect(world.until(() => world.isAgreed(), 7_000)).toBeLessThan(7_000)
  })

  test('members that name each other in a ring agree in any order', () => {
    const world = new World({ seed: 8 })
    for (let i = 0; i < 6; i++) world.add({ start: false })
    world.nodes.forEach((node, i) => {
      world.start(node, [present(world.nodes[(i + 1) % 6], 'a node')])
      world.run(700)
    })
    expect(world.until(() => world.isAgreed(), 7_000)).toBeLessThan(7_000)
  })

  test('no seed is dialled again while its peer is alive', () => {
    const world = World.settled(3, {}, 60_000)
    for (const node of world.nodes.slice(1)) {
      expect(node.outputs.filter(({ output }) => output.type === 'join-wanted')).toHaveLength(1)
    }
  })
})

describe('detection', () => {
  test.each([2, 3, 5, 12, 30])(
    'of %i members a killed one is known dead by all within 1 s',
    (count) => {
      const world = World.settled(count, { seed: count }, 10_000)
      const victim = last(world)
      world.kill(victim)
      expect(world.until(() => sees(world.up, [victim], 'failed'), 1_000)).toBeLessThanOrEqual(
        1_000,
      )
      world.run(20_000)
      expect(sees(world.up, [victim], 'failed')).toBe(true)
    },
  )

  test('four of five killed at once are known dead by the survivor within 1 s', () => {
    const world = World.settled(5, { seed: 3 }, 10_000)
    const victims = world.nodes.slice(1)
    for (const victim of victims) world.kill(victim)
    expect(world.until(() => sees(world.up, victims, 'failed'), 1_000)).toBeLessThanOrEqual(1_000)
  })

  test.each([
    [2, 3_000],
    [3, 3_000],
    [5, 3_000],
    [12, 3_000],
    [30, 3_000],
  ])('of %i members a silent one is known dead by all within %i ms', (count, limitMs) => {
    const world = World.settled(count, { seed: count }, 10_000)
    const victim = last(world)
    world.silence(victim)
    const others = world.nodes.filter((node) => node !== victim)
    world.until(() => sees(others, [victim], 'failed'), limitMs)
    // It neither refutes nor returns by itself, and nobody else is doubted.
    expect(
      others.flatMap((node) => others.map((other) => node.history(other))).flat(),
    ).not.toContain('failed')
    world.until(() => sees([victim], others, 'failed'), 15_000)
  })

  test('a member that hears nobody any more holds all others for failed within 10 s', () => {
    const world = World.settled(30, { seed: 30 }, 10_000)
    const victim = last(world)
    world.silence(victim)
    const others = world.nodes.filter((node) => node !== victim)
    world.until(() => sees([victim], others, 'failed'), 10_000)
  })

  test.each([2, 3, 12])(
    'of %i members one whose links are gone and that no dial reaches is found out',
    (count) => {
      // The links end before a ping can miss: only dials and relays are left.
      const world = World.settled(count, { seed: count, cutLinksCloseMs: 100 }, 10_000)
      const victim = last(world)
      world.silence(victim)
      const others = world.nodes.filter((node) => node !== victim)
      world.until(() => sees(others, [victim], 'failed'), 12_000)
      for (const node of others) expect(sees([node], others, 'alive')).toBe(true)
    },
  )

  test('no member is doubted in ten quiet minutes', () => {
    const world = World.settled(7, { latencyMs: [1, 80] }, 600_000)
    expect(world.isAgreed()).toBe(true)
    expect(doubts(world)).toBe(0)
  })

  test('10 % loss kills nobody in 5 minutes of 8 members', () => {
    let deaths = 0
    for (const seed of [1, 2, 3]) {
      const world = World.settled(8, { seed, duplicates: 0.05 })
      world.loss = 0.1
      world.run(300_000)
      for (const node of world.nodes) {
        for (const other of world.nodes) {
          deaths += node.history(other).filter((state) => state === 'failed').length
        }
      }
      world.loss = 0
      world.until(() => world.isAgreed(), 20_000)
    }
    expect(deaths).toBe(0)
  })

  test('a node that stalls for 1.4 s accuses nobody and survives', () => {
    const world = World.settled(6, { seed: 5 }, 5_000)
    const slow = present(world.nodes[2], 'a node')
    slow.pausedUntil = world.now + 1_400
    world.run(30_000)
    for (const other of world.nodes) expect(slow.history(other)).not.toContain('suspect')
    for (const node of world.nodes) expect(node.history(slow)).not.toContain('failed')
    expect(world.isAgreed()).toBe(true)
  })

  test('after a pause of 20 s a node is alive everywhere within 300 ms and accused nobody', () => {
    const world = World.settled(6, { seed: 15 }, 5_000)
    const slow = present(world.nodes[2], 'a node')
    slow.pausedUntil = world.now + 20_000
    world.run(20_000)
    expect(world.until(() => world.isAgreed(), 300)).toBeLessThanOrEqual(300)
    world.run(10_000)
    for (const other of world.nodes)
      expect(slow.history(other)).toEqual(['alive'].slice(Number(other === slow)))
  })

  test('short stalls of all nodes again and again kill nobody', () => {
    const world = World.settled(6, { seed: 6 }, 5_000)
    for (let round = 0; round < 60; round++) {
      for (const node of world.nodes) {
        // One that runs into the next would be as long as a death takes.
        const isPaused = node.pausedUntil + 300 > world.now
        if (!isPaused && world.random.next() < 0.5) {
          node.pausedUntil = world.now + 1_500 * world.random.next()
        }
      }
      world.run(1_000)
    }
    // Whoever had to refute again and again was degraded, and is well for half a minute first.
    world.run(45_000)
    for (const node of world.nodes) {
      for (const other of world.nodes) expect(node.history(other)).not.toContain('failed')
    }
    expect(world.isAgreed()).toBe(true)
  })

  test('an idle node wakes up for what is due: its pings, not the answers that came in time', () => {
    const world = World.settled(16, { seed: 16 }, 10_000)
    let ticks = 0
    for (const { core } of world.nodes) {
      const handle = core.handle.bind(core)
      core.handle = (input, now) => {
        if (input.type === 'tick') ticks += 1
        handle(input, now)
      }
    }
    world.run(20_000)
    // Eight links and a ping on each every 2.6 s are three; one more for all that is rare.
    expect(ticks / world.nodes.length / 20).toBeLessThanOrEqual(5)
  })
})

describe('healing', () => {
  test.each([2, 5, 12, 30])('%i members agree again within 5 s after a partition', (count) => {
    const world = World.settled(count, { seed: count }, 5_000)
    const left = world.nodes.slice(0, count >> 1)
    const right = world.nodes.slice(count >> 1)
    world.partition(left, right)
    world.until(() => sees(left, right, 'failed') && sees(right, left, 'failed'), 20_000)
    world.run(40_000)
    expect(sees(left, left, 'alive') && sees(right, right, 'alive')).toBe(true)
    world.heal()
    expect(world.until(() => world.isAgreed(), 5_000)).toBeLessThanOrEqual(5_000)
  })

  test('links that died in the partition are made anew', () => {
    const world = World.settled(8, { seed: 4, cutLinksCloseMs: 3_000 }, 5_000)
    const left = world.nodes.slice(0, 4)
    const right = world.nodes.slice(4)
    world.partition(left, right)
    world.until(() => sees(left, right, 'failed') && sees(right, left, 'failed'), 30_000)
    world.run(300_000)
    world.heal()
    // A dial under way at the heal has to run into its timeout of 5 s first.
    expect(world.until(() => world.isAgreed(), 10_000)).toBeLessThanOrEqual(10_000)
  })

  test('a partition shorter than the suspicion costs no death', () => {
    const world = World.settled(6, { seed: 9 }, 5_000)
    world.partition(world.nodes.slice(0, 3), world.nodes.slice(3))
    world.run(1_200)
    world.heal()
    world.until(() => world.isAgreed(), 5_000)
    for (const node of world.nodes) {
      for (const other of world.nodes) expect(node.history(other)).not.toContain('failed')
    }
  })

  test('a restarted member returns with a higher epoch, without a seed', () => {
    const world = World.settled(4, { seed: 2 }, 5_000)
    const node = last(world)
    const before = node.core.self.epoch
    world.kill(node)
    world.until(() => sees(world.up, [node], 'failed'), 1_000)
    world.restart(node)
    expect(node.core.self.epoch).toBeGreaterThan(before)
    // Nobody is shown before it is heard of; the peer book knows whom to dial.
    expect(node.core.members()).toHaveLength(1)
    expect(world.until(() => world.isAgreed(), 5_000)).toBeLessThanOrEqual(5_000)
  })

  test('a network that restarts at once finds itself through the peer books', () => {
    const world = World.settled(6, { seed: 12 }, 5_000)
    for (const node of world.nodes) world.kill(node)
    world.run(30_000)
    for (const node of world.nodes) world.restart(node)
    expect(world.until(() => world.isAgreed(), 5_000)).toBeLessThanOrEqual(5_000)
  })

  test('a lost store with a sane clock does not go back', () => {
    const world = World.settled(3, { seed: 13 }, 5_000)
    const node = last(world)
    world.kill(node)
    node.store.clear()
    world.run(2_000)
    world.restart(node, [present(world.nodes[0], 'a node')])
    expect(world.until(() => world.isAgreed(), 5_000)).toBeLessThanOrEqual(5_000)
    expect(world.nodes.flatMap((other) => other.drops().alarm ?? [])).toEqual([])
  })
})

describe('leaving', () => {
  test('a leaver is told goodbye by two neighbours within 100 ms and never shown failed', () => {
    const world = World.settled(5, { seed: 3 }, 5_000)
    const leaver = last(world)
    world.feed(leaver, { type: 'leave' })
    const hasLeft = (): boolean => leaver.outputs.some(({ output }) => output.type === 'left')
    expect(world.until(hasLeft, 400)).toBeLessThanOrEqual(100)
    world.kill(leaver)
    world.run(30_000)
    expect(sees(world.up, [leaver], 'left')).toBe(true)
    for (const node of world.up) {
      expect(node.history(leaver)).toEqual(['alive', 'left'])
      expect(node.store.has(`member!book!${leaver.id}`)).toBe(false)
    }
  })

  test('a leaver that nobody hears is done after 400 ms', () => {
    const world = World.settled(3, { seed: 3 }, 5_000)
    const leaver = last(world)
    world.silence(leaver)
    world.feed(leaver, { type: 'leave' })
    const hasLeft = (): boolean => leaver.outputs.some(({ output }) => output.type === 'left')
    world.run(390)
    expect(hasLeft()).toBe(false)
    world.run(20)
    expect(hasLeft()).toBe(true)
  })

  test('a member that left may come back', () => {
    const world = World.settled(3, { seed: 3 }, 5_000)
    const leaver = last(world)
    world.feed(leaver, { type: 'leave' })
    world.run(500)
    world.restart(leaver, [present(world.nodes[0], 'a node')])
    world.until(() => world.isAgreed(), 5_000)
    expect(leaver.core.self.state).toBe('alive')
  })
})

describe('digests', () => {
  const digest = (byte: number): Uint8Array => new Uint8Array(16).fill(byte)

  test('every member soon knows every digest, linked or not', () => {
    const world = World.settled(30, { seed: 30 })
    world.nodes.forEach((node, i) => {
      world.feed(node, { type: 'digest', digest: digest(i) })
    })
    const isKnown = (): boolean =>
      world.nodes.every((node) =>
        world.nodes.every((other, i) => {
          const row = node.core.members().find(({ peerId }) => peerId === other.id)
          return row?.digest?.[0] === i
        }),
      )
    expect(world.until(isKnown, 500)).toBeLessThanOrEqual(500)
  })

  test('own changes are told at once, then at most once per 100 ms', () => {
    const world = World.settled(2, { seed: 2 })
    const [teller, hearer] = world.nodes
    if (teller === undefined || hearer === undefined) throw new Error('two nodes')
    for (let i = 1; i <= 100; i++) {
      world.feed(teller, { type: 'digest', digest: digest(i) })
      world.run(10)
    }
    world.run(200)
    const row = hearer.core.members().find(({ peerId }) => peerId === teller.id)
    expect(row?.digest?.[0]).toBe(100)
    const told = hearer.outputs.filter(({ output }) => output.type === 'digests')
    expect(told.length).toBeGreaterThanOrEqual(9)
    expect(told.length).toBeLessThanOrEqual(12)
  })

  test('of many members that write all the time, digests travel together', () => {
    const world = World.settled(48, { seed: 48 })
    const before = world.nodes.reduce((sum, { framesOut }) => sum + framesOut, 0)
    for (let i = 1; i <= 50; i++) {
      for (const node of world.nodes) world.feed(node, { type: 'digest', digest: digest(i) })
      world.run(100)
    }
    const frames = world.nodes.reduce((sum, { framesOut }) => sum + framesOut, -before)
    // Eight links, on each of which something waits all the time: 90 ms with 48 members.
    expect(frames / world.nodes.length / 5).toBeLessThanOrEqual(8 * 11)
  })

  test('a linked peer with another digest is hinted at, one with the same is not', () => {
    const world = World.settled(2, { seed: 2 })
    const [a, b] = world.nodes
    if (a === undefined || b === undefined) throw new Error('two nodes')
    world.feed(a, { type: 'digest', digest: digest(1) })
    world.feed(b, { type: 'digest', digest: digest(1) })
    world.run(5_000)
    const hints = (): number =>
      b.outputs.filter(({ output }) => output.type === 'digest-differs').length
    const before = hints()
    world.run(5_000)
    expect(hints()).toBe(before)
    world.feed(a, { type: 'digest', digest: digest(2) })
    world.run(3_000)
    expect(hints()).toBeGreaterThan(before)
  })
})

describe('identity', () => {
  test('new addresses travel in a new incarnation, the same ones in none', () => {
    const world = World.settled(2, { seed: 2 })
    const [a, b] = world.nodes
    if (a === undefined || b === undefined) throw new Error('two nodes')
    const before = a.core.self.incarnation
    world.feed(a, { type: 'addresses', addresses: [a.address] })
    expect(a.core.self.incarnation).toBe(before)
    world.feed(a, { type: 'addresses', addresses: [a.address, '/ip4/10.0.0.99/tcp/1'] })
    expect(a.core.self.incarnation).toBe(before + 1)
    world.run(100)
    const row = b.core.members().find(({ peerId }) => peerId === a.id)
    expect(row?.addresses).toEqual([a.address, '/ip4/10.0.0.99/tcp/1'])
  })
})

describe('tags', () => {
  test('new tags travel in a new incarnation, the same ones in none, too large ones never', () => {
    const world = World.settled(2, { seed: 2 })
    const [a, b] = world.nodes
    if (a === undefined || b === undefined) throw new Error('two nodes')
    const before = a.core.self.incarnation
    world.feed(a, { type: 'tags', tags: { zone: 'a', role: 'web' } })
    world.feed(a, { type: 'tags', tags: { role: 'web', zone: 'a' } })
    expect(a.core.self.incarnation).toBe(before + 1)
    world.run(100)
    const tags = (): unknown => b.core.members().find(({ peerId }) => peerId === a.id)?.tags
    expect(tags()).toEqual({ role: 'web', zone: 'a' })
    world.feed(a, { type: 'tags', tags: { role: 'web' } })
    world.run(100)
    expect(tags()).toEqual({ role: 'web' })
    const large = { role: 'x'.repeat(509) }
    expect(() => world.feed(a, { type: 'tags', tags: large })).toThrow(RangeError)
    expect(a.core.self.tags).toEqual({ role: 'web' })
  })
})

describe('members()', () => {
  test('rows are ordered by id and the same array between changes', () => {
    const world = World.settled(5, {}, 5_000)
    const { core } = present(world.nodes[0], 'a node')
    const rows = core.members()
    expect(core.members()).toBe(rows)
    expect(rows.map(({ peerId }) => peerId)).toEqual(rows.map(({ peerId }) => peerId).sort())
  })
})

test('one seed gives one run, byte for byte', () => {
  const trace = (): string => {
    const world = World.settled(12, { seed: 77, duplicates: 0.1 })
    world.loss = 0.1
    world.kill(last(world))
    world.run(20_000)
    return world.nodes
      .map(({ framesOut, bytesOut, view }) => `${framesOut}/${bytesOut}/${view}`)
      .join()
  }
  expect(trace()).toBe(trace())
})
