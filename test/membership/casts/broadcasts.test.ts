import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { signCast } from '../../../src/membership/casts/cast.ts'
import { encodeCastFrame } from '../../../src/membership/casts/cast-frame.ts'
import {
  FORGED_MAX,
  OWN_BURST,
  SENDER_BURST,
  STORE_AGE_MS,
  STORE_BYTES_MAX,
  STORE_CASTS_MAX,
} from '../../../src/membership/casts/cast-limits.ts'
import { type CastNode, Net } from './net.ts'

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`)

/** What a sender of the test's own making puts on the wire. */
function forge(
  signer: CastNode['signer'],
  fields: { epoch?: number; sequence: number; name?: string; payload?: Uint8Array; ageMs?: number },
): Uint8Array {
  const { epoch = 1, sequence, name = 'x', payload = new Uint8Array(0), ageMs = 0 } = fields
  const cast = signCast(signer, 'net', {
    ...{ epoch, sequence, name, payload, asking: undefined },
    backlog: Math.min(sequence - 1, 10),
  })
  return encodeCastFrame({ type: 'cast', isRepair: false, hops: 0, ageMs, cast: cast.bytes })
}

function worst(net: Net, sentAt: number, share: number): number {
  const delays = net.nodes.map(({ heard }) => (heard[0]?.at ?? Number.POSITIVE_INFINITY) - sentAt)
  delays.sort((a, b) => a - b)
  return delays[Math.ceil(delays.length * share) - 1] ?? Number.POSITIVE_INFINITY
}

describe('dissemination', () => {
  test('a broadcast reaches each of 1,000 once, 99 of 100 within 250 ms', () => {
    const net = new Net({ seed: 1, nodes: 1_000 })
    net.broadcast(net.node(0), 'hello', new Uint8Array(500))
    const sentAt = net.now
    net.run(3_000)
    expect(net.nodes.every(({ heard }) => heard.length === 1)).toBe(true)
    expect(worst(net, sentAt, 0.99)).toBeLessThanOrEqual(250)
  })

  test.each(['vanish', 'retransmit'] as const)(
    'with a quarter of the frames lost (%s) all of 1,000 have it within 500 ms',
    (lossMode) => {
      const net = new Net({ seed: 2, nodes: 1_000, loss: 0.25, lossMode })
      net.broadcast(net.node(0), 'hello', new Uint8Array(500))
      const sentAt = net.now
      net.run(3_000)
      expect(net.nodes.every(({ heard }) => heard.length === 1)).toBe(true)
      expect(worst(net, sentAt, 1)).toBeLessThanOrEqual(500)
    },
  )

  test('without loss a small broadcast costs a node at most eight copies and eight hints', () => {
    const net = new Net({ seed: 3, nodes: 200 })
    net.broadcast(net.node(0), 'hello')
    net.run(20_000)
    const frames = net.nodes.reduce((sum, { framesOut }) => sum + framesOut, 0)
    expect(frames / net.nodes.length).toBeLessThanOrEqual(16.5)
  })

  test('64 KiB reach everybody whole, and the second time over a tree', () => {
    const net = new Net({ seed: 4, nodes: 60 })
    const payload = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 31) & 255)
    const bytes = (): number => net.nodes.reduce((sum, { bytesOut }) => sum + bytesOut, 0)
    net.broadcast(net.node(0), 'first', payload)
    net.run(3_000)
    const first = bytes()
    net.broadcast(net.node(0), 'second', payload)
    net.run(3_000)
    for (const { heard } of net.nodes) {
      expect(heard.map(({ name }) => name)).toEqual(['first', 'second'])
      expect(heard.every((one) => Buffer.from(payload).equals(one.payload))).toBe(true)
    }
    const perNode = (bytes() - first) / net.nodes.length
    expect(perNode).toBeLessThan(first / net.nodes.length / 2)
    expect(perNode).toBeLessThan(2 * 65_536)
  })

  test('64 KiB reach everybody over links that lose a quarter of the frames', () => {
    const net = new Net({ seed: 5, nodes: 60, loss: 0.25 })
    for (const i of [0, 1, 2])
      net.broadcast(net.node(i), `from ${i}`, new Uint8Array(65_536).fill(i))
    net.run(8_000)
    for (const { heard } of net.nodes) expect(heard.length).toBe(3)
  })

  test('what went to one side of a partition comes to the other after it', () => {
    const net = new Net({ seed: 6, nodes: 30 })
    net.partition(net.nodes.slice(0, 10))
    for (const name of numbers(20)) net.broadcast(net.node(0), name, new Uint8Array(2_000))
    net.run(8_000)
    expect(net.node(20).heard).toEqual([])
    net.heal()
    net.run(3_000)
    for (const node of net.nodes) expect(node.names()).toEqual(numbers(20))
  })
})

describe('order and once', () => {
  test('every receiver gets each broadcast once, in its sender’s order, whatever is lost', () => {
    const plan = fc.record({
      seed: fc.integer({ min: 1, max: 1e6 }),
      nodes: fc.integer({ min: 2, max: 24 }),
      loss: fc.constantFrom(0, 0.1, 0.3),
      sends: fc.array(
        fc.record({
          by: fc.nat({ max: 2 }),
          size: fc.constantFrom(0, 10, 1_024, 1_025, 9_000),
          waitMs: fc.constantFrom(0, 1, 40, 400),
        }),
        { minLength: 1, maxLength: 40 },
      ),
    })
    fc.assert(
      fc.property(plan, ({ seed, nodes, loss, sends }) => {
        const net = new Net({ seed, nodes, loss, latencyMs: [1, 60] })
        const sent = new Map<CastNode, string[]>()
        for (const [i, { by, size, waitMs }] of sends.entries()) {
          const node = net.node(by % nodes)
          sent.set(node, [...(sent.get(node) ?? []), `${i}`])
          net.broadcast(node, `${i}`, new Uint8Array(size))
          net.run(waitMs)
        }
        net.loss = 0
        net.run(6_000)
        for (const node of net.nodes) {
          for (const [from, names] of sent) expect(node.names(from)).toEqual(names)
          expect(node.drop('cast-missed')).toBe(0)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('what nobody can hand on is given up after two seconds, counted, and the rest goes on', () => {
    const net = new Net({ seed: 7, nodes: 2 })
    const [a, b] = [net.node(0), net.node(1)]
    b.casts?.frame(a.id, forge(a.signer, { sequence: 1, name: 'one' }), net.now)
    net.inject(b, a, forge(a.signer, { sequence: 4, name: 'four' }))
    net.run(1_900)
    expect(b.names()).toEqual(['one'])
    net.run(200)
    expect(b.names()).toEqual(['one', 'four'])
    expect(b.casts?.counts.missed).toBe(2)
    expect(b.drop('cast-missed')).toBe(1)
    net.inject(b, a, forge(a.signer, { sequence: 2, name: 'two' }))
    expect(b.names()).toEqual(['one', 'four'])
  })

  test('a newcomer gets what is sent from then on, and nothing older', () => {
    const net = new Net({ seed: 8, nodes: 12, startsAt: (index) => (index === 11 ? 5_000 : 0) })
    const late = net.node(11)
    for (const id of [...late.links.keys()]) {
      const other = net.nodes.find((node) => node.id === id)
      if (other !== undefined) net.unlink(late, other)
    }
    for (const name of numbers(30)) net.broadcast(net.node(0), name)
    net.run(5_010)
    for (const other of net.nodes.slice(0, 8)) net.link(late, other)
    net.run(500)
    net.broadcast(net.node(0), 'new')
    net.run(3_000)
    expect(late.names()).toEqual(['new'])
    expect(net.node(5).names()).toEqual([...numbers(30), 'new'])
  })

  test('a restarted sender begins anew, and nothing of its earlier life comes again', () => {
    const net = new Net({ seed: 9, nodes: 5 })
    const sender = net.node(0)
    for (const name of ['a', 'b']) net.broadcast(sender, name)
    net.run(100)
    net.restart(sender)
    net.broadcast(sender, 'c')
    net.run(100)
    net.inject(net.node(1), sender, forge(sender.signer, { epoch: 1, sequence: 3, name: 'old' }))
    net.run(3_000)
    for (const node of net.nodes.slice(1)) expect(node.names()).toEqual(['a', 'b', 'c'])
    expect(net.node(1).drop('cast-of-earlier-life')).toBe(1)
  })
})

describe('hostile members', () => {
  test('nobody can send in the name of another: refused, not passed on, the forger muted', () => {
    const net = new Net({ seed: 10, nodes: 4 })
    const [liar, victim, target] = [net.node(0), net.node(1), net.node(2)]
    for (let i = 0; i <= FORGED_MAX; i++) {
      const bytes = forge(
        { ...liar.signer, publicKey: victim.signer.publicKey },
        { sequence: i + 1 },
      )
      net.inject(target, liar, bytes)
    }
    net.run(3_000)
    expect(net.nodes.every(({ heard }) => heard.length === 0)).toBe(true)
    expect(target.drop('cast-signature')).toBe(FORGED_MAX)
    expect(target.drop('cast-link-muted')).toBe(1)
    net.broadcast(victim, 'true')
    net.run(1_000)
    expect(target.names()).toEqual(['true'])
  })

  test('one that floods is counted and muted, the others are heard', () => {
    const net = new Net({ seed: 11, nodes: 6 })
    const [liar, honest, target] = [net.node(0), net.node(1), net.node(2)]
    for (let i = 1; i <= SENDER_BURST + 500; i++) {
      net.inject(target, liar, forge(liar.signer, { sequence: i }))
    }
    net.broadcast(honest, 'still here')
    net.run(200)
    expect(target.names(liar).length).toBe(SENDER_BURST)
    expect(target.drop('cast-sender-rate')).toBeGreaterThan(0)
    expect(target.drop('cast-sender-muted')).toBeGreaterThan(400)
    for (const node of net.nodes) expect(node.names(honest)).toEqual(['still here'])
    net.run(20_000)
    net.inject(target, liar, forge(liar.signer, { sequence: 5_000, name: 'forgiven' }))
    net.run(3_000)
    expect(target.names(liar).at(-1)).toBe('forgiven')
  })

  test('a piece that is not the signed one is refused and comes from somebody else', () => {
    const net = new Net({ seed: 12, nodes: 3 })
    const [a, b, c] = [net.node(0), net.node(1), net.node(2)]
    net.cut(a, c)
    net.broadcast(a, 'large', new Uint8Array(4_000).fill(7))
    net.run(30)
    // Heads and pieces go over b only; a wrong piece under the true head comes first.
    const place = { sender: a.signer.publicKey, epoch: 1, sequence: 2 }
    const cast = signCast(a.signer, 'net', {
      ...{ epoch: 1, sequence: 2, backlog: 1, name: 'second', asking: undefined },
      payload: new Uint8Array(4_000).fill(8),
    })
    net.inject(
      c,
      b,
      encodeCastFrame({ type: 'cast', isRepair: false, hops: 0, ageMs: 0, cast: cast.bytes }),
    )
    net.inject(
      c,
      b,
      encodeCastFrame({ type: 'piece', ...place, index: 0, bytes: new Uint8Array(3_584).fill(9) }),
    )
    expect(c.drop('cast-piece-forged')).toBe(1)
    net.broadcast(a, 'second', new Uint8Array(4_000).fill(8))
    net.run(3_000)
    expect(c.names()).toEqual(['large', 'second'])
    expect(c.heard[1]?.payload).toEqual(new Uint8Array(4_000).fill(8))
  })

  test('hints about what does not exist change nothing and are asked about only a few times', () => {
    const net = new Net({ seed: 13, nodes: 3 })
    const [liar, sender, target] = [net.node(0), net.node(1), net.node(2)]
    const { publicKey: subject } = sender.signer
    target.casts?.hinted(liar.id, { subject, epoch: 1, highest: 2 ** 48 }, net.now)
    target.casts?.hinted(liar.id, { subject, epoch: 9, highest: 1 }, net.now)
    const before = target.framesOut
    net.inject(target, liar, encodeCastFrame({ type: 'prune' }))
    net.run(5_000)
    expect(target.framesOut - before).toBeLessThanOrEqual(4)
    net.broadcast(sender, 'true')
    net.run(500)
    expect(target.names()).toEqual(['true'])
  })

  test('what is too old for anybody’s store is refused', () => {
    const net = new Net({ seed: 14, nodes: 2 })
    const [a, b] = [net.node(0), net.node(1)]
    net.inject(b, a, forge(a.signer, { sequence: 1, ageMs: STORE_AGE_MS + 1 }))
    expect(b.drop('cast-stale')).toBe(1)
    expect(b.heard).toEqual([])
  })
})

describe('limits', () => {
  test('a node that sends too much is refused before anything leaves', () => {
    const net = new Net({ seed: 15, nodes: 2 })
    const node = net.node(0)
    for (let i = 0; i <= OWN_BURST; i++) net.broadcast(node, 'x')
    const refused = node.done.filter(({ type }) => type === 'cast-refused')
    expect(refused).toMatchObject([{ error: { code: 'ERR_OVERLOADED' } }])
    net.run(3_000)
    expect(net.node(1).heard.length).toBe(OWN_BURST)
  })

  test.each([
    ['no name', '', 0],
    ['a long name', 'é'.repeat(33), 0],
    ['a lone surrogate', '\ud800', 0],
    ['a large payload', 'x', 65_537],
  ])('%s is refused', (_, name, size) => {
    const net = new Net({ seed: 16, nodes: 2 })
    net.broadcast(net.node(0), name, new Uint8Array(size))
    expect(net.node(0).done).toMatchObject([{ type: 'cast-refused', error: { code: 'ERR_LIMIT' } }])
  })

  test('the store keeps a bounded number and bytes, counts what fell out, and is empty in the end', () => {
    const net = new Net({ seed: 17, nodes: 2 })
    const counts = () => net.node(1).casts?.counts
    for (let i = 0; i < 30; i++) {
      for (let j = 0; j < 50; j++) net.broadcast(net.node(0), 'small')
      net.run(500)
    }
    expect(counts()).toMatchObject({ stored: STORE_CASTS_MAX, forgotten: 1_500 - STORE_CASTS_MAX })
    for (let i = 0; i < 90; i++) {
      net.broadcast(net.node(0), 'large', new Uint8Array(65_536))
      net.run(500)
    }
    expect(counts()?.delivered).toBe(1_590)
    expect(counts()?.storedBytes).toBeLessThanOrEqual(STORE_BYTES_MAX)
    net.run(STORE_AGE_MS)
    expect(counts()).toMatchObject({ stored: 0, storedBytes: 0 })
  })
})
