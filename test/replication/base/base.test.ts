import { describe, expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import { DecodeError } from '../../../src/base/codec.ts'
import { LiveState } from '../../../src/crdt/live-state.ts'
import type { Operation } from '../../../src/crdt/operation.ts'
import { RunReader } from '../../../src/crdt/run-reader.ts'
import { adoptHead, applyItem, checkItem } from '../../../src/replication/base/adoption.ts'
import type { BaseItem } from '../../../src/replication/base/base.ts'
import { BaseWalk, headOf } from '../../../src/replication/base/base-walk.ts'
import { SnapshotJob } from '../../../src/replication/store/snapshot.ts'
import { encodeRun, replicaOf } from '../../crdt/encoded.ts'
import { element, first, next } from '../../crdt/run-samples.ts'
import { Pen } from '../pen.ts'

const A = replicaOf('a')
const add = (...values: readonly string[]): Operation => ({ type: 'set-add', object: 's', values })
const remove = (...values: readonly string[]): Operation => ({
  type: 'set-remove',
  object: 's',
  values,
})

/** Eight adds, of which the second, third and sixth are gone, and a removal: nine dots. */
function pen(): Pen {
  const pen = new Pen(A)
  pen.write(add('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'))
  pen.write(remove('b', 'c', 'f'))
  pen.group.close()
  return pen
}

function walked(pen: Pen, known: number): readonly BaseItem[] {
  const { state } = pen.group
  const walk = new BaseWalk(state, headOf(state), [known])
  const items: BaseItem[] = []
  while (!walk.isDone) items.push(...[walk.next()].filter((item) => item !== undefined))
  return items
}

describe('items of a base', () => {
  test('of entries with dead dots between them have golden bytes', () => {
    const items = walked(pen(), 0)
    expect(items.map(({ bytes, ...item }) => ({ ...item, bytes: hex(bytes) }))).toEqual([
      {
        writer: 0,
        from: 1,
        to: 9,
        mode: 'thinned',
        // bits of nine dots, then a run of five elements from dot 1 on
        bytes: `0202d900${'21'}${A}010500${'01000173'}${'010104'}${'6164656768'}`,
      },
    ])
  })

  test('of kinds of newer versions have golden bytes, and give the same state', () => {
    const from = new Pen(replicaOf('b'))
    const unknown = { type: 'unknown', bytes: Uint8Array.of(8, 9) } as const
    const events = [first(7, element('x')), next(7, unknown)]
    from.receive(encodeRun({ replica: replicaOf('a'), n0: 1, events }))
    const items = walked(from, 0)
    expect(items.map(({ bytes }) => hex(bytes))).toEqual([
      `21${A}010200${'0100017301010078'}${'0700020809'}`,
    ])
    const head = headOf(from.group.state)
    const state = new LiveState()
    for (const item of items) {
      checkItem(item, head, new RunReader())
      applyItem(state, item, head, new RunReader())
    }
    adoptHead(state, head)
    expect([state.fingerprint, state.unapplied]).toEqual([from.group.state.fingerprint, 1])
  })

  test('of dots that the reader has had are a map', () => {
    expect(walked(pen(), 9)).toEqual([
      { writer: 0, from: 1, to: 9, mode: 'runs', bytes: Uint8Array.of(1, 2, 2, 1, 2) },
    ])
  })

  test('give the same state to whoever adopts them', () => {
    const from = pen()
    const head = headOf(from.group.state)
    const state = new LiveState()
    for (const item of walked(from, 0)) {
      checkItem(item, head, new RunReader())
      applyItem(state, item, head, new RunReader())
    }
    adoptHead(state, head)
    expect(state.fingerprint).toEqual(from.group.state.fingerprint)
    expect(state.vectorHash).toEqual(from.group.state.vectorHash)
  })

  const whole = walked(pen(), 0)[0]?.bytes ?? new Uint8Array()
  test.each<[string, Partial<BaseItem>, string]>([
    [
      'of another map',
      { bytes: Uint8Array.of(9, ...whole.subarray(1)) },
      'unknown map of living dots',
    ],
    [
      'with a map that brings entries',
      { bytes: Uint8Array.of(0, ...whole.subarray(1)) },
      'unknown map of living dots',
    ],
    [
      'with fewer living than entries',
      { bytes: Uint8Array.of(2, 2, 0xd8, ...whole.subarray(3)) },
      'item holds something else',
    ],
    [
      'with more living than entries',
      { bytes: Uint8Array.of(2, 2, 0xdb, ...whole.subarray(3)) },
      'item holds something else',
    ],
    ['cut', { bytes: whole.subarray(0, -1) }, 'bytes end early'],
    ['from another dot', { from: 2, to: 9 }, 'trailing bytes'],
    ['beyond the head', { to: 10 }, 'item beyond its base'],
  ])('%s are refused', (_name, change, reason) => {
    const from = pen()
    const [item] = walked(from, 0)
    if (item === undefined) throw new Error('a base has items')
    const head = headOf(from.group.state)
    const check = (): void => checkItem({ ...item, ...change }, head, new RunReader())
    expect(check).toThrow(DecodeError)
    expect(check).toThrow(reason)
  })

  test('cut or mutated anywhere are refused or harmless', () => {
    const from = pen()
    const head = headOf(from.group.state)
    const runs = new RunReader()
    const [item] = walked(from, 0)
    if (item === undefined) throw new Error('a base has items')
    for (let at = 0; at < item.bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const bytes = item.bytes.slice()
        bytes[at] = value
        for (const each of [bytes, item.bytes.subarray(0, at)]) {
          const changed = { ...item, bytes: each }
          try {
            checkItem(changed, head, runs)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
            continue
          }
          applyItem(new LiveState(), changed, head, runs)
        }
      }
    }
  })
})

test('a snapshot’s rows have golden bytes', () => {
  const from = pen()
  from.group.sequence = 3
  const job = new SnapshotJob(from.group, 1002)
  const { writes, isDone } = job.step()
  expect(isDone).toBe(true)
  const { high, low } = from.group.state.chainOf(0)
  const chain = [high, low].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  const item = hex(walked(from, 0)[0]?.bytes ?? new Uint8Array())
  expect(writes.map(({ key, value }) => [key, value === undefined ? '' : hex(value)])).toEqual([
    // one item: thinned, writer 0, from 1, 8 more, its bytes
    ['state!base!6d61696e!00000001!00000000', `010500010824${item}`],
    // version, epoch 1, 1 chunk, whole from and up to row 3, stamp 1002, one writer of 9 events
    ['state!base!6d61696e', `0101010303ea0701${A}09${chain}00`],
  ])
})
