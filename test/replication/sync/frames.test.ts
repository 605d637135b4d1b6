import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import { parseReplicaId } from '../../../src/base/ids.ts'
import { NAME_BYTES_MAX, REPLICAS_MAX, RUN_BYTES_MAX } from '../../../src/crdt/limits.ts'
import { decodeFrame, encodeFrame } from '../../../src/replication/sync/frame-codec.ts'
import {
  BLOCKS_MAX,
  FRAME_BYTES_MAX,
  PARTIALS_MAX,
  PIECE_BYTES,
  type SyncFrame,
} from '../../../src/replication/sync/frames.ts'
import { encodeRun, replicaOf } from '../../crdt/encoded.ts'
import { type Part, raw, text, WRITER } from '../../crdt/raw-run.ts'
import { element, first } from '../../crdt/run-samples.ts'

const HASH = new Uint8Array(8).fill(7)
const DIGEST = new Uint8Array(16).fill(9)
const RUN = encodeRun({ replica: replicaOf('a'), n0: 1, events: [first(1000, element('x'))] })
const PIECE = new Uint8Array(PIECE_BYTES).fill(6)

/** One frame of every type, and its bytes without the run's, which has golden tests of its own. */
const FRAMES: readonly (readonly [SyncFrame, string])[] = [
  [{ type: 'summary', hash: HASH }, '210707070707070707'],
  [
    {
      type: 'digest',
      wantsAnswer: true,
      isLast: true,
      after: '',
      items: [{ group: 'main', isPartial: false, digest: DIGEST }],
    },
    '22030001000009090909090909090909090909090909',
  ],
  [
    {
      type: 'digest',
      wantsAnswer: true,
      isLast: true,
      after: '',
      items: [
        {
          group: 'team',
          isPartial: true,
          digest: DIGEST,
          past: {
            session: 3,
            vector: [
              { hash: -2, n: 300 },
              { hash: 1, n: 2 },
            ],
          },
        },
      ],
    },
    '22030001047465616d03090909090909090909090909090909090302fffffffeac020000000102',
  ],
  [
    {
      type: 'digest',
      wantsAnswer: false,
      isLast: false,
      after: 'team',
      items: [{ group: 'team', isPartial: false, digest: DIGEST }],
    },
    '2204047465616d0009090909090909090909090909090909',
  ],
  [{ type: 'equal', hash: HASH }, '230707070707070707'],
  [
    {
      type: 'base',
      group: 'main',
      session: 3,
      head: [
        { replica: replicaOf('a'), have: 5, chain: { high: 1, low: -2 }, pendingKills: [7, 9] },
        { replica: replicaOf('b'), have: 300, chain: { high: 3, low: 4 }, pendingKills: [] },
      ],
      items: [
        { writer: 0, from: 1, to: 5, mode: 'entries', bytes: new Uint8Array(0) },
        { writer: 1, from: 1, to: 300, mode: 'runs', bytes: Uint8Array.of(9, 1, 0xa2, 2) },
      ],
    },
    '2a000301' +
      '02' +
      'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0500000001fffffffe020601' +
      'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbac02000000030000000400' +
      '02' +
      '0000010400' +
      '010101ab02040901a202',
  ],
  [
    {
      type: 'base',
      group: 'main',
      session: 3,
      head: undefined,
      items: [
        { writer: 0, from: 1, to: 2_000, mode: 'sums', bytes: new Uint8Array(16).fill(7) },
        { writer: 0, from: 2_001, to: 2_008, mode: 'bits', bytes: Uint8Array.of(0xd9) },
        { writer: 0, from: 2_009, to: 2_072, mode: 'gaps', bytes: Uint8Array.of(0x10, 0x55, 0) },
        { writer: 1, from: 1, to: 8, mode: 'thinned', bytes: Uint8Array.of(2, 1, 0xd9, 0x21) },
      ],
    },
    '2a00030004' +
      '030001cf0f10' +
      '07'.repeat(16) +
      '0200d10f0701d9' +
      '0400d90f3f03105500' +
      '0501010704' +
      '0201d921',
  ],
  [
    {
      type: 'pull',
      group: 'main',
      session: 3,
      credit: 1_048_576,
      vector: [{ replica: replicaOf('a'), n: 300 }],
      partials: [{ replica: replicaOf('b'), n0: 2, total: 300_000, held: Uint8Array.of(5) }],
      base: undefined,
    },
    '24000380804001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac0201bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb02e0a71205',
  ],
  [
    {
      type: 'events',
      group: 'main',
      session: 0,
      sentTo: [1, 4_000_000_000],
      runs: [RUN],
    },
    '2500000200000001ee6b2800019401<run>',
  ],
  [
    {
      type: 'events',
      group: 'main',
      session: 0,
      sentTo: [],
      runs: [
        { rest: Uint8Array.of(0x20, 1, 1, 0), ids: [{ at: 1, hash: 3 }] },
        {
          rest: Uint8Array.of(0x20, 7, 8),
          ids: [
            { at: 1, hash: -1 },
            { at: 18, hash: 4 },
            { at: 35, hash: 5 },
          ],
        },
      ],
    },
    '2500000002' + '110000000320010100' + '0fffffffff' + '0000000401' + '0000000501' + '200708',
  ],
  [
    {
      type: 'piece',
      group: 'main',
      session: 3,
      replica: replicaOf('a'),
      n0: 2,
      total: 300_000,
      index: 1,
      bytes: PIECE,
    },
    '260003aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa02e0a71201<piece>',
  ],
  [
    {
      type: 'base-piece',
      group: 'main',
      session: 3,
      hash: { high: 0xfffffffe, low: 7 },
      total: 300_000,
      index: 1,
      bytes: PIECE,
    },
    '2d0003fffffffe00000007e0a71201<piece>',
  ],
  [
    {
      type: 'end',
      group: 'main',
      session: 3,
      hasMore: false,
      isPartial: false,
      digest: DIGEST,
      cursor: undefined,
    },
    '2700030009090909090909090909090909090909',
  ],
  [
    { type: 'ack', group: 'main', vector: [{ hash: 3, n: 300, check: -5 }] },
    '28000100000003ac02fffffffb',
  ],
  [
    { type: 'trace', group: 'main', replica: replicaOf('a'), dots: [1, 300] },
    '2b00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0201ac02',
  ],
  [
    {
      type: 'chains',
      group: 'main',
      replica: replicaOf('a'),
      asked: 16,
      have: 300,
      chains: [{ n: 1, chain: { high: 7, low: -7 }, stamp: 5 }],
    },
    '2c00aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa10ac02010100000007fffffff905',
  ],
  [
    { type: 'fork', group: 'main', replica: replicaOf('a'), n: 300 },
    '2900aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac02',
  ],
]

