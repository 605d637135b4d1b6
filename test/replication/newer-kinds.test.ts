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
