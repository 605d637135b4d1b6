import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFaultyLinks, type FaultyLinks } from '../../../src/adapters/faults/faulty-links.ts'
import { DELAYED_BYTES_MAX } from '../../../src/adapters/faults/lossy-links.ts'
import { HELD_BYTES_MAX } from '../../../src/adapters/faults/pausable-links.ts'
import type { PeerId } from '../../../src/base/ids.ts'
import { seededRandom } from '../../../src/base/random.ts'
import type { LinkListener } from '../../../src/engine/ports.ts'
import { A, B, C, FakeLinks, frameTo, RecordingListener } from './fake-links.ts'
import { VirtualTimers } from './virtual-timers.ts'

interface Setup {
  readonly inner: FakeLinks
  readonly listener: RecordingListener
  readonly timers: VirtualTimers
  readonly links: FaultyLinks
}

function setUp(): Setup {
  const inner = new FakeLinks()
  const timers = new VirtualTimers()
  const links = createFaultyLinks(inner, { random: seededRandom(1), timers })
  const listener = new RecordingListener()
  links.listen(listener)
  return { inner, listener, timers, links }
}

test('without faults everything passes in both directions', () => {
  const { inner, listener, links } = setUp()
  links.dial(A, ['/ip4/127.0.0.1/tcp/9'])
  expect([...inner.dials]).toEqual([A])
  inner.comeUp(A)
  inner.comeUp(B, 'host:1')
  inner.receive(A, 'hello')
  expect(links.send(frameTo(A, 'out'))).toBe(true)
  expect(links.send(frameTo(C, 'out'))).toBe(false)
  links.dial(C, [])
  inner.failDial(C, 'refused')
  links.join('host:2')
  inner.listener.joinFailed('host:2', 'refused', 'nobody')
  inner.listener.addresses(['/ip4/1.2.3.4/tcp/1'])
  inner.listener.dropped('nonsense')
  links.close(A)
  inner.finishCloses()
  expect(inner.sentTexts).toEqual(['out'])
  expect(listener.take()).toEqual([
    'up a',
    'up b host:1',
    'frame a hello',
    'dial-failed c refused',
    'join-failed host:2 refused',
    'addresses /ip4/1.2.3.4/tcp/1',
    'dropped nonsense',
    'down a closed',
  ])
})

test('block() lets frames vanish both ways and keeps the link up', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  inner.comeUp(B)
  links.block([A])
  listener.take()
  inner.receive(A, 'lost')
  inner.receive(B, 'kept')
  expect(links.send(frameTo(A, 'lost'))).toBe(true)
  expect(links.send(frameTo(B, 'kept'))).toBe(true)
  timers.pass(60_000)
  expect(inner.sentTexts).toEqual(['kept'])
  expect(listener.take()).toEqual(['frame b kept'])
  links.block([])
  timers.pass(1)
  inner.receive(A, 'again')
  links.send(frameTo(A, 'again'))
  expect(inner.sentTexts).toEqual(['kept', 'again'])
  expect(listener.take()).toEqual(['frame a again'])
})

test('block() lets dials time out after about a second', () => {
  const { inner, listener, timers, links } = setUp()
  links.block([A])
  links.dial(A, [])
  links.dial(A, [])
  expect(inner.dials.size).toBe(0)
  timers.pass(900)
  expect(listener.take()).toEqual([])
  timers.pass(200)
  expect(listener.take()).toEqual(['dial-failed a timeout'])
})

test('block() lets a dial under way time out whatever becomes of it', () => {
  const { inner, listener, timers, links } = setUp()
  links.dial(A, [])
  links.dial(B, [])
  links.block([A, B])
  inner.comeUp(A)
  inner.failDial(B)
  timers.pass(5_000)
  expect(listener.take()).toEqual(['dial-failed a timeout', 'dial-failed b timeout'])
})