const CASES = FRAMES.map(([frame, golden]) => [frame.type, frame, golden] as const)

const bytesOf = (frame: SyncFrame): string =>
  hex(encodeFrame(frame)).replace(hex(RUN), '<run>').replace(hex(PIECE), '<piece>')

describe('sync frames', () => {
  test.each(CASES)('%s has the golden bytes', (_type, frame, golden) => {
    expect(bytesOf(frame)).toBe(golden)
  })

  test.each(CASES)('%s decodes to itself', (_type, frame) => {
    expect(decodeFrame(encodeFrame(frame))).toEqual({ ok: true, value: frame })
  })

  test.each(CASES)('%s is refused when cut', (_type, frame) => {
    const bytes = encodeFrame(frame)
    for (let length = 0; length < bytes.length; length += length < 100 ? 1 : 999) {
      expect(decodeFrame(bytes.subarray(0, length)).ok).toBe(false)
    }
    expect(decodeFrame(bytes.subarray(0, -1)).ok).toBe(false)
  })

  test.each(CASES.filter(([type]) => type !== 'pull' && type !== 'end'))(
    '%s with more behind it belongs to a newer version and is read',
    (_type, frame) => {
      const bytes = raw(encodeFrame(frame), 1)
      expect(decodeFrame(bytes)).toEqual({ ok: true, value: frame })
    },
  )

  const group = '00'
  test.each<[string, (count: number) => Uint8Array, number]>([
    ['groups in a digest', (n) => raw('2200', 0, n, rows(n, text('g'), '00', DIGEST)), 8_192],
    [
      'writers told with a digest',
      (n) => raw('2204', group, 2, DIGEST, 1, n, rows(n, '00000001', 1)),
      8,
    ],
    ['writers in a vector', (n) => raw('24', group, 1, 1, n, rows(n, WRITER, 1), 0), 4_096],
    ['writers acked', (n) => raw('28', group, n, rows(n, '00000003', 1, '00000000')), 4_096],
    ['dots traced', (n) => raw('2b', group, WRITER, n, rows(n, 1)), 16],
    ['chains told', (n) => raw('2c', group, WRITER, 1, 1, n, rows(n, 1, '000000000000000000')), 16],
    ['peers served', (n) => raw('25', group, 0, n, rows(n, '00000001'), 0), 64],
    ['runs', (n) => raw('25', group, 0, 0, n, rows(n, 4, '20')), 4_096],
    ['runs in part', (n) => raw('24', group, 1, 1, 0, n, rows(n, WRITER, 1, 1, '00')), 4],
    ['bytes of a group’s name', (n) => raw('29', text('g'.repeat(n)), WRITER, 1), 1_024],
    ['bytes of a piece’s run', (n) => raw('26', group, 1, WRITER, 1, n, 0, PIECE), 8_454_144],
    ['bytes of a base’s item', (n) => raw('2d', group, 1, DIGEST.slice(8), n, 0, PIECE), 8_454_144],
  ])('%s have a limit', (_name, frame, most) => {
    expect(decodeFrame(frame(most)).ok).toBe(true)
    expect(decodeFrame(frame(most + 1))).toMatchObject({ reason: 'number above its limit' })
  })

  test.each<[string, Uint8Array, string]>([
    ['of an unknown type', raw('7f'), 'unknown sync frame'],
    [
      'with the name that is left out',
      raw('28', text('main'), 0),
      'group name has a second spelling',
    ],
    [
      'of one group and all others',
      raw('2206', group, 0, DIGEST),
      'digest of one group and all others',
    ],
    [
      'with an id beyond its run',
      raw('25', group, 0, 0, 1, 2 * 4 + 2, '00000001', '00000002', 2, 0, 0),
      'id beyond its run',
    ],
    ['with a piece of nothing', raw('26', group, 1, WRITER, 1, 0, 0), 'piece of nothing'],
    ['with a piece beyond its run', raw('26', group, 1, WRITER, 1, 5, 1), 'number above its limit'],
    ['with a piece of no item', raw('2d', group, 1, HASH, 0, 0), 'piece of nothing'],
    ['with a piece beyond its item', raw('2d', group, 1, HASH, 5, 1), 'number above its limit'],
    ['above 256 KiB', new Uint8Array(256 * 1024 + 1).fill(0x21), 'sync frame too long'],
  ])('%s are refused', (_name, bytes, reason) => {
    expect(decodeFrame(bytes)).toEqual({ ok: false, reason })
  })

  test('a question for the rest of a long item has the golden bytes, and tells older versions the same', () => {
    const base = {
      covered: [{ replica: replicaOf('a'), n: 300 }],
      cursor: { writer: 0, n: 17 },
      blocks: [],
      held: { hash: { high: 0xfffffffe, low: 7 }, count: 2 },
    }
    const rest = { group: 'main', session: 3, credit: 1, vector: [], partials: [] } as const
    const frame: SyncFrame = { type: 'pull', ...rest, base }
    const before = '24000301000001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac020011'
    expect(bytesOf(frame)).toBe(`${before}00fffffffe0000000702`)
    expect(decodeFrame(encodeFrame(frame))).toEqual({ ok: true, value: frame })
    expect(bytesOf({ ...frame, base: { ...base, held: undefined } })).toBe(before)
    for (let left = 1; left < 9; left++) {
      expect(decodeFrame(encodeFrame(frame).subarray(0, -left)).ok).toBe(false)
    }
  })

  test('the longest question that anyone can have to ask fits', () => {
    const n = Number.MAX_SAFE_INTEGER
    const vector = Array.from({ length: REPLICAS_MAX }, (_, i) => ({
      replica: parseReplicaId(i.toString(16).padStart(32, '0')) ?? replicaOf('0'),
      n,
    }))
    const cursor = { writer: REPLICAS_MAX - 1, n }
    const held = new Uint8Array(Math.ceil(RUN_BYTES_MAX / PIECE_BYTES / 8))
    const partial = { replica: replicaOf('a'), n0: n, total: RUN_BYTES_MAX, held }
    const frame: SyncFrame = {
      type: 'pull',
      group: 'g'.repeat(NAME_BYTES_MAX),
      session: n,
      credit: n,
      vector,
      partials: new Array(PARTIALS_MAX).fill(partial),
      base: { covered: vector, cursor, blocks: new Array(BLOCKS_MAX).fill(cursor) },
    }
    expect(encodeFrame(frame).length).toBeLessThan(FRAME_BYTES_MAX)
    expect(decodeFrame(encodeFrame(frame)).ok).toBe(true)
  })

  test('two nodes that agree need at most 48 bytes to see it', () => {
    const digest = encodeFrame(FRAMES[1]?.[0] ?? { type: 'summary', hash: HASH })
    const equal = encodeFrame({ type: 'equal', hash: HASH })
    expect(digest.length + equal.length).toBeLessThanOrEqual(48)
  })

  test('random and mutated bytes never make the decoder throw', () => {
    const frame = fc.constantFrom(...FRAMES.map(([each]) => encodeFrame(each)))
    fc.assert(
      fc.property(
        frame,
        fc.nat(),
        fc.nat({ max: 255 }),
        fc.uint8Array(),
        (bytes, at, value, noise) => {
          const mutated = bytes.slice()
          mutated[at % mutated.length] = value
          expect(typeof decodeFrame(mutated).ok).toBe('boolean')
          expect(typeof decodeFrame(noise).ok).toBe('boolean')
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

/** The same item many times. */
function rows(count: number, ...item: readonly Part[]): Uint8Array {
  const one = raw(...item)
  const all = new Uint8Array(one.length * count)
  for (let i = 0; i < count; i++) all.set(one, i * one.length)
  return all
}
