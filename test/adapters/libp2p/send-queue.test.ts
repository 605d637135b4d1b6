import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader } from '../../../src/adapters/libp2p/frame-reader.ts'
import { PIECE_BYTES_MAX, type Piece, SendQueue } from '../../../src/adapters/libp2p/send-queue.ts'
import type { Lane, Protocol } from '../../../src/base/core.ts'

const MIB = 1024 * 1024
const all: Parameters<SendQueue['next']>[0] = {
  isReady: () => true,
  mayBulk: true,
  mayStart: true,
}

const frame = (lane: Lane, protocol: Protocol, size: number, mark = 0) => ({
  lane,
  protocol,
  bytes: new Uint8Array(size).fill(mark),
})

function drain(queue: SendQueue, options = all): Piece[] {
  const pieces: Piece[] = []
  for (let piece = queue.next(options); piece !== undefined; piece = queue.next(options)) {
    pieces.push(piece)
  }
  return pieces
}

describe('SendQueue', () => {
  it('lets a probe leave before everything that was queued earlier', () => {
    const queue = new SendQueue(MIB)
    for (const lane of ['bulk', 'user', 'control'] as const) queue.push(frame(lane, 'kv', 50))
    queue.push(frame('probe', 'member', 50))
    expect(drain(queue).map(({ lane }) => lane)).toEqual(['probe', 'control', 'user', 'bulk'])
  })

  it('finishes a frame that has begun before another begins on its protocol', () => {
    const queue = new SendQueue(MIB)
    queue.push(frame('bulk', 'sync', 3 * PIECE_BYTES_MAX))
    expect(queue.next(all)?.lane).toBe('bulk')
    queue.push(frame('probe', 'sync', 10))
    queue.push(frame('probe', 'member', 10))
    const order = drain(queue).map(({ lane, protocol }) => `${lane} ${protocol}`)
    expect(order).toEqual(['probe member', 'bulk sync', 'bulk sync', 'bulk sync', 'probe sync'])
  })

  it('cuts frames into pieces of at most 16 KiB that make up the frames again, in order', () => {
    const lanes = fc.constantFrom<Lane>('probe', 'control', 'user', 'bulk')
    const protocols = fc.constantFrom<Protocol>('member', 'sync', 'kv')
    const frames = fc.array(fc.tuple(lanes, protocols, fc.integer({ min: 1, max: 40_000 })), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(frames, (list) => {
        const queue = new SendQueue(2 * MIB)
        list.forEach(([lane, protocol, size], i) => {
          expect(queue.push(frame(lane, protocol, size, i))).toBe(true)
        })
        const readers = {
          member: new FrameReader(MIB),
          sync: new FrameReader(MIB),
          kv: new FrameReader(MIB),
        }
        const came = new Map<string, number[]>()
        for (const { lane, protocol, bytes } of drain(queue)) {
          expect(bytes.length).toBeLessThanOrEqual(PIECE_BYTES_MAX)
          readers[protocol].push(bytes, (body) => {
            const key = `${lane} ${protocol}`
            came.set(key, [...(came.get(key) ?? []), body[0] ?? -1])
          })
        }
        const went = new Map<string, number[]>()
        list.forEach(([lane, protocol], i) => {
          const key = `${lane} ${protocol}`
          went.set(key, [...(went.get(key) ?? []), i])
        })
        expect(Object.fromEntries(came)).toEqual(Object.fromEntries(went))
        expect(queue.bytes).toBe(0)
      }),
      { numRuns: 50 },
    )
  })

  it('is bounded and keeps a share free for probes, control and user', () => {
    const queue = new SendQueue(MIB)
    while (queue.push(frame('bulk', 'sync', 1000)));
    expect(queue.bytes).toBeLessThanOrEqual(MIB * (1 - 1 / 16 - 1 / 8 - 1 / 8))
    expect(queue.bytes).toBeGreaterThan(MIB * 0.68)
    while (queue.push(frame('user', 'kv', 1000)));
    expect(queue.push(frame('control', 'member', 100_000))).toBe(true)
    expect(queue.push(frame('probe', 'member', 4000))).toBe(true)
    expect(queue.bytes).toBeLessThanOrEqual(MIB)
  })

  it('serves every lane while all wait, control most and bulk least', () => {
    const queue = new SendQueue(4 * MIB)
    for (let i = 0; i < 500; i++) {
      for (const lane of ['control', 'user', 'bulk'] as const) queue.push(frame(lane, 'kv', 996))
    }
    const served = { probe: 0, control: 0, user: 0, bulk: 0 }
    for (let i = 0; i < 390; i++) served[queue.next(all)?.lane ?? 'probe'] += 1
    expect(served).toEqual({ probe: 0, control: 240, user: 120, bulk: 30 })
  })

  it('holds bulk back when told to, and nothing else', () => {
    const queue = new SendQueue(MIB)
    for (const lane of ['bulk', 'user'] as const) queue.push(frame(lane, 'kv', 50))
    expect(drain(queue, { ...all, mayBulk: false }).map(({ lane }) => lane)).toEqual(['user'])
    expect(drain(queue).map(({ lane }) => lane)).toEqual(['bulk'])
  })

  it('skips protocols whose stream is not ready', () => {
    const queue = new SendQueue(MIB)
    queue.push(frame('user', 'kv', 50))
    queue.push(frame('user', 'sync', 50))
    const ready = { ...all, isReady: (protocol: Protocol) => protocol === 'sync' }
    expect(drain(queue, ready).map(({ protocol }) => protocol)).toEqual(['sync'])
    expect(queue.hasFor('kv')).toBe(true)
    expect(queue.hasFor('sync')).toBe(false)
  })

  it('abandon() forgets the half-sent frame only', () => {
    const queue = new SendQueue(MIB)
    queue.push(frame('bulk', 'sync', 2 * PIECE_BYTES_MAX, 1))
    queue.push(frame('bulk', 'sync', 10, 2))
    queue.next(all)
    expect(queue.begun).toEqual(['sync'])
    queue.abandon('sync')
    expect(queue.begun).toEqual([])
    expect(drain(queue).map(({ bytes }) => bytes.length)).toEqual([14])
    expect(queue.bytes).toBe(0)
  })
})
