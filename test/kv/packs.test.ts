import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex } from '../../src/base/bytes.ts'
import { encodePack, PACK_FRAMES_MAX, unpack } from '../../src/kv/frame.ts'
import type { KvInput } from '../../src/kv/kv.ts'
import { Packer } from '../../src/kv/packer.ts'
import { ed25519Signer } from '../records/ed25519-signer.ts'
import { KvCluster, type KvNode } from './kv-cluster.ts'

const PEERS = [1, 2, 3].map((seed) => ed25519Signer(seed).peerId)

describe('a pack', () => {
  it('has golden bytes, and gives its frames back', () => {
    const frames = [Uint8Array.of(0x11, 1), Uint8Array.of(0x15, 2)]
    expect(hex(encodePack(frames))).toBe('2002021101021502')
    expect(unpack(encodePack(frames))).toEqual({ ok: true, value: frames })
    expect(unpack(Uint8Array.of(0x11, 1))).toEqual({ ok: true, value: [Uint8Array.of(0x11, 1)] })
  })

  it('is refused when it is too long, holds too many, ends early or goes on', () => {
    const many = encodePack(
      Array.from({ length: PACK_FRAMES_MAX + 1 }, () => Uint8Array.of(0x11, 1)),
    )
    const long = Uint8Array.from({ length: 72 * 1024 + 1 }, (_, i) => (i === 0 ? 32 : 0))
    for (const bytes of [many, long, Uint8Array.of(32, 2, 1, 17), Uint8Array.of(32, 0, 0)]) {
      expect(unpack(bytes).ok).toBe(false)
    }
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void unpack(Uint8Array.of(32, ...bytes))))
  })
})

describe('Packer', () => {
  it('carries what it was given, in order for each peer, lane and gate', () => {
    const send = fc.record({
      peer: fc.constantFrom(...PEERS),
      lane: fc.constantFrom('user' as const, 'bulk' as const),
      gated: fc.boolean(),
      size: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 3, max: 300 }) },
        fc.constant(9_000),
      ),
    })
    fc.assert(
      fc.property(fc.array(send, { maxLength: 400, size: 'max' }), (sends) => {
        const packer = new Packer()
        const given = new Map<string, string[]>()
        const told = (bytes: Uint8Array) => `${bytes[1]} ${bytes[2]} ${bytes.length}`
        for (const [i, { peer, lane, gated, size }] of sends.entries()) {
          const bytes = new Uint8Array(size).fill(17)
          bytes.set([i & 255, i >>> 8], 1)
          packer.push({ type: 'send', peer, lane, gated, bytes })
          const way = `${peer} ${lane} ${gated}`
          given.set(way, [...(given.get(way) ?? []), told(bytes)])
        }
        const taken = new Map<string, string[]>()
        for (let out = packer.shift(); out !== undefined; out = packer.shift()) {
          const { peer, lane, gated, bytes } = out
          const unpacked = unpack(bytes)
          const frames = unpacked.ok ? unpacked.value : []
          expect(frames.length === 1 || bytes.length <= 17_408).toBe(true)
          const way = `${peer} ${lane} ${gated}`
          taken.set(way, [...(taken.get(way) ?? []), ...frames.map(told)])
        }
        expect(taken).toEqual(given)
      }),
      { numRuns: 50 },
    )
  })
})

/** Asks for all in one step, as the engine does for a batch. */
function together(world: KvCluster, node: KvNode, inputs: readonly KvInput[]): void {
  const [last, ...others] = [...inputs].reverse()
  for (const input of others.reverse()) node.kv.handle(input, world.now)
  if (last !== undefined) world.input(node, last)
}

describe('many requests in one step', () => {
  const VALUE = new Uint8Array(20)

  function puts(count: number): KvInput[] {
    return Array.from({ length: count }, (_, i): KvInput => {
      return { type: 'put', request: 5_000 + i, key: `key ${i}`, value: VALUE, level: 'quorum' }
    })
  }

  it('cost each replica some frames, not one for each record', () => {
    const world = new KvCluster(5)
    const node = world.node(0)
    together(world, node, puts(100))
    world.until(() =>
      Array.from({ length: 100 }, (_, i) => 5_000 + i).every((id) => node.answers.has(id)),
    )
    for (let i = 0; i < 100; i++)
      expect(node.answer(5_000 + i, 'put-done').acks).toBeGreaterThanOrEqual(3)
    expect(world.count('put', node)).toBe(500)
    // 100 records of some 160 bytes: one pack of 16 KiB to each of the five, ourselves included.
    const toOthers = world.sent.filter(({ type, from }) => type === 'pack' && from === node.index)
    expect(toOthers.length).toBeLessThanOrEqual(10)
    expect(world.count('pack', world.node(1))).toBeLessThanOrEqual(2)
  })

  it('of reads are answered in one round trip, in packs', () => {
    const world = new KvCluster(20, { latencyMs: 50 })
    const node = world.node(0)
    together(world, node, puts(200))
    world.run(3_000)
    world.sent.length = 0
    const begun = world.now
    const gets = Array.from({ length: 200 }, (_, i): KvInput => {
      return { type: 'get', request: 9_000 + i, key: `key ${i}` }
    })
    together(world, node, gets)
    world.until(() => gets.every((_, i) => node.answers.has(9_000 + i)))
    expect(world.now - begun).toBeLessThanOrEqual(100)
    expect(gets.every((_, i) => node.answer(9_000 + i, 'get-done').found !== undefined)).toBe(true)
    const single = world.sent.filter(({ type }) => type === 'get').length
    const packs = world.sent.filter(
      ({ type, from }) => type === 'pack' && from === node.index,
    ).length
    expect(single).toBeGreaterThanOrEqual(200)
    expect(packs).toBeLessThanOrEqual(20)
  })

  it('are sent again by themselves when a pack is lost', () => {
    const world = new KvCluster(5)
    const node = world.node(0)
    let lost = 0
    world.isCut = (from) => from === node && lost++ < 4
    together(world, node, puts(50))
    world.until(() =>
      Array.from({ length: 50 }, (_, i) => 5_000 + i).every((id) => node.answers.has(id)),
    )
    for (let i = 0; i < 50; i++) node.answer(5_000 + i, 'put-done')
    expect(lost).toBeGreaterThan(4)
  })
})
