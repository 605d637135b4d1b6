import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bans } from '../../../src/adapters/libp2p/bans.ts'
import { MultistreamFollower } from '../../../src/adapters/libp2p/multistream-guard.ts'
import { YamuxFollower } from '../../../src/adapters/libp2p/muxer-guard.ts'
import { defaultHostLimits } from '../../../src/adapters/libp2p/options.ts'
import { TokenBucket } from '../../../src/adapters/libp2p/token-bucket.ts'
import { concatBytes, utf8 } from '../../../src/base/bytes.ts'

const limits = defaultHostLimits('local')
const line = (text: string) => concatBytes([Uint8Array.of(text.length + 1), utf8(`${text}\n`)])

describe('MultistreamFollower', () => {
  const honest = concatBytes([line('/multistream/1.0.0'), line('/noise'), new Uint8Array(500)])

  it('is done at the encryption protocol and looks at nothing behind it', () => {
    expect(new MultistreamFollower().push(honest)).toBe('done')
  })

  it('follows lines however they are cut', () => {
    const follower = new MultistreamFollower()
    const verdicts = [...honest.subarray(0, 28)].map((byte) => follower.push(Uint8Array.of(byte)))
    expect(verdicts.at(-1)).toBe('done')
    expect(new Set(verdicts.slice(0, -1))).toEqual(new Set(['more']))
  })

  it.each([
    ['a request of another protocol', utf8('GET / HTTP/1.1\r\n\r\n')],
    ['a long length', Uint8Array.of(0xff, 0xff, 0xff)],
    ['an empty line', Uint8Array.of(0)],
    ['a line without its end', concatBytes([Uint8Array.of(4), utf8('/abcd')])],
    ['a ninth line', concatBytes(Array.from({ length: 9 }, () => line('/x')))],
  ])('refuses %s', (_name, bytes) => {
    expect(new MultistreamFollower().push(bytes)).toBe('bad')
  })

  it('accepts eight lines', () => {
    const lines = concatBytes(Array.from({ length: 8 }, () => line('/x')))
    expect(new MultistreamFollower().push(lines)).toBe('more')
  })

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(['more', 'done', 'bad']).toContain(new MultistreamFollower().push(bytes))
      }),
    )
  })
})

function muxerFrame(type: number, flags: number, length: number): Uint8Array {
  const header = new Uint8Array(12)
  const view = new DataView(header.buffer)
  view.setUint8(1, type)
  view.setUint16(2, flags)
  view.setUint32(4, 1)
  view.setUint32(8, length)
  return header
}

describe('YamuxFollower', () => {
  it('lets honest frames pass, however they are cut', () => {
    const data = concatBytes([muxerFrame(0, 0, 300), new Uint8Array(300).fill(0xff)])
    const follower = new YamuxFollower(limits)
    for (let i = 0; i < 200; i++) {
      for (const byte of data) expect(follower.push(Uint8Array.of(byte), 0)).toBeUndefined()
    }
  })

  it.each([
    ['version', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0), 'malformed muxer frame'],
    ['type', muxerFrame(4, 0, 0), 'malformed muxer frame'],
    ['data length', muxerFrame(0, 0, 256 * 1024 + 1), 'oversized muxer frame'],
    ['window', muxerFrame(1, 0, 2 ** 25), 'oversized muxer window'],
  ])('refuses a bad %s', (_name, bytes, reason) => {
    expect(new YamuxFollower(limits).push(bytes, 0)).toBe(reason)
  })

  it.each([
    ['pings', muxerFrame(2, 1, 0), 50, 'flood of muxer pings'],
    ['streams', muxerFrame(1, 1, 0), 200, 'flood of muxer streams'],
    ['resets', muxerFrame(1, 8, 0), 200, 'flood of muxer resets'],
  ])('bounds %s by rate', (_name, bytes, burst, reason) => {
    const follower = new YamuxFollower(limits)
    for (let i = 0; i < burst; i++) expect(follower.push(bytes, 0)).toBeUndefined()
    expect(follower.push(bytes, 0)).toBe(reason)
    expect(new YamuxFollower(limits).push(bytes, 0)).toBeUndefined()
  })
})

describe('TokenBucket', () => {
  it('refills by time and never above the burst', () => {
    const bucket = new TokenBucket(10, 2)
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([true, true, false])
    expect([bucket.take(100), bucket.take(100)]).toEqual([true, false])
    expect([bucket.take(9e9), bucket.take(9e9), bucket.take(9e9)]).toEqual([true, true, false])
  })
})

describe('Bans', () => {
  it('bans at the fifth offence within a minute, for ten minutes', () => {
    let now = 0
    const bans = new Bans(limits, () => now)
    expect([1, 2, 3, 4].map(() => bans.offend('x'))).toEqual([false, false, false, false])
    expect(bans.isBanned('x')).toBe(false)
    expect(bans.offend('x')).toBe(true)
    expect([bans.isBanned('x'), bans.isBanned('y')]).toEqual([true, false])
    now = 600_000
    expect(bans.isBanned('x')).toBe(false)
  })

  it('forgets offences older than a minute', () => {
    let now = 0
    const bans = new Bans(limits, () => now)
    for (let i = 0; i < 20; i++) {
      expect(bans.offend('x')).toBe(false)
      now += 15_001
    }
  })
})
