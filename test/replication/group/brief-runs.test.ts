import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseReplicaId, type ReplicaId } from '../../../src/base/ids.ts'
import { replicaLanes } from '../../../src/crdt/lanes.ts'
import { LiveState } from '../../../src/crdt/live-state.ts'
import { RunReader } from '../../../src/crdt/run-reader.ts'
import { briefRun, wholeRun } from '../../../src/replication/group/brief-runs.ts'
import { decodeFrame, encodeFrame } from '../../../src/replication/sync/frame-codec.ts'
import { anyRun } from '../../crdt/any-run.ts'
import { encodeRun, replicaOf } from '../../crdt/encoded.ts'
import { element, first } from '../../crdt/run-samples.ts'
import { NO_FAULTS, World } from '../world.ts'

const REPLICAS = ['a', 'b', 'c', 'd'].map(replicaOf)

/** A state that has heard of replicas, in an order of its own. */
function stateOf(replicas: readonly ReplicaId[]): LiveState {
  const state = new LiveState()
  for (const replica of replicas) state.intern(replica)
  return state
}

/** Two ids whose hashes have the same low half: among 2^17 there is more than one such pair. */
function lookAlikes(): readonly [ReplicaId, ReplicaId] {
  const byHash = new Map<number, ReplicaId>()
  for (let i = 0; i < 1 << 20; i++) {
    const id = parseReplicaId(i.toString(16).padStart(32, '0'))
    if (id === undefined) throw new Error('32 digits are an id')
    const { low } = replicaLanes(id)
    const other = byHash.get(low)
    if (other !== undefined) return [other, id]
    byHash.set(low, id)
  }
  throw new Error('no two ids look alike')
}

describe('runs without ids', () => {
  test('are whole again for whoever knows the replicas, in any numbering', () => {
    const runs = new RunReader()
    let brief = 0
    fc.assert(
      fc.property(anyRun, fc.nat({ max: 15 }), (written, known) => {
        const run = encodeRun(written)
        const state = stateOf(REPLICAS)
        const told = briefRun(run, state, runs, (writer) => ((known >>> writer) & 1) === 1)
        if (!(told instanceof Uint8Array)) brief += 1
        const frame = { type: 'events', group: 'g', session: 0, sentTo: [], runs: [told] } as const
        const decoded = decodeFrame(encodeFrame(frame))
        expect(decoded).toEqual({ ok: true, value: frame })
        expect(wholeRun(told, stateOf([...REPLICAS].reverse()))).toEqual(run)
      }),
      { numRuns: 500 },
    )
    expect(brief).toBeGreaterThan(100)
  })

  test('stay as they are for whoever does not know the writer', () => {
    const run = encodeRun({ replica: replicaOf('a'), n0: 1, events: [first(1000, element('x'))] })
    const state = stateOf(REPLICAS)
    expect(briefRun(run, state, new RunReader(), (writer) => writer !== 0)).toBe(run)
  })

  test('are nobody’s for whoever has never heard of them', () => {
    const run = encodeRun({ replica: replicaOf('a'), n0: 1, events: [first(1000, element('x'))] })
    const told = briefRun(run, stateOf(REPLICAS), new RunReader(), () => true)
    expect(told).not.toBe(run)
    expect(wholeRun(told, new LiveState())).toBeUndefined()
  })

  test('keep the ids of two that look alike', () => {
    const [one, other] = lookAlikes()
    const run = encodeRun({ replica: one, n0: 1, events: [first(1000, element('x'))] })
    const known = stateOf([one])
    const told = briefRun(run, known, new RunReader(), () => true)
    expect(wholeRun(told, known)).toEqual(run)
    const both = stateOf([one, other])
    expect(briefRun(run, both, new RunReader(), () => true)).toBe(run)
    expect(wholeRun(told, both)).toBeUndefined()
  })
})

describe('one removal', () => {
  /** Bytes of a change between two linked nodes with its ack and the heads of frames. */
  function told(remover: number): { readonly bytes: number; readonly frames: number } {
    const world = new World({ seed: 2, nodes: 2, faults: NO_FAULTS })
    const values = Array.from({ length: 10_000 }, (_, i) => `element-${i}`)
    for (let i = 0; i < 10; i++) {
      world.transact(world.node(0), [
        { type: 'set-add', object: 's', values: values.slice(i * 1_000, (i + 1) * 1_000) },
      ])
    }
    world.transact(world.node(1), [{ type: 'set-add', object: 's', values: ['mine'] }])
    world.linkAll()
    expect(world.converge(10_000)).toBeDefined()
    world.run(100)
    let [bytes, frames] = [0, 0]
    world.filter = (_from, _to, frame) => {
      bytes += frame.length + 4
      frames += 1
      return true
    }
    world.transact(world.node(remover), [
      { type: 'set-remove', object: 's', values: ['element-777'] },
    ])
    world.run(20)
    expect(
      world
        .node(1 - remover)
        .core.view('main')
        .setHas('s', 'element-777'),
    ).toBe(false)
    expect(world.node(remover).core.status('main').unsynced).toBe(0)
    return { bytes, frames }
  }

  test('of an own element is 55 bytes on the wire, of another’s 60, heads and acks included', () => {
    expect(told(0)).toEqual({ bytes: 55, frames: 2 })
    expect(told(1)).toEqual({ bytes: 60, frames: 2 })
  })

  test('by a writer that the receiver has lost is pulled with its id', () => {
    const world = new World({ seed: 2, nodes: 2, faults: NO_FAULTS })
    const [a, b] = [world.node(0), world.node(1)]
    world.transact(a, [{ type: 'set-add', object: 's', values: ['x', 'y'] }])
    world.linkAll()
    expect(world.converge(10_000)).toBeDefined()
    world.run(100)
    // The peer comes back without anything, and nobody is told.
    world.restore(b, new Map())
    world.start(b)
    world.input(b, { type: 'peer-up', peer: a.id })
    // It cannot compare, only pull.
    world.filter = (from, _to, bytes) => from === a || bytes[0] === 0x24
    world.transact(a, [{ type: 'set-remove', object: 's', values: ['x'] }])
    world.run(5)
    expect(world.told(b, 'dropped').map(({ reason }) => reason)).toEqual(['sync-writer-unknown'])
    world.run(5)
    expect(b.core.view('main').setValues('s')).toEqual(['y'])
  })
})
