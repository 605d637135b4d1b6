import { describe, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { Accusers } from '../../src/membership/accusers.ts'
import { type TestNode, World } from './world.ts'

/** States other than alive that anybody entered in anybody's view, of members other than `subject`. */
function doubtsOfOthers(world: World, subject: TestNode): number {
  const outputs = world.nodes.flatMap((node) => node.outputs)
  return outputs.filter(({ output }) => {
    if (output.type !== 'member' || output.change.member.peerId === subject.id) return false
    return output.change.member.state !== 'alive'
  }).length
}

function seen(world: World, subject: TestNode): string[][] {
  return world.nodes.filter((node) => node !== subject).map((node) => node.history(subject))
}

describe('a member that hears a fifth of what is sent to it', () => {
  test.each([5, 16])('of %i is degraded once and nobody else is doubted', (count) => {
    const world = World.settled(count, { seed: count, latencyMs: [0.2, 1] }, 10_000)
    const deaf = present(world.nodes[2], 'a node')
    for (const node of world.nodes) node.outputs.length = 0
    deaf.inboundLoss = 0.8
    world.run(120_000)
    expect(doubtsOfOthers(world, deaf)).toBe(0)
    for (const states of seen(world, deaf)) {
      expect(states).not.toContain('failed')
      expect(states.filter((state) => state === 'degraded').length).toBe(1)
      expect(states.at(-1)).toBe('degraded')
    }
  })

  test('is alive again half a minute after its links are well', () => {
    const world = World.settled(5, { seed: 7 }, 10_000)
    const deaf = present(world.nodes[2], 'a node')
    deaf.inboundLoss = 0.8
    world.until(() => world.nodes.every((node) => node.stateOf(deaf) === 'degraded'), 60_000)
    deaf.inboundLoss = 0
    world.run(28_000)
    expect(deaf.core.self.state).toBe('degraded')
    world.until(() => world.isAgreed(), 20_000)
  })

  test('is declared failed when it falls silent', () => {
    const world = World.settled(16, { seed: 8 }, 10_000)
    const deaf = present(world.nodes[2], 'a node')
    const others = world.nodes.filter((node) => node !== deaf)
    deaf.inboundLoss = 0.8
    world.until(() => others.every((node) => node.stateOf(deaf) === 'degraded'), 60_000)
    world.silence(deaf)
    // Five times the window of others, and what two neighbours that see it late take.
    world.until(() => others.every((node) => node.stateOf(deaf) === 'failed'), 12_000)
  })
})

test('a node alone with its one neighbour is never degraded', () => {
  const world = World.settled(2, { seed: 3 }, 5_000)
  const deaf = present(world.nodes[1], 'a node')
  deaf.inboundLoss = 0.5
  world.run(60_000)
  expect(seen(world, deaf).flat()).not.toContain('degraded')
})

describe('a partition', () => {
  test('is suspected once by each side, and healed within 5 s after an hour', () => {
    // Links end once everybody has found the silence: without them it takes longer to find.
    const world = World.settled(6, { seed: 12, cutLinksCloseMs: 2_000 }, 5_000)
    world.partition(world.nodes.slice(0, 2), world.nodes.slice(2))
    world.run(3_600_000)
    for (const node of world.nodes) {
      const told = node.outputs.filter(({ output }) => output.type === 'partition-suspected')
      expect(told.length).toBe(1)
    }
    world.heal()
    // Dials that began before the heal run into their timeout of 5 s; others are due every two seconds.
    expect(world.until(() => world.isAgreed(), 5_000)).toBeLessThanOrEqual(5_000)
  })

  test('of three seconds leaves nobody degraded, whatever each side says of the other', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = World.settled(5, { seed }, 15_000)
      world.partition(world.nodes.slice(0, 2), world.nodes.slice(2))
      world.run(3_000)
      world.heal()
      world.run(6_000)
      expect(world.isAgreed(), `seed ${seed}`).toBe(true)
    }
  })

  test('is not suspected when one of eight dies', () => {
    const world = World.settled(8, { seed: 13 }, 5_000)
    world.kill(present(world.nodes[3], 'a node'))
    world.run(10_000)
    for (const { outputs } of world.nodes) {
      expect(outputs.filter(({ output }) => output.type === 'partition-suspected')).toEqual([])
    }
  })
})

describe('Accusers', () => {
  const peer = World.settled(1).nodes[0]
  const id = present(peer, 'a node').id

  test('mute who is refuted thirty times in a row, for a minute', () => {
    const accusers = new Accusers()
    const lie = { isExcused: false, now: 1_000 }
    for (let i = 0; i < 30; i++) expect(accusers.refuted(id, lie)).toBe(false)
    expect(accusers.isMuted(id, 1_000)).toBe(false)
    expect(accusers.refuted(id, lie)).toBe(true)
    expect(accusers.isMuted(id, 60_999)).toBe(true)
    expect(accusers.isMuted(id, 61_000)).toBe(false)
  })

  test('forgive who is wrong now and then', () => {
    const accusers = new Accusers()
    for (let i = 0; i < 200; i++) {
      expect(accusers.refuted(id, { isExcused: false, now: i * 2_500 })).toBe(false)
    }
  })

  test('bear ten times as much of one that was cut off, and no more', () => {
    const accusers = new Accusers()
    const late = { isExcused: true, now: 1_000 }
    for (let i = 0; i < 299; i++) expect(accusers.refuted(id, late)).toBe(false)
    expect([1, 2, 3].map(() => accusers.refuted(id, late))).toContain(true)
    expect(accusers.isMuted(id, 1_000)).toBe(true)
  })
})
