import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Operation } from '../../src/crdt/operation.ts'
import type { SyncFrame } from '../../src/replication/sync/frames.ts'
import { replicaOf } from '../crdt/encoded.ts'
import { first } from '../crdt/run-samples.ts'
import { Liar, push, runsOf } from './liar.ts'

const ADD: Operation = { type: 'counter-add', object: 'votes', amount: 1n }
const NOBODY = new Uint8Array(16).fill(1)

/** A node that has written once, alone with an observer that says what it likes. */
function watched(tunables = {}): Liar {
  const liar = new Liar(tunables)
  liar.meet(false)
  const { world, target, node } = liar
  world.input(target, { type: 'peer-up', peer: node.id, isObserver: true })
  world.transact(target, [ADD])
  world.run(50)
  target.told.length = 0
  return liar
}

const isUnmoved = ({ target }: Liar): boolean => {
  const { objects, events, unsynced } = target.core.status('main')
  const isSame = objects === 1 && events === 1 && unsynced === 1
  return isSame && target.core.replicatedBy('main', 1) === 0 && target.core.groups().length === 1
}

test('an observer is shown what it lacks, and is asked for nothing', () => {
  const liar = watched()
  const item = { group: 'main', isPartial: false, digest: NOBODY }
  // Of a writer that nobody here knows.
  const past = { session: 0, vector: [{ hash: 7, n: 3 }] }
  for (const items of [[item], [{ ...item, past }]]) {
    liar.says({ type: 'digest', wantsAnswer: true, isLast: true, after: '', items })
    liar.world.run(2_000)
  }
  liar.world.input(liar.target, { type: 'sync-wanted', peer: liar.node.id })
  liar.world.run(50)
  const shown = liar.last('digest').items[0]
  expect(shown?.past?.vector).toHaveLength(1)
  expect(shown?.past?.session).toBe(0)
  expect([liar.count('pull'), liar.count('trace')]).toEqual([0, 0])
})

test('an observer that has nothing is shown every group', () => {
  const liar = watched()
  liar.world.transact(liar.target, [ADD], 'team')
  liar.world.run(50)
  liar.heard.length = 0
  // Not again what it has just been shown.
  liar.every(1_500, 3, () => {
    liar.says({ type: 'digest', wantsAnswer: true, isLast: true, after: '', items: [] })
  })
  const shown = liar.heard.flatMap((frame) => (frame.type === 'digest' ? frame.items : []))
  expect(new Set(shown.map(({ group }) => group))).toEqual(new Set(['main', 'team']))
  expect(liar.count('pull')).toBe(0)
})

test('what an observer holds does not count: neither its acks, nor its vector, nor an equal digest', () => {
  const liar = watched()
  const { replica } = liar.target.core
  const { digest } = liar.target.core.status('main')
  const vector = [{ replica, n: 1 }]
  const [run] = liar.last('events').runs
  const hash = liar.last('digest').items[0]?.past?.vector[0]?.hash ?? 0
  if (!(run instanceof Uint8Array)) throw new Error('a first run is whole')
  const check = new DataView(run.buffer, run.byteOffset).getInt32(run.length - 4)
  liar.says({ type: 'ack', group: 'main', vector: [{ hash, n: 1, check }] })
  const rest = { session: 1, credit: 1 << 20, partials: [], base: undefined } as const
  liar.says({ type: 'pull', group: 'main', vector, ...rest })
  const items = [{ group: 'main', isPartial: false, digest }]
  liar.says({ type: 'digest', wantsAnswer: true, isLast: true, after: '', items })
  expect(isUnmoved(liar)).toBe(true)
})

test('nobody gives up its identity because an observer claims to know more of it', () => {
  const liar = watched()
  const { replica } = liar.target.core
  const rest = { session: 1, credit: 1 << 20, partials: [], base: undefined } as const
  liar.says({ type: 'pull', group: 'main', vector: [{ replica, n: 9 }], ...rest })
  liar.says({ type: 'fork', group: 'main', replica, n: 1 })
  liar.world.run(20_000)
  expect(liar.target.core.replica).toBe(replica)
  expect(liar.count('trace')).toBe(0)
  expect([...liar.dropped()]).toEqual(['sync-of-observer'])
})

test('an observer makes no groups', () => {
  const liar = watched({ groupsMax: 2 })
  const rest = { session: 1, credit: 1 << 20, vector: [], partials: [], base: undefined } as const
  for (const group of ['a', 'b', 'c']) {
    liar.says({ type: 'pull', group, ...rest })
    const items = [{ group, isPartial: false, digest: NOBODY }]
    liar.says({ type: 'digest', wantsAnswer: true, isLast: true, after: '', items })
  }
  liar.world.transact(liar.target, [ADD], 'team')
  liar.world.run(50)
  expect(liar.target.core.groups()).toEqual(['main', 'team'])
  expect(liar.dropped()).not.toContain('groups-limit')
})

test('whatever an observer brings is dropped, and counted once each', () => {
  const liar = watched()
  const E = replicaOf('e')
  const brought: readonly SyncFrame[] = [
    push(...runsOf([first(1, undefined)])),
    { type: 'base', group: 'main', session: 1, head: undefined, items: [] },
    { type: 'fork', group: 'main', replica: E, n: 1 },
    { type: 'chains', group: 'main', replica: E, asked: 1, have: 1, chains: [] },
  ]
  liar.says(...brought)
  const reasons = liar.world.told(liar.target, 'dropped').map(({ reason }) => reason)
  expect(reasons).toEqual(brought.map(() => 'sync-of-observer'))
  expect(isUnmoved(liar)).toBe(true)
})

test('no sequence of frames of an observer moves anything', () => {
  const group = fc.constantFrom('main', 'team')
  const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 })
  const n = fc.integer({ min: 1, max: 5 })
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          kind: fc.constantFrom('digest', 'pull', 'push', 'ack', 'equal', 'summary'),
          group,
          bytes16,
          n,
          ours: fc.boolean(),
        }),
        { maxLength: 12 },
      ),
      (steps) => {
        const liar = watched()
        const { replica } = liar.target.core
        const runs = [...runsOf([first(1, undefined)])]
        const theirs = replicaOf('e')
        for (const step of steps) {
          const digest = step.ours ? liar.target.core.status('main').digest : step.bytes16
          const item = { group: step.group, isPartial: step.n === 5, digest }
          const vector = [{ replica: step.ours ? replica : theirs, n: step.n }]
          const rest = { session: 1, credit: 1 << 20, partials: [], base: undefined } as const
          const frames: Readonly<Record<string, SyncFrame>> = {
            digest: { type: 'digest', wantsAnswer: true, isLast: true, after: '', items: [item] },
            pull: { type: 'pull', group: step.group, vector, ...rest },
            push: push(...runs),
            ack: { type: 'ack', group: step.group, vector: [{ hash: 1, n: step.n, check: 1 }] },
            equal: { type: 'equal', hash: step.bytes16.slice(0, 8) },
            summary: { type: 'summary', hash: step.bytes16.slice(0, 8) },
          }
          const frame = frames[step.kind]
          if (frame !== undefined) liar.says(frame)
          liar.world.run(300)
        }
        const isAsked = liar.count('pull') + liar.count('trace') > 0
        const alarms = liar.world.told(liar.target, 'alarm').length
        return isUnmoved(liar) && !isAsked && alarms === 0 && liar.target.core.replica === replica
      },
    ),
    { numRuns: 60 },
  )
})
