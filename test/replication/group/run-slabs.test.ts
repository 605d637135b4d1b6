import { describe, expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import type { LoggedRun } from '../../../src/replication/group/group-log.ts'
import { RunSlabs } from '../../../src/replication/group/run-slabs.ts'
import { replicaOf } from '../../crdt/encoded.ts'
import { Pen } from '../pen.ts'

const A = replicaOf('a')

function runOf(bytes: Uint8Array): LoggedRun {
  return { replica: A, writer: 0, n0: 1, count: 1, stamp: 0, bytes }
}

/** Bytes that tell of which run they are. */
function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value % 256)
}

describe('bytes of short runs', () => {
  test('stay what they were, and have a buffer for each 16 KiB', () => {
    const slabs = new RunSlabs()
    const { group } = new Pen(A)
    const runs = Array.from({ length: 1_000 }, (_, i) => runOf(filled(1 + (i % 100), i)))
    for (const run of runs) slabs.keep(group, [run])
    expect(runs.map(({ bytes }) => hex(bytes))).toEqual(
      runs.map((_, i) => hex(filled(1 + (i % 100), i))),
    )
    const total = runs.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const buffers = new Set(runs.map(({ bytes }) => bytes.buffer))
    expect(buffers.size).toBe(Math.ceil(total / (16 << 10)))
  })

  test('of long ones are left alone', () => {
    const bytes = filled(1_025, 1)
    const run = runOf(bytes)
    new RunSlabs().keep(new Pen(A).group, [run])
    expect(run.bytes).toBe(bytes)
  })

  test('of two groups are apart: one that seldom writes keeps nothing of the other', () => {
    const slabs = new RunSlabs()
    const [a, b] = [runOf(filled(8, 1)), runOf(filled(8, 2))]
    slabs.keep(new Pen(A).group, [a])
    slabs.keep(new Pen(A).group, [b])
    expect(a.bytes.buffer).not.toBe(b.bytes.buffer)
  })
})
