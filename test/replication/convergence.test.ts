import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import { expectAgreement, faults, heal, play, step } from './schedule.ts'
import { World } from './world.ts'

describe('replicas', () => {
  it('agree with the oracle after any writes, partitions, crashes, loss and duplication', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 2, max: 5 }),
        faults,
        fc.array(step, { maxLength: 60, size: 'max' }),
        (seed, nodes, faultsOn, steps) => {
          const world = new World({ seed, nodes, faults: faultsOn })
          if (seed % 4 !== 0) world.linkAll()
          play(world, steps)
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          expectAgreement(world)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('over a ring instead of a full mesh agree too', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(step, { maxLength: 40, size: 'max' }), (seed, steps) => {
        const world = new World({ seed, nodes: 5 })
        play(
          world,
          steps.filter(({ type }) => type === 'write' || type === 'run'),
        )
        for (let i = 0; i < 5; i++) world.link(world.node(i), world.node((i + 1) % 5))
        expect(world.converge(5_000)).toBeDefined()
        expectAgreement(world)
      }),
      { numRuns: 60 },
    )
  })

  it('with a few hundred writes each agree within two seconds of a heal', () => {
    const world = new World({
      seed: 5,
      nodes: 5,
      faults: { loss: 0, duplication: 0, delayMs: 20, diskMs: 5 },
    })
    const random = seededRandom(5)
    for (let i = 0; i < 1_500; i++) {
      const writer = world.node(i % 5)
      world.transact(writer, [
        { type: 'set-add', object: 'tags', values: [`${randomInteger(random, 500)}`] },
        { type: 'counter-add', object: 'hits', amount: 1n },
      ])
      if (i % 3 === 0) {
        world.transact(writer, [
          { type: 'set-remove', object: 'tags', values: [`${randomInteger(random, 500)}`] },
        ])
      }
    }
    world.linkAll()
    expect(world.converge(2_000)).toBeDefined()
    expectAgreement(world)
    expect(world.node(0).core.view('main').counter('hits')).toBe(1_500n)
  })
})
