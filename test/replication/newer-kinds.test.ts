import { expect, test } from 'vitest'
import { decodeFrame, encodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { encodeRun, replicaOf } from '../crdt/encoded.ts'
import { element, first, next } from '../crdt/run-samples.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

/*
 * Events of kinds that only a newer version can apply: an older node keeps and forwards them, through restarts
 * and truncated logs, and shows everything else.
 */

const NEWER = replicaOf('a')
/** Content that stands for itself in the bytes of frames. */
const MARK = Buffer.from('of a newer version')
const SHORT = { snapshotTailBytes: 200, logBytesMax: 1 }

/** A run by a newer version: an element, then an event whose content means nothing here and kills the element. */
function newerRun(): Uint8Array {
  const unknown = { type: 'unknown', bytes: Uint8Array.from(MARK) } as const
  const events = [first(7, element('x')), next(7, unknown, [{ replica: NEWER, n: 1 }])]
  return encodeRun({ replica: NEWER, n0: 1, events })
}

/** As if a newer peer had told it. */
function hears(world: World, node: Node, from: Node): void {
  world.link(node, from)
  const runs = [newerRun()]
  const bytes = encodeFrame({ type: 'events', group: 'main', session: 0, sentTo: [], runs })
  world.input(node, { type: 'frame', peer: from.id, bytes })
  world.run(10)
  world.cut(node, from)
}

/** How often the newer events have reached a node. */
function told(world: World, to: Node): () => number {
  let times = 0
  world.filter = (_from, target, bytes) => {
    const frame = decodeFrame(bytes)
    if (target === to && frame.ok && Buffer.from(bytes).includes(MARK)) times += 1
    return true
  }
  return () => times
}

function writeMany(world: World, node: Node): void {
  for (let i = 0; i < 60; i++) {
    world.transact(node, [{ type: 'set-add', object: 'own', values: [`own element ${i}`] }])
    world.run(20)
  }
}

test.each([
  ['as they came', {}],
  ['with logs that are truncated as soon as they may be', SHORT],
])('are kept over restarts and forwarded, %s', (_how, tunables) => {
  const world = new World({ seed: 5, nodes: 3, faults: NO_FAULTS, tunables })
  const [b, c, newer] = [world.node(0), world.node(1), world.node(2)]
  hears(world, b, newer)
  writeMany(world, b)
  for (let i = 0; i < 2; i++) {
    world.crash(b)
    world.start(b)
  }
  expect(b.core.vector('main').get(NEWER)).toBe(2)
  const times = told(world, c)
  world.link(b, c)
  world.run(5_000)
  expect(times()).toBeGreaterThan(0)
  expect(c.core.vector('main').get(NEWER)).toBe(2)
  // What they kill is known, what they are is not.
  expect(
    c.core
      .view('main')
      .objects()
      .map(({ name }) => name),
  ).toEqual(['own'])
  expect(c.core.view('main').setSize('own')).toBe(60)
  expect(c.core.status('main').digest).toEqual(b.core.status('main').digest)
  for (const node of world.nodes) expect(world.told(node, 'alarm')).toEqual([])
})

test('are forwarded to whoever needs more than the log has', () => {
  const world = new World({ seed: 5, nodes: 3, faults: NO_FAULTS, tunables: SHORT })
  const [b, c, newer] = [world.node(0), world.node(1), world.node(2)]
  writeMany(world, b)
  hears(world, b, newer)
  const times = told(world, c)
  world.link(b, c)
  world.run(5_000)
  expect(c.core.view('main').setSize('own')).toBe(60)
  expect(c.core.vector('main').get(NEWER)).toBe(2)
  expect(times()).toBeGreaterThan(0)
})

test('are part of snapshots and of bases made from them, and of what is merged aside', () => {
  const tunables = { ...SHORT, mergeInPlaceMax: 1, mergeStepEntries: 8 }
  const world = new World({ seed: 6, nodes: 4, faults: NO_FAULTS, tunables })
  const [b, c, d, newer] = [world.node(0), world.node(1), world.node(2), world.node(3)]
  hears(world, b, newer)
  writeMany(world, b)
  world.crash(b)
  // The rows that brought them are gone: the snapshot alone has them.
  expect([...b.rows.keys()].filter((key) => key.startsWith('state!base!'))).not.toEqual([])
  expect(rowsWith(b, 'state!log!')).toEqual([])
  expect(rowsWith(b, 'state!base!')).toHaveLength(1)
  world.start(b)
  // It holds more than is replayed, so that the base is merged with it.
  for (let i = 0; i < 5; i++) {
    const values = Array.from({ length: 1_000 }, (_, n) => `${i} ${n}`)
    world.transact(c, [{ type: 'set-add', object: 'other', values }])
    world.run(20)
  }
  for (const to of [c, d]) {
    const times = told(world, to)
    world.link(to === c ? b : c, to)
    world.run(5_000)
    expect(times()).toBeGreaterThan(0)
    expect(to.core.vector('main').get(NEWER)).toBe(2)
  }
  const digest = b.core.status('main').digest
  for (const node of [c, d]) expect(node.core.status('main').digest).toEqual(digest)
  for (const node of world.nodes) expect(world.told(node, 'alarm')).toEqual([])
})

/** Keys of rows in which the newer events are. */
function rowsWith(node: Node, prefix: string): readonly string[] {
  const rows = [...node.rows].filter(([key]) => key.startsWith(prefix))
  return rows.filter(([, value]) => Buffer.from(value).includes(MARK)).map(([key]) => key)
}
