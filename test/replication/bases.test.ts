import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expectAgreement, faults, heal, play, step } from './schedule.ts'
import { World } from './world.ts'

/** Logs end as soon as a snapshot covers them, and snapshots come all the time. */
const SHORT = { snapshotTailBytes: 100, logBytesMax: 1 }
/** And what a base brings is sent and merged in many steps. */
const STEPS = { ...SHORT, mergeInPlaceMax: 1, mergeStepEntries: 1, serveTurnEvents: 1 }

describe('bases', () => {
  it('replicas whose logs are always truncated agree with the oracle', () => {
    let bases = 0
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 2, max: 5 }),
        faults,
        fc.array(step, { maxLength: 60, size: 'max' }),
        (seed, nodes, faultsOn, steps) => {
          const loss = Math.min(0.1, faultsOn.loss)
          const tunables = seed % 2 === 0 ? SHORT : STEPS
          const world = new World({ seed, nodes, faults: { ...faultsOn, loss }, tunables })
          world.filter = (_from, _to, bytes) => {
            if (bytes[0] === 0x2a) bases += 1
            return true
          }
          if (seed % 4 !== 0) world.linkAll()
          play(world, steps)
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          expectAgreement(world)
          for (const node of world.nodes) world.crash(node)
          heal(world)
          expect(world.converge(60_000)).toBeDefined()
          expectAgreement(world)
        },
      ),
      { numRuns: 150 },
    )
    expect(bases).toBeGreaterThan(100)
  })
})
