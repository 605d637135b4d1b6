import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../../src/base/bytes.ts'
import { parseReplicaId, type ReplicaId } from '../../src/base/ids.ts'
import { decodeFrame, encodeFrame, type SyncFrame } from '../../src/replication/frames.ts'
import { Writer } from '../crdt/written.ts'

function replica(digit: string): ReplicaId {
  const id = parseReplicaId(digit.repeat(32))
  if (id === undefined) throw new Error('a replica id is 32 hex digits')
  return id
}

const HASH = new Uint8Array(8).fill(7)
const DIGEST = new Uint8Array(16).fill(9)
const TRANSACTION =
  new Writer().write([{ type: 'set-add', object: 's', values: ['x'] }]) ?? new Uint8Array()

/** One frame of every type, and its bytes without the transaction's, which has a golden test of its own. */
const FRAMES: readonly (readonly [SyncFrame, string])[] = [
  [{ type: 'summary', hash: HASH }, '110707070707070707'],
  [
    {
      type: 'digest',
      wantsAnswer: true,
      isLast: true,
      after: '',
      items: [{ group: 'main', isPartial: false, digest: DIGEST }],
    },
    '12030001046d61696e0009090909090909090909090909090909',
  ],
  [{ type: 'equal', hash: HASH }, '130707070707070707'],
  [
    {
      type: 'pull',
      group: 'main',
      session: 3,
      credit: 1_048_576,
      vector: [{ replica: replica('a'), n: 300 }],
      partials: [{ replica: replica('b'), n0: 2, total: 300_000, held: Uint8Array.of(5) }],
    },
    '14046d61696e0380804001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac0201bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb02e0a71205',
  ],
  [
    {
      type: 'events',
      group: 'main',
      session: 0,
      sentTo: [1, 4_000_000_000],
      transactions: [TRANSACTION],
    },
    '15046d61696e000200000001ee6b28000131<transaction>',
  ],
  [
    {
      type: 'end',
      group: 'main',
      session: 3,
      hasMore: false,
      isPartial: false,
      digest: DIGEST,
    },
    '17046d61696e030009090909090909090909090909090909',
  ],
  [
    { type: 'ack', group: 'main', vector: [{ replica: replica('a'), n: 300 }] },
    '18046d61696e01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac02',
  ],
]

const CASES = FRAMES.map(([frame, golden]) => [frame.type, frame, golden] as const)

const bytesOf = (frame: SyncFrame): string =>
  hex(encodeFrame(frame)).replace(hex(TRANSACTION), '<transaction>')

describe('sync frames', () => {
  test.each(CASES)('%s has the golden bytes', (_type, frame, golden) => {
    expect(bytesOf(frame)).toBe(golden)
  })

  test.each(CASES)('%s decodes to itself', (_type, frame) => {
    expect(decodeFrame(encodeFrame(frame))).toEqual({ ok: true, value: frame })
  })

  test.each(CASES)('%s is refused when cut', (_type, frame) => {
    const bytes = encodeFrame(frame)
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeFrame(bytes.subarray(0, length)).ok).toBe(false)
    }
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