test('block() hides links that come, and the heal announces them', () => {
  const { inner, listener, timers, links } = setUp()
  links.block([A, B])
  inner.comeUp(A)
  inner.receive(A, 'lost')
  inner.comeUp(B)
  inner.goDown(B)
  timers.pass(5_000)
  expect(listener.take()).toEqual([])
  links.block([])
  expect(listener.take()).toEqual([])
  timers.pass(0)
  expect(listener.take()).toEqual(['up a'])
})

test('a frame right after the heal comes behind the link it belongs to', () => {
  const { inner, listener, links, timers } = setUp()
  links.block([A])
  inner.comeUp(A)
  links.heal()
  inner.receive(A, 'first')
  expect(listener.take()).toEqual(['up a', 'frame a first'])
  timers.pass(10)
  expect(listener.take()).toEqual([])
})

test('block() hides the end of a link, and the heal tells it', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  inner.comeUp(B)
  links.block([A, B])
  inner.goDown(A, 'reset')
  inner.goDown(B, 'timeout')
  inner.comeUp(B)
  timers.pass(5_000)
  expect(listener.take()).toEqual(['up a', 'up b'])
  links.block([])
  timers.pass(0)
  expect(listener.take()).toEqual(['down a reset', 'down b timeout', 'up b'])
})

test('a link that comes right after the heal comes behind the end of the one before', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  links.block([A])
  inner.goDown(A, 'reset')
  links.block([])
  inner.comeUp(A)
  timers.pass(10)
  expect(listener.take()).toEqual(['up a', 'down a reset', 'up a'])
})

test('close() of a blocked link ends it once', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  links.block([A])
  listener.take()
  links.close(A)
  expect(listener.take()).toEqual([])
  timers.pass(0)
  expect(listener.take()).toEqual(['down a closed'])
  expect(links.send(frameTo(A, 'x'))).toBe(false)
  inner.finishCloses()
  links.block([])
  timers.pass(5_000)
  expect(listener.take()).toEqual([])
})

test('a dial into a cut cable succeeds when the cable is back', () => {
  const { inner, listener, timers, links } = setUp()
  links.block([A])
  links.dial(A, [])
  timers.pass(500)
  links.block([])
  timers.pass(0)
  expect([...inner.dials]).toEqual([A])
  inner.comeUp(A)
  timers.pass(5_000)
  expect(listener.take()).toEqual(['up a'])
})

test('a dial from inside the news of a lost link has an outcome too', () => {
  const { inner, links, listener } = setUp()
  const redialling: LinkListener = {
    linkUp: (from, details) => listener.linkUp(from, details),
    linkDown: (from, end) => {
      listener.linkDown(from, end)
      links.dial(from, [])
    },
    dialFailed: (to, end) => listener.dialFailed(to, end),
    joinFailed: (address, end) => listener.joinFailed(address, end),
    frame: (...news) => listener.frame(...news),
    addresses: (...news) => listener.addresses(...news),
    dropped: (...news) => listener.dropped(...news),
  }
  links.listen(redialling)
  inner.comeUp(A)
  inner.goDown(A)
  inner.failDial(A, 'refused')
  expect(listener.lines).toEqual(['up a', 'down a reset', 'dial-failed a refused'])
})

test('a join that comes out at a blocked peer times out', () => {
  const { inner, listener, timers, links } = setUp()
  links.block([A])
  links.join('host:1')
  inner.comeUp(A, 'host:1')
  timers.pass(5_000)
  expect(listener.take()).toEqual(['join-failed host:1 timeout'])
  links.block([])
  timers.pass(0)
  expect(listener.take()).toEqual(['up a'])
})

test('block() replaces the peers before', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  inner.comeUp(B)
  links.block([A])
  links.block([B])
  timers.pass(0)
  listener.take()
  inner.receive(A, 'in')
  inner.receive(B, 'lost')
  expect(listener.take()).toEqual(['frame a in'])
})

