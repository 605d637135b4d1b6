import { describe, expect, test } from 'vitest'
import { equalBytes } from '../../src/base/bytes.ts'
import { hash64 } from '../../src/base/hash.ts'
import { encodeItems } from '../../src/replication/store/snapshot.ts'
import { decodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { FRAME_BYTES_MAX, PIECE_BYTES } from '../../src/replication/sync/frames.ts'
import { encodeEntries, replicaOf } from '../crdt/encoded.ts'
import { first } from '../crdt/run-samples.ts'
import { type Frame, Liar } from './liar.ts'
import { NO_FAULTS, type Node, World } from './world.ts'

/** Logs that reach back to nothing: whoever lacks anything gets a base. */
const NO_LOG = { snapshotTailBytes: 200, logBytesMax: 1 }
/** What a register of this many bytes of JSON holds. */
const longText = (bytes: number, letter = 'x'): string => letter.repeat(bytes - 2)
const MIB = 1 << 20

/** A world whose first node has registers of such sizes, and other entries, and no log. */
function worldOf(sizes: readonly number[]): { world: World; a: Node; b: Node } {
  const world = new World({ seed: 5, nodes: 2, faults: NO_FAULTS, tunables: NO_LOG })
  const [a, b] = [world.node(0), world.node(1)]
  sizes.forEach((size, i) => {
    world.transact(a, [{ type: 'register-set', object: `r${i}`, value: longText(size) }])
    world.run(20)
    fill(world, a, `${i}`)
  })
  return { world, a, b }
}

function fill(world: World, node: Node, name: string): void {
  for (let i = 0; i < 20; i++) {
    world.transact(node, [{ type: 'set-add', object: 's', values: [`${name} ${i}`] }])
    world.run(20)
  }
}

/** Whether a register is so, without a mebibyte in a message. */
function holds(node: Node, name: string, value: string): boolean {
  return node.core.view('main').register(name).value === value
}

/** Notes what a node sends of bases, and may hold it back. */
function watch(
  world: World,
  from: Node,
  passes: (piece: number) => boolean = () => true,
): number[] {
  const indexes: number[] = []
  world.filter = (sender, _to, bytes) => {
    expect(bytes.length).toBeLessThanOrEqual(FRAME_BYTES_MAX)
    const frame = decodeFrame(bytes)
    if (sender !== from || !frame.ok || frame.value.type !== 'base-piece') return true
    indexes.push(frame.value.index)
    return passes(indexes.length)
  }
  return indexes
}

function expectSame({ world, a, b }: ReturnType<typeof worldOf>, sizes: readonly number[]): void {
  expect(equalBytes(a.core.status('main').digest, b.core.status('main').digest)).toBe(true)
  sizes.forEach((size, i) => {
    expect(holds(b, `r${i}`, longText(size))).toBe(true)
  })
  expect(world.told(b, 'dropped')).toEqual([])
}

describe('values that no frame holds', () => {
  test.each([
    [[100_000, 130_000, 200_000]],
    [[600_000]],
    [[MIB]],
    [[MIB, 300_000, 600_000, MIB, 10, MIB]],
  ])('of %j bytes come with a base, once each, and are there after a start', (sizes) => {
    const made = worldOf(sizes)
    const { world, a, b } = made
    const indexes = watch(world, a)
    world.link(a, b)
    world.run(5_000)
    expectSame(made, sizes)
    const pieces = sizes.map((size) =>
      size > PIECE_BYTES ? Math.ceil((size + 40) / PIECE_BYTES) : 0,
    )
    expect(indexes.length).toBeLessThanOrEqual(pieces.reduce((sum, n) => sum + n, 0) + sizes.length)
    for (const node of [a, b]) {
      world.crash(node)
      world.start(node)
      expect(holds(node, 'r0', longText(sizes[0] ?? 0))).toBe(true)
    }
  })

  test('come with events where logs reach back', () => {
    const world = new World({ seed: 5, nodes: 2, faults: NO_FAULTS })
    const [a, b] = [world.node(0), world.node(1)]
    for (const object of ['r', 's', 't'])
      world.transact(a, [{ type: 'register-set', object, value: longText(MIB) }])
    world.link(a, b)
    world.run(5_000)
    expect(holds(b, 't', longText(MIB))).toBe(true)
  })

  test('go on from the piece that was lost', () => {
    const made = worldOf([MIB])
    const { world, a, b } = made
    const indexes = watch(world, a, (n) => n !== 3 && n !== 7)
    world.link(a, b)
    world.run(20_000)
    // What followed a lost piece is of no use, and counted.
    const strays = world.told(b, 'dropped').map(({ reason }) => reason)
    expect(new Set(strays)).toEqual(new Set(['sync-base-piece-stray']))
    expect(indexes.slice(0, 6)).toEqual([0, 1, 2, 3, 2, 3])
    expect(indexes.length).toBeLessThanOrEqual(9 + 2 * 4)
    expect(holds(b, 'r0', longText(MIB))).toBe(true)
  })

  test('begin anew after a cut in the middle of one', () => {
    const made = worldOf([600_000, MIB])
    const { world, a, b } = made
    const indexes = watch(world, a, (n) => n < 7)
    world.link(a, b)
    world.run(3)
    world.cut(a, b)
    world.run(5_000)
    expect(indexes.length).toBeGreaterThan(0)
    expect(b.core.status('main').events).toBe(0)
    watch(world, a)
    world.link(a, b)
    world.run(5_000)
    expect(holds(b, 'r1', longText(MIB))).toBe(true)
  })

  test('begin anew where they changed meanwhile', () => {
    const { world, a, b } = worldOf([MIB])
    let isNew = false
    watch(world, a, (n) => {
      if (n === 4 && !isNew) {
        isNew = true
        const value = longText(MIB, 'y')
        world.transact(a, [{ type: 'register-set', object: 'r0', value }])
        fill(world, a, 'later')
      }
      return true
    })
    world.link(a, b)
    world.run(20_000)
    expect(isNew).toBe(true)
    expect(holds(b, 'r0', longText(MIB, 'y'))).toBe(true)
    expect(equalBytes(a.core.status('main').digest, b.core.status('main').digest)).toBe(true)
  })
})

const E = replicaOf('e')

/** A liar that is asked for a base, has sent its head, and pieces of an item of two of them. */
function begun(): { liar: Liar; session: number; pieces: readonly Frame<'base-piece'>[] } {
  const liar = new Liar()
  liar.meet(false)
  const { session } = liar.provoke()
  const head = [{ replica: E, have: 1, chain: { high: 1, low: 1 }, pendingKills: [] }]
  liar.says({ type: 'base', group: 'main', session, head, items: [] })
  return { liar, session, pieces: piecesOf(session, longText(200_000)) }
}

function piecesOf(session: number, value: string): readonly Frame<'base-piece'>[] {
  const content = { type: 'register', object: 'r', json: JSON.stringify(value) } as const
  const bytes = encodeEntries(E, 1, [first(1_000, content)])
  const whole = encodeItems([{ writer: 0, from: 1, to: 1, mode: 'entries', bytes }])
  const rest = { group: 'main', session, hash: hash64(whole), total: whole.length } as const
  return [0, 1].map((index) => ({
    type: 'base-piece',
    ...rest,
    index,
    bytes: whole.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES),
  }))
}

