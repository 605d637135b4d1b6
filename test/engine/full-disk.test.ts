import { expect, test } from 'vitest'
import type { StoreWrite } from '../../src/base/core.ts'
import { randomInteger } from '../../src/base/random.ts'
import type { Ports } from '../../src/engine/ports.ts'
import { engineSubject } from '../../src/sim/engine-subject.ts'
import { type SimulationOptions, type SimulationReport, simulate } from '../../src/sim/run.ts'

const FAULTS_MS = 40_000
const PHASE_MS_MAX = 15_000
/** A timeout is no assertion: a slow machine takes its time. */
const LONG = { timeout: 120_000 }

interface FullDisks {
  readonly wrap: NonNullable<SimulationOptions['wrap']>
  /** How often a disk became full. */
  turns: number
  /** Rows of content that were written while there was no room. */
  readonly written: string[]
}

/** Disks that become full and have room again, at times that the seed decides, until the faults end. */
function fullDisks(): FullDisks {
  const fullDisks: FullDisks = {
    turns: 0,
    written: [],
    wrap: (ports, node, world): Ports => {
      const { process } = node
      const random = world.random('full', node.index, node.starts)
      let isFull = false
      let underWay = 0
      let mayFollow = 0
      return {
        ...ports,
        disk: {
          watch: (listener) => {
            const turn = (): void => {
              const isOver = world.now >= FAULTS_MS
              process?.post('input', () => {
                isFull = !isFull && !isOver
                if (isFull) fullDisks.turns += 1
                // What gathered behind a commit was accepted before: it may still follow it.
                mayFollow = underWay > 0 ? 1 : 0
                listener({ isFull, freeBytes: isFull ? 1 : 3, reserveBytes: 2 })
              })
              if (!isOver) world.schedule(randomInteger(random, PHASE_MS_MAX), turn)
            }
            world.schedule(randomInteger(random, PHASE_MS_MAX), turn)
            return { isFull, freeBytes: 3, reserveBytes: 2 }
          },
          commit: (writes, done) => {
            const content = writes.filter(isContent)
            if (isFull && content.length > 0) {
              mayFollow -= 1
              if (mayFollow < 0) fullDisks.written.push(...content.map(({ key }) => key))
            }
            underWay += 1
            ports.disk.commit(writes, (failure) => {
              underWay -= 1
              done(failure)
            })
          },
        },
      }
    },
  }
  return fullDisks
}

/** The program under test; its alarms about room are no sign of a fault, as every other would be. */
const subject: SimulationOptions['subject'] = (options) =>
  engineSubject({
    ...options,
    observe: (event) => {
      const isAboutRoom = event.type === 'alarm' && event.reason.startsWith('store-')
      if (!isAboutRoom) options.observe(event)
    },
  })

/** Whether a row grows with what users write. */
function isContent({ key, value }: StoreWrite): boolean {
  return value !== undefined && /^(state!log|kv)!/.test(key)
}

test('disks that are full for a while write nothing new meanwhile, and all agree', LONG, () => {
  const reports: SimulationReport[] = []
  let turns = 0
  for (let seed = 1; seed <= 8; seed++) {
    const disks = fullDisks()
    const faults = seed % 2 === 0 ? (['crash', 'partition', 'slow-disk'] as const) : []
    const report = simulate({
      subject,
      seed,
      nodes: 5,
      faults,
      faultsMs: FAULTS_MS,
      wrap: disks.wrap,
    })
    expect(report.failures).toEqual([])
    expect(disks.written, `seed ${seed}`).toEqual([])
    turns += disks.turns
    reports.push(report)
  }
  const drops = (reason: string): number =>
    reports.reduce((sum, report) => sum + (report.drops[reason] ?? 0), 0)
  expect(turns).toBeGreaterThan(50)
  expect(drops('store-full')).toBeGreaterThan(50)
  expect(drops('kv record: store-full')).toBeGreaterThan(10)
})
