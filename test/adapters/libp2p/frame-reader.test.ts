import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFrame, FrameReader } from '../../../src/adapters/libp2p/frame-reader.ts'
import { concatBytes } from '../../../src/base/bytes.ts'

const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 6000 }), { maxLength: 6 })

/** Cuts bytes into chunks of the given sizes, again and again. */
function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let offset = 0
  for (let i = 0; offset < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield bytes.subarray(offset, offset + size)
    offset += size
  }
}

describe('FrameReader', () => {
  it('reads what encodeFrame wrote, however it is cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(bodies, sizes, (frames, chunkSizes) => {
        const reader = new FrameReader(6000)
        const read: Uint8Array[] = []
        for (const chunk of cut(concatBytes(frames.map(encodeFrame)), chunkSizes)) {
          expect(reader.push(chunk, (body) => read.push(body))).toBe(true)
        }
        expect(read.map((each) => [...each])).toEqual(frames.map((each) => [...each]))
        expect(reader.isIdle).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it.each([0, 5, 2 ** 31, 2 ** 32 - 1])('refuses a length of %d above a limit of 4', (length) => {
    const header = new Uint8Array(8)
    new DataView(header.buffer).setUint32(0, length)
    const reader = new FrameReader(4)
    const fail = (): never => expect.fail('a frame came out')
    expect(reader.push(header, fail)).toBe(false)
    expect(reader.push(encodeFrame(Uint8Array.of(1)), fail)).toBe(false)
  })

  it('accepts the largest length', () => {
    const read: number[] = []
    const reader = new FrameReader(4)
    expect(reader.push(encodeFrame(new Uint8Array(4)), (body) => read.push(body.length))).toBe(true)
    expect(read).toEqual([4])
  })

  it('gives plain arrays out of Buffers, whose slice() would be a view', () => {
    for (const size of [10, 5000]) {
      const chunk = Buffer.from(encodeFrame(new Uint8Array(size)))
      const bodies: Uint8Array[] = []
      new FrameReader(5000).push(chunk, (body) => bodies.push(body))
      expect(bodies.map((body) => Buffer.isBuffer(body))).toEqual([false])
    }
  })

  it('copies small frames, so that they do not pin their chunk', () => {
    const chunk = encodeFrame(new Uint8Array(10))
    const bodies: Uint8Array[] = []
    new FrameReader(100).push(chunk, (body) => bodies.push(body))
    expect(bodies.length).toBe(1)
    expect(bodies[0]?.buffer).not.toBe(chunk.buffer)
  })
})
