import { describe, expect, test } from 'vitest'
import { randomInteger, seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { RunReader } from '../../src/crdt/run-reader.ts'
import { encodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { serve } from '../../src/replication/sync/serve.ts'
import { replicaOf } from '../crdt/encoded.ts'
import { Pen } from './pen.ts'

const A = replicaOf('a')
const DIGITS = '0123456789abcdef'
const add = (value: string): Operation => ({ type: 'set-add', object: 's', values: [value] })
const remove = (value: string): Operation => ({ type: 'set-remove', object: 's', values: [value] })

/** One transaction each, durable one by one or together. */
function write(pen: Pen, operations: readonly Operation[], together: boolean = false): void {
  for (const operation of operations) {
    pen.write(operation)
    if (!together) pen.group.close()
  }
}

/** Bytes of the frames that bring somebody who has `known` events up to date, the end included. */
function served(pen: Pen, known: number): number {
  pen.group.close()
  const vector = known === 0 ? [] : [{ replica: A, n: known }]
  const pull = {
    type: 'pull',
    group: 'main',
    session: 1,
    credit: 1 << 30,
    vector,
    partials: [],
  } as const
  const { frames } = serve(
    pen.group,
    { ...pull, base: undefined },
    { credit: 1 << 30 },
    new RunReader(),
  )
  return frames.reduce((bytes, frame) => bytes + frame.length, 0)
}

function packedBytes(pen: Pen, known: number): number {
  return pen.packed(known).reduce((bytes, run) => bytes + run.length, 0)
}

function randomKeys(count: number): readonly string[] {
  const random = seededRandom(1)
  const digit = (): string => DIGITS.charAt(randomInteger(random, DIGITS.length))
  return Array.from({ length: count }, () => Array.from({ length: 16 }, digit).join(''))
}

const sequential = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${i}`.padStart(16, '0'))

describe.each([
  ['one by one', false],
  ['together', true],
])('written %s', (_name, together) => {
  test('100 adds and a removal of 6-byte keys among many travel in 800 bytes', () => {
    const pen = new Pen(A)
    const keys = Array.from({ length: 10_100 }, (_, i) => `k${i}`.padEnd(6, '.'))
    write(pen, keys.slice(0, 10_000).map(add), true)
    const known = pen.group.state.haveOf(A)
    write(pen, [...keys.slice(10_000).map(add), remove(keys[777] ?? '')], together)
    expect(packedBytes(pen, known)).toBeLessThanOrEqual(800)
    expect(served(pen, known)).toBeLessThanOrEqual(800)
  })

  test('random keys of 16 bytes take a tenth more than their payload', () => {
    const pen = new Pen(A)
    const keys = randomKeys(10_000)
    write(pen, keys.map(add), together)
    expect(packedBytes(pen, 0)).toBeLessThanOrEqual(1.1 * 16 * keys.length)
    expect(served(pen, 0)).toBeLessThanOrEqual(1.1 * 16 * keys.length)
  })

  test('sequential keys of 16 bytes take 2.5 bytes an event', () => {
    const pen = new Pen(A)
    const keys = sequential(10_000)
    write(pen, keys.map(add), together)
    expect(packedBytes(pen, 0)).toBeLessThanOrEqual(2.5 * keys.length)
    expect(served(pen, 0)).toBeLessThanOrEqual(2.5 * keys.length)
  })

  test('increments of a counter take 7 bytes each', () => {
    const pen = new Pen(A)
    const count = 10_000
    const increment: Operation = { type: 'counter-add', object: 'c', amount: 1n }
    write(pen, new Array(count).fill(increment), together)
    expect(packedBytes(pen, 0)).toBeLessThanOrEqual(7 * count)
  })
})

test('one removal from a large set is a frame of 64 bytes', () => {
  const pen = new Pen(A)
  const keys = randomKeys(100_000)
  write(pen, keys.map(add), true)
  pen.group.close()
  pen.take()
  pen.write(remove(keys[54_321] ?? ''))
  const runs = pen.take()
  const frame = { type: 'events', group: 'main', session: 0, sentTo: [], runs } as const
  expect(encodeFrame(frame).length).toBeLessThanOrEqual(64)
})

test('what changes nothing is no event', () => {
  const pen = new Pen(A)
  expect(pen.write()).toEqual([])
  expect(pen.write(remove('x'), { type: 'map-remove', object: 'm', path: [] })).toEqual([0, 0])
  expect(pen.write({ type: 'set-add', object: 's', values: [] })).toEqual([0])
  expect(pen.take()).toEqual([])
  expect(pen.group.isEmpty).toBe(true)
  expect(pen.view.objects()).toEqual([])
})
