import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MuxerWrites } from '../../../src/adapters/libp2p/muxer-writes.ts'
import { MUXER_BYTES_MAX } from '../../../src/adapters/libp2p/options.ts'
import { concatBytes } from '../../../src/base/bytes.ts'

const [DATA, WINDOW, PING] = [0, 1, 2]
const [SYN, FIN, RST] = [1, 4, 8]

function frame(
  type: number,
  given: { flags?: number; stream?: number; length?: number; body?: Uint8Array },
): Uint8Array {
  const { flags = 0, stream = 1, body = new Uint8Array(0), length = body.length } = given
  const header = new Uint8Array(12)
  const view = new DataView(header.buffer)
  view.setUint8(1, type)
  view.setUint16(2, flags)
  view.setUint32(4, stream)
  view.setUint32(8, length)
  return concatBytes([header, body])
}

const data = (byte: number, flags = 0) =>
  frame(DATA, { flags, body: new Uint8Array(100).fill(byte) })
const grant = (length: number, stream = 1) => frame(WINDOW, { length, stream })

/** Writes and what reached the connection, message by message. */
function writes(accepts = true) {
  const sent: Uint8Array[] = []
  const out = new MuxerWrites((bytes) => {
    sent.push(bytes)
    return accepts
  })
  // As yamux does it: the header, then what it announces.
  const split = (bytes: Uint8Array) => [bytes.subarray(0, 12), bytes.subarray(12)]
  return {
    sent,
    writes: {
      soon: (bytes: Uint8Array) => out.soon(split(bytes)),
      now: (bytes: Uint8Array) => out.now(split(bytes)),
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('MuxerWrites', () => {
  it('the frames of one turn leave as one message, in their order', async () => {
    const { writes: out, sent } = writes()
    out.soon(data(1))
    out.soon(data(2))
    expect(sent).toEqual([])
    await turn()
    expect(sent).toEqual([concatBytes([data(1), data(2)])])
  })

  it('a ping takes along what was gathered before it and waits for nothing', async () => {
    const { writes: out, sent } = writes()
    const ping = frame(PING, { flags: SYN, stream: 0, length: 7 })
    out.soon(data(1))
    out.soon(ping)
    expect(sent).toEqual([concatBytes([data(1), ping])])
    await turn()
    expect(sent).toHaveLength(1)
  })

  it('grants are saved up to a quarter of the window', async () => {
    const { writes: out, sent } = writes()
    for (let i = 0; i < 63; i++) out.soon(grant(1024))
    await turn()
    expect(sent).toEqual([])
    out.soon(grant(1024))
    await turn()
    expect(sent).toEqual([grant(MUXER_BYTES_MAX / 4)])
  })

  it('a grant that opens a stream is not kept back', async () => {
    const { writes: out, sent } = writes()
    const open = frame(WINDOW, { flags: SYN, length: 0 })
    out.soon(open)
    await turn()
    expect(sent).toEqual([open])
  })

  it('grants of a stream that ended are forgotten, those of others are not', async () => {
    const { writes: out, sent } = writes()
    for (const flags of [FIN, RST]) {
      out.soon(grant(60_000, 1))
      out.soon(frame(WINDOW, { flags, stream: 1 }))
    }
    out.soon(grant(60_000, 3))
    out.soon(grant(60_000, 1))
    out.soon(grant(10_000, 3))
    await turn()
    const ends = [FIN, RST].map((flags) => frame(WINDOW, { flags, stream: 1 }))
    expect(sent).toEqual([concatBytes([...ends, grant(70_000, 3)])])
  })

  it('tells all grants when those of too many streams are kept', async () => {
    const { writes: out, sent } = writes()
    for (let stream = 1; stream <= 129; stream++) out.soon(grant(1, stream))
    await turn()
    expect(sent[0]?.length).toBe(129 * 12)
  })

  it('what is gathered leaves at once when it is much, and says whether more may come', () => {
    const { writes: out, sent } = writes(false)
    const large = frame(DATA, { body: new Uint8Array(40_000) })
    expect(out.soon(large)).toBe(true)
    expect(sent).toEqual([])
    expect(out.soon(large)).toBe(false)
    expect(sent).toEqual([large])
  })

  it('outlives a connection that was closed in between', async () => {
    const out = new MuxerWrites(() => {
      throw new Error('closed')
    })
    out.soon([data(1)])
    await turn()
    expect(() => out.now([data(2)])).toThrow('closed')
  })

  it('the other end never lacks more than a quarter of a window', () => {
    const streams = fc.integer({ min: 1, max: 5 })
    const lengths = fc.integer({ min: 1, max: 90_000 })
    fc.assert(
      fc.property(fc.array(fc.tuple(streams, lengths), { maxLength: 100 }), (grants) => {
        const { writes: out, sent } = writes()
        const owed = new Map<number, number>()
        for (const [stream, length] of grants) {
          owed.set(stream, (owed.get(stream) ?? 0) + length)
          out.soon(grant(length, stream))
        }
        out.now(data(1))
        const view = new DataView(concatBytes(sent).buffer)
        for (let at = 0; at < view.byteLength - data(1).length; at += 12) {
          const stream = view.getUint32(at + 4)
          owed.set(stream, (owed.get(stream) ?? 0) - view.getUint32(at + 8))
        }
        for (const left of owed.values()) {
          expect(left).toBeGreaterThanOrEqual(0)
          expect(left).toBeLessThan(MUXER_BYTES_MAX / 4)
        }
      }),
    )
  })
})
