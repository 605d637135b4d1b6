import { describe, expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import { HearsayError } from '../../../src/base/errors.ts'
import { KILLS_MAX, OPERATIONS_MAX, VALUES_MAX } from '../../../src/crdt/limits.ts'
import type { Operation } from '../../../src/crdt/operation.ts'
import { unpackRun } from '../../../src/crdt/unpack-run.ts'
import { restore } from '../../../src/replication/store/restore.ts'
import { chainOf, encodeRun, replicaOf } from '../../crdt/encoded.ts'
import { element, first, next, SAMPLES } from '../../crdt/run-samples.ts'
import { Pen } from '../pen.ts'

const A = replicaOf('a')
const B = replicaOf('b')
const C = replicaOf('c')

const add = (...values: readonly string[]): Operation => ({ type: 'set-add', object: 's', values })
const remove = (...values: readonly string[]): Operation => ({
  type: 'set-remove',
  object: 's',
  values,
})
const mapAdd = (path: readonly string[], ...values: readonly string[]): Operation => ({
  type: 'map-set-add',
  object: 'm',
  path,
  values,
})
const clear = (...path: readonly string[]): Operation => ({ type: 'map-remove', object: 'm', path })

function numbered(from: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${from + i}`.padStart(6, '0'))
}

/** Writes in transactions as large as they may be. */
function fill(pen: Pen, count: number, operation: (values: readonly string[]) => Operation): void {
  for (let at = 0; at < count; at += VALUES_MAX) {
    pen.write(operation(numbered(at, Math.min(VALUES_MAX, count - at))))
  }
}

/** The code of a refusal; undefined when it was written. */
function refusal(pen: Pen, ...operations: readonly Operation[]): string | undefined {
  try {
    pen.write(...operations)
    return undefined
  } catch (error) {
    if (error instanceof HearsayError) return error.code
    throw error
  }
}

/** Expects that all that was written can be read by others and after a restart. */
function expectReadable(...pens: readonly Pen[]): void {
  for (const pen of pens) {
    const reader = new Pen(C)
    reader.follow(pen)
    expect(reader.group.digest()).toEqual(pen.group.digest())
    const restored = new Pen(pen.self)
    for (const bytes of pen.take()) expect(restore(restored.group, bytes)).toBeDefined()
    expect(restored.group.digest()).toEqual(pen.group.digest())
  }
}

describe('a run from a peer', () => {
  test('is taken in once', () => {
    const [a, b] = [new Pen(A), new Pen(B)]
    a.write(add('x'))
    const runs = a.take()
    expect(b.receive(...runs, ...runs)).toEqual(['integrated', 'duplicate'])
    expect(b.view.setValues('s')).toEqual(['x'])
  })

  test('changes nothing when any bit of it is flipped', () => {
    for (const [name, sample] of Object.entries(SAMPLES)) {
      const bytes = encodeRun({ ...sample, n0: 1 })
      const intact = new Pen(C)
      expect(intact.receive(bytes), name).toEqual(['integrated'])
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const copy = bytes.slice()
        copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
        const pen = new Pen(C)
        pen.receive(copy)
        expect(pen.group.state.events, `${name}, bit ${bit}`).toBe(0)
      }
    }
  })

  test('is not kept by its frame: later changes of the bytes change nothing', () => {
    const [a, b] = [new Pen(A), new Pen(B)]
    a.write(add('x'))
    a.write(add('y'))
    const [run] = a.packed()
    if (run === undefined) throw new Error('nothing was written')
    const frame = Uint8Array.of(...new Uint8Array(9), ...run)
    b.receive(frame.subarray(9))
    frame.fill(0xff)
    expect(b.packed(0, A)).toEqual([run])
  })

  test('of the future waits, and comes with what closes the gap', () => {
    const [a, b] = [new Pen(A), new Pen(B)]
    const runs = ['x', 'y', 'z'].map((value) => {
      a.write(add(value))
      return a.take()[0] ?? new Uint8Array()
    })
    const [one = new Uint8Array(), two = new Uint8Array(), three = new Uint8Array()] = runs
    expect(b.receive(three, two)).toEqual(['staged', 'staged'])
    expect(b.view.setValues('s')).toEqual([])
    const receipt = b.group.receive(one)
    expect(receipt.type === 'integrated' && receipt.runs.map(({ n0 }) => n0)).toEqual([1, 2, 3])
    expect(b.group.digest()).toEqual(a.group.digest())
  })

  test('that overlaps what is here brings the rest', () => {
    const [a, b] = [new Pen(A), new Pen(B)]
    a.write(add('x'), add('y'))
    b.receive(...a.packed())
    a.write(remove('x'))
    a.write(add('z'))
    expect(b.receive(...a.packed())).toEqual(['integrated'])
    expect(b.group.digest()).toEqual(a.group.digest())
    expectReadable(b)
  })

  test('of a kind of a newer version is kept and passed on, not applied', () => {
    const [b, c] = [new Pen(B), new Pen(C)]
    const unknown = { type: 'unknown', bytes: Uint8Array.of(1, 2, 3) } as const
    const events = [
      first(7, element('x')),
      next(7, unknown),
      next(7, unknown, [{ replica: A, n: 1 }]),
    ]
    const bytes = encodeRun({ replica: A, n0: 1, events })
    expect(b.receive(bytes)).toEqual(['integrated'])
    expect(b.group.state.unapplied).toBe(2)
    // What an unknown event kills is known: it dies.
    expect(b.view.objects()).toEqual([])
    c.follow(b)
    expect(c.packed(0, A)).toEqual([bytes])
    expect(c.group.digest()).toEqual(b.group.digest())
  })

  test('of a counter that replaces what is none is taken in, and keeps no total', () => {
    const b = new Pen(B)
    const unknown = { type: 'unknown', bytes: Uint8Array.of(1) } as const
    const run = { replica: A, n0: 1, events: [first(7, unknown)] }
    b.receive(encodeRun(run))
    const writer = b.group.state.intern(A)
    b.group.log.truncate(writer, 1)
    const total = { type: 'counter', object: 'c', total: 2n, growOnly: false } as const
    const events = [first(8, total, [{ replica: A, n: 1 }])]
    expect(b.receive(encodeRun({ replica: A, n0: 2, events, chain: chainOf(run) }))).toEqual([
      'integrated',
    ])
    expect(b.group.replaced.find(writer, 1)).toBeUndefined()
    expect([b.view.counter('c'), b.group.state.unapplied]).toEqual([2n, 0])
  })

  test('of one name and two types is two objects', () => {
    const [a, b] = [new Pen(A), new Pen(B)]
    a.write({ type: 'set-add', object: 'o', values: ['x'] })
    b.write(
      { type: 'register-set', object: 'o', value: 1 },
      { type: 'counter-add', object: 'o', amount: 2n },
    )
    a.write({ type: 'map-set', object: 'o', path: ['p'], value: 3 })
    b.follow(a)
    expect(b.view.objects()).toEqual(
      ['counter', 'map', 'register', 'set'].map((type) => ({ name: 'o', type })),
    )
    b.write({ type: 'set-remove', object: 'o', values: ['x'] })
    a.follow(b)
    expect(a.view.has('o', 'set')).toBe(false)
    expect(a.view.counter('o')).toBe(2n)
    expect(a.view.map('o')).toEqual({ p: 3 })
  })
})

describe('two histories under one id', () => {
  /** Two stores that agree up to one event and then went on apart. */
  function forked(ours: (pen: Pen) => void, theirs: (pen: Pen) => void): { one: Pen; other: Pen } {
    const [one, other] = [new Pen(A), new Pen(A)]
    one.write(add('shared'))
    other.group.receive(one.packed()[0] ?? new Uint8Array())
    ours(one)
    theirs(other)
    return { one, other }
  }

  test.each<[string, (pen: Pen) => void, (pen: Pen) => void]>([
    ['equally long', (pen) => pen.write(add('x')), (pen) => pen.write(add('y'))],
    [
      'the other’s longer',
      (pen) => pen.write(add('x')),
      (pen) => {
        pen.write(add('y'))
        pen.write(add('z'))
      },
    ],
    [
      'the other’s longer, with a transaction across our end',
      (pen) => pen.write(add('x')),
      (pen) => pen.write(add('y'), add('z')),
    ],
    [
      'the other’s much longer, with a transaction across our end',
      (pen) => pen.write(add('x')),
      (pen) => {
        pen.write(add('y'), add('z'))
        pen.write(add('w'))
      },
    ],
  ])('%s, are told when the difference comes', (_name, ours, theirs) => {
    const { one, other } = forked(ours, theirs)
    const have = one.group.state.haveOf(A)
    const digest = one.group.digest()
    // By a pull from our end, and by a push of everything.
    const pulled = other.packed(have)
    if (pulled.length > 0) expect(one.receive(...pulled)).toContain('conflict')
    expect(one.receive(...other.packed())).toContain('conflict')
    expect(one.group.digest()).toEqual(digest)
  })
})

describe('runs for others', () => {
  test('are in order where a writer’s stamps are not', () => {
    const [b, c] = [new Pen(B), new Pen(C)]
    const late = { replica: A, n0: 1, events: [first(5000, element('x'))] }
    b.receive(encodeRun(late))
    const chain = b.group.state.chainOf(b.group.state.intern(A))
    b.receive(encodeRun({ replica: A, n0: 2, events: [first(3, element('y'))], chain }))
    expect(b.group.state.haveOf(A)).toBe(2)
    c.follow(b)
    expect(c.group.digest()).toEqual(b.group.digest())
  })

  test('end before they kill more than one run may', () => {
    const [a, b] = [new Pen(A), new Pen(B)]
    fill(a, KILLS_MAX + VALUES_MAX, (values) => mapAdd([(values[0] ?? '').slice(0, 3)], ...values))
    b.follow(a)
    // One by one they were small enough.
    for (let at = 0; at < KILLS_MAX + VALUES_MAX; at += VALUES_MAX) {
      b.write(clear((numbered(at, 1)[0] ?? '').slice(0, 3)))
      b.group.close()
    }
    expectReadable(b)
  })

  test('share what single writes have in common', () => {
    const a = new Pen(A)
    const keys = numbered(0, 100)
    for (const key of keys) {
      a.write(add(key))
      a.group.close()
    }
    a.write(remove(keys[50] ?? ''))
    const packed = a.packed()
    expect(packed.length).toBe(1)
    expect(unpackRun(packed[0] ?? new Uint8Array())).toMatchObject({ ok: true })
    expect(packed[0]?.length).toBeLessThanOrEqual(800)
  })
})

describe('a transaction', () => {
  test('of the most operations and of the most values is written and read', () => {
    const a = new Pen(A)
    a.write(
      ...new Array<Operation>(OPERATIONS_MAX).fill({
        type: 'counter-add',
        object: 'c',
        amount: 1n,
      }),
    )
    a.write(add(...numbered(0, VALUES_MAX)))
    expect(a.view.counter('c')).toBe(BigInt(OPERATIONS_MAX))
    expect(a.view.setSize('s')).toBe(VALUES_MAX)
    expectReadable(a)
  })

  test.each<[string, (pen: Pen) => void, readonly Operation[]]>([
    [
      'more events than a run holds',
      () => undefined,
      [add(...numbered(0, VALUES_MAX)), add('one more')],
    ],
    [
      'more bytes than a run holds',
      () => undefined,
      new Array<Operation>(9).fill({
        type: 'register-set',
        object: 'r',
        value: 'v'.repeat(2 ** 20 - 2),
      }),
    ],
    [
      'long paths, one for each value',
      () => undefined,
      [mapAdd(['p'.repeat(4000)], ...numbered(0, VALUES_MAX))],
    ],
    [
      'more kills than a run holds',
      (pen) => fill(pen, KILLS_MAX + 1, (values) => mapAdd([values[0] ?? ''], ...values)),
      [clear()],
    ],
    [
      'more kills with what the transaction itself adds',
      (pen) => fill(pen, KILLS_MAX - 10, (values) => mapAdd([values[0] ?? ''], ...values)),
      [mapAdd(['new'], ...numbered(0, 20)), clear()],
    ],
  ])('of %s is refused, and nothing has changed', (_name, before, operations) => {
    const a = new Pen(A)
    before(a)
    const digest = hex(a.group.digest())
    const events = a.group.state.events
    expect(refusal(a, ...operations)).toBe('ERR_LIMIT')
    expect(hex(a.group.digest())).toBe(digest)
    expect(a.group.state.events).toBe(events)
    expect(refusal(a, add('still writes'))).toBeUndefined()
    expectReadable(a)
  })

  test('that removes elements many replicas have added counts each of them', () => {
    const pens = [...'12345'].map((digit) => new Pen(replicaOf(digit)))
    const all = new Pen(A)
    for (const pen of pens) {
      fill(pen, VALUES_MAX, (values) => add(...values))
      all.follow(pen)
    }
    expect(refusal(all, remove(...numbered(0, VALUES_MAX)))).toBe('ERR_LIMIT')
    expect(all.view.setSize('s')).toBe(VALUES_MAX)
    // A fifth of the elements is a fifth of the siblings.
    expect(refusal(all, remove(...numbered(0, 3_000)))).toBeUndefined()
    expect(all.view.setSize('s')).toBe(VALUES_MAX - 3_000)
    expectReadable(all)
  })

  test('joins others in one run as long as all of them kill what a run may', () => {
    const a = new Pen(A)
    fill(a, KILLS_MAX + VALUES_MAX, (values) => mapAdd([(values[0] ?? '').slice(0, 3)], ...values))
    a.take()
    for (let at = 0; at < KILLS_MAX + VALUES_MAX; at += VALUES_MAX) {
      a.write(clear((numbered(at, 1)[0] ?? '').slice(0, 3)))
    }
    for (const bytes of a.take()) expect(unpackRun(bytes)).toMatchObject({ ok: true })
  })

  test('may add to a set in a map that is larger than a run', () => {
    const a = new Pen(A)
    fill(a, KILLS_MAX + 1, (values) => mapAdd(['p'], ...values))
    expect(refusal(a, mapAdd(['p'], 'one more'))).toBeUndefined()
    expectReadable(a)
  })
})