function end(session: number): Frame<'end'> {
  const digest = new Uint8Array(16)
  const rest = { hasMore: false, isPartial: false, digest, cursor: undefined }
  return { type: 'end', group: 'main', session, ...rest }
}

describe('pieces that a liar sends', () => {
  const reasons = (liar: Liar): readonly string[] =>
    liar.world.told(liar.target, 'dropped').map(({ reason }) => reason)

  test('make an item when they are one', () => {
    const { liar, session, pieces } = begun()
    liar.says(...pieces, end(session))
    liar.world.run(50)
    expect(holds(liar.target, 'r', longText(200_000))).toBe(true)
    expect(reasons(liar)).toEqual([])
  })

  test('are counted when they leave one out or come twice, and change nothing', () => {
    const { liar, session, pieces } = begun()
    const [one, two] = pieces
    if (one === undefined || two === undefined) throw new Error('two pieces')
    liar.says(two, one, one, two, two, end(session))
    liar.world.run(50)
    expect(reasons(liar)).toEqual(new Array(3).fill('sync-base-piece-stray'))
    expect(holds(liar.target, 'r', longText(200_000))).toBe(true)
  })

  test('are refused when the whole is another one, or nothing', () => {
    // One letter of the value, all of it.
    for (const isOther of [(i: number) => i === 100, () => true]) {
      const { liar, pieces } = begun()
      const [one, two] = pieces
      if (one === undefined || two === undefined) throw new Error('two pieces')
      liar.says(one, { ...two, bytes: two.bytes.map((byte, i) => (isOther(i) ? 0x79 : byte)) })
      expect(reasons(liar)).toEqual(['sync-base-malformed'])
      expect(liar.target.core.status('main').events).toBe(0)
    }
    const { liar, session } = begun()
    const noise = new Uint8Array(PIECE_BYTES + 1).fill(9)
    const rest = { type: 'base-piece', group: 'main', session, hash: hash64(noise) } as const
    for (const index of [0, 1]) {
      const bytes = noise.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES)
      liar.says({ ...rest, total: noise.length, index, bytes })
    }
    expect(reasons(liar)).toEqual(['sync-base-malformed'])
  })

  test('of too much are refused before they take room', () => {
    const { liar, pieces } = begun()
    const [one] = pieces
    if (one === undefined) throw new Error('two pieces')
    liar.says({ ...one, total: 2 ** 40 })
    expect(reasons(liar)).toEqual(['sync-frame-malformed'])
  })

  test('of other sessions, or unasked, are counted', () => {
    const { liar, pieces } = begun()
    liar.says(...pieces.map((piece) => ({ ...piece, session: piece.session + 1 })))
    expect(reasons(liar)).toEqual(new Array(2).fill('sync-base-unasked'))
  })

  test('that never end hold one item, and do not keep others from being asked', () => {
    const { liar, pieces } = begun()
    const [one] = pieces
    if (one === undefined) throw new Error('two pieces')
    let { session } = one
    const { filter } = liar.world
    liar.world.filter = (from, to, bytes) => {
      const isPush = bytes[0] === 0x25 && bytes[2] === 0
      return !(from === liar.honest && isPush) && filter(from, to, bytes)
    }
    liar.world.link(liar.target, liar.honest)
    liar.world.transact(liar.honest, [{ type: 'set-add', object: 's', values: ['x'] }])
    const head = [{ replica: E, have: 1, chain: { high: 1, low: 1 }, pendingKills: [] }]
    liar.every(500, 400, (i) => {
      const last = liar.last('pull')
      if (last.session !== session) {
        session = last.session
        liar.says({ type: 'base', group: 'main', session, head, items: [] })
      }
      // Each the first one of another item.
      liar.says({ ...one, session, hash: { high: 1, low: i } })
      if (i % 20 === 0) liar.provoke()
    })
    expect(liar.target.core.view('main').setValues('s')).toEqual(['x'])
  })
})