test('loss() drops its share of outgoing frames and none at 0', () => {
  const { inner, links } = setUp()
  inner.comeUp(A)
  links.loss(0.3)
  for (let i = 0; i < 1_000; i++) expect(links.send(frameTo(A, 'x'))).toBe(true)
  // 700 expected, standard deviation 14.5.
  expect(Math.abs(inner.sent.length - 700)).toBeLessThan(75)
  links.loss(1)
  inner.sent.length = 0
  links.send(frameTo(A, 'x'))
  expect(inner.sent).toHaveLength(0)
  links.loss(0)
  links.send(frameTo(A, 'x'))
  expect(inner.sent).toHaveLength(1)
})

test('latency() delays outgoing frames and keeps their order', () => {
  const { inner, timers, links } = setUp()
  inner.comeUp(A)
  links.latency(50)
  links.send(frameTo(A, '1'))
  timers.pass(20)
  links.send(frameTo(A, '2'))
  timers.pass(29)
  expect(inner.sentTexts).toEqual([])
  timers.pass(1)
  expect(inner.sentTexts).toEqual(['1'])
  links.latency(10)
  links.send(frameTo(A, '3'))
  timers.pass(10)
  expect(inner.sentTexts).toEqual(['1', '2', '3'])
})

test('heal() hurries delayed frames ahead of new ones', () => {
  const { inner, timers, links } = setUp()
  inner.comeUp(A)
  links.latency(1_000)
  links.send(frameTo(A, '1'))
  links.heal()
  links.send(frameTo(A, '2'))
  timers.pass(0)
  expect(inner.sentTexts).toEqual(['1', '2'])
  links.send(frameTo(A, '3'))
  expect(inner.sentTexts).toEqual(['1', '2', '3'])
})

test('latency() bounds the bytes under way', () => {
  const { inner, links, timers } = setUp()
  inner.comeUp(A)
  links.latency(1_000)
  const frame = { ...frameTo(A, ''), bytes: new Uint8Array(DELAYED_BYTES_MAX / 4) }
  const answers = Array.from({ length: 5 }, () => links.send(frame))
  expect(answers).toEqual([true, true, true, true, false])
  timers.pass(1_000)
  expect(links.send(frame)).toBe(true)
})

test.each([-0.1, 1.1, Number.NaN])('loss() refuses %f', (share) => {
  expect(() => setUp().links.loss(share)).toThrow(RangeError)
})

test.each([-1, 60_001, Number.NaN])('latency() refuses %f', (ms) => {
  expect(() => setUp().links.latency(ms)).toThrow(RangeError)
})

test('pause() holds what comes in until resume(), in order, and loses what goes out', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  listener.take()
  links.pause()
  expect(links.send(frameTo(A, 'lost'))).toBe(true)
  inner.receive(A, '1')
  inner.comeUp(B)
  inner.receive(B, '2')
  inner.goDown(A)
  timers.pass(10_000)
  expect(listener.take()).toEqual([])
  links.resume()
  expect(listener.take()).toEqual([])
  inner.receive(B, '3')
  timers.pass(0)
  expect(listener.take()).toEqual(['frame a 1', 'up b', 'frame b 2', 'down a reset', 'frame b 3'])
  expect(inner.sent).toEqual([])
})

test('pause() delays dials and joins', () => {
  const { inner, links, timers } = setUp()
  links.pause()
  links.dial(A, [])
  links.join('host:1')
  links.join('host:1')
  timers.pass(10_000)
  expect([inner.dials.size, inner.joins]).toEqual([0, []])
  links.resume()
  timers.pass(0)
  expect([[...inner.dials], inner.joins]).toEqual([[A], ['host:1']])
})

test('pause() forgets links that come and go', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  links.pause()
  listener.take()
  inner.goDown(A)
  for (let i = 0; i < 100; i++) {
    inner.comeUp(A)
    inner.receive(A, 'x')
    inner.goDown(A)
  }
  links.resume()
  timers.pass(0)
  expect(listener.take()).toEqual(['down a reset'])
})

test('pause() bounds what it holds and counts the rest', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  links.pause()
  listener.take()
  for (let i = 0; i < 6; i++) {
    inner.listener.frame(A, 'sync', new Uint8Array(HELD_BYTES_MAX / 4))
  }
  expect(listener.take()).toEqual(['dropped fault-pause-overflow', 'dropped fault-pause-overflow'])
  links.resume()
  timers.pass(0)
  expect(listener.take()).toHaveLength(4)
})

test('heal() takes back every fault', () => {
  const { inner, listener, timers, links } = setUp()
  inner.comeUp(A)
  links.block([A])
  links.loss(1)
  links.latency(500)
  links.pause()
  links.heal()
  timers.pass(0)
  listener.take()
  expect(links.send(frameTo(A, 'out'))).toBe(true)
  inner.receive(A, 'in')
  expect(inner.sentTexts).toEqual(['out'])
  expect(listener.take()).toEqual(['frame a in'])
})

/** One step of a random run, on one of three peers. */
const step = fc.record({
  kind: fc.constantFrom(
    ...(['dial', 'close', 'send', 'come-up', 'go-down', 'fail-dial', 'receive'] as const),
    ...(['finish-closes', 'block', 'pause', 'resume', 'latency', 'pass', 'heal'] as const),
  ),
  peer: fc.constantFrom(A, B, C),
  number: fc.integer({ min: 0, max: 1500 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function act({ inner, links, timers }: Setup, { kind, peer, number }: Step): void {
  const blocked = [A, B, C].filter((_, index) => (number >> index) % 2 === 1)
  const actions: Record<Step['kind'], () => void> = {
    dial: () => links.dial(peer, []),
    close: () => links.close(peer),
    send: () => links.send(frameTo(peer, 'x')),
    'come-up': () => inner.comeUp(peer),
    'go-down': () => inner.goDown(peer),
    'fail-dial': () => inner.failDial(peer),
    receive: () => inner.receive(peer, 'x'),
    'finish-closes': () => inner.finishCloses(),
    block: () => links.block(blocked),
    pause: () => links.pause(),
    resume: () => links.resume(),
    latency: () => links.latency(number),
    pass: () => timers.pass(number),
    heal: () => links.heal(),
  }
  actions[kind]()
}

/** Which peers the listener believes linked; fails on a line that breaks the rules of LinkListener. */
function believedLinks(lines: readonly string[]): ReadonlySet<string> {
  const up = new Set<string>()
  for (const line of lines) {
    const [what, peer = ''] = line.split(' ')
    if (what === 'up') {
      expect(up.has(peer), `${line} while up`).toBe(false)
      up.add(peer)
    } else if (what === 'down' || what === 'frame') {
      expect(up.has(peer), `${line} while down`).toBe(true)
      if (what === 'down') up.delete(peer)
    }
  }
  return up
}

test('links begin, carry frames and end in turns under all faults, and are true after the heal', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const setup = setUp()
      for (const each of steps) act(setup, each)
      setup.links.heal()
      setup.timers.pass(5_000)
      const believed = believedLinks(setup.listener.lines)
      const names: readonly (readonly [PeerId, string])[] = [
        [A, 'a'],
        [B, 'b'],
        [C, 'c'],
      ]
      const real = names.filter(([peer]) => setup.inner.links.has(peer)).map(([, name]) => name)
      expect([...believed].sort()).toEqual(real)
    }),
    { numRuns: 2_000 },
  )
})

test('every dial has an outcome under all faults', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const setup = setUp()
      for (const each of steps) act(setup, each)
      setup.links.heal()
      setup.timers.pass(5_000)
      setup.inner.finishCloses()
      for (const peer of [A, B, C]) setup.inner.failDial(peer)
      setup.listener.take()
      for (const peer of [A, B, C]) if (!setup.inner.links.has(peer)) setup.links.dial(peer, [])
      const dialled = [...setup.inner.dials]
      // A dial that nobody was told the end of would make this one a no-op.
      expect(dialled.length + setup.inner.links.size).toBe(3)
    }),
    { numRuns: 1_000 },
  )
})
