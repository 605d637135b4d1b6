import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../src/base/ids.ts'
import { MaelstromLinks } from '../../src/sim/maelstrom/links.ts'
import type { Body } from '../../src/sim/maelstrom/message.ts'
import { World } from '../../src/sim/world.ts'

const A = { name: 'a', peer: 'peer-a' as PeerId, address: '/ip4/127.0.0.1/tcp/1' }
const B = { name: 'b', peer: 'peer-b' as PeerId, address: '/ip4/127.0.0.1/tcp/2' }

/** Two ends; what one sends waits in `wire` until the test lets it through. */
function pair() {
  const world = new World(1)
  const wire: { readonly to: string; readonly from: string; readonly body: Body }[] = []
  const told: string[] = []
  const end = (self: typeof A, other: typeof A): MaelstromLinks => {
    const links = new MaelstromLinks({
      ...{ self, others: [other], run: '1' },
      send: (to, body) => wire.push({ to, from: self.name, body }),
      schedule: (delayMs, run) => world.schedule(delayMs, run),
    })
    const tell = (text: string): void => void told.push(`${self.name}: ${text}`)
    links.listen({
      linkUp: (_, { direction, via }) => tell(`up ${direction}${via === undefined ? '' : ' via'}`),
      linkDown: (_, how) => tell(`down ${how}`),
      dialFailed: (_, how) => tell(`dial ${how}`),
      joinFailed: (_, how) => tell(`join ${how}`),
      frame: (_, protocol, bytes) => tell(`${protocol} ${[...bytes].join(' ')}`),
      addresses: () => {},
      dropped: () => {},
    })
    return links
  }
  const ends = { a: end(A, B), b: end(B, A) }
  const carry = (index = 0): void => {
    const [message] = wire.splice(index, 1)
    if (message === undefined) throw new Error('nothing is on the wire')
    ends[message.to === 'a' ? 'a' : 'b'].receive(message.from, message.body)
    world.runUntil(world.now)
  }
  return {
    ...ends,
    ...{ world, wire, told, carry },
    carryAll: () => {
      while (wire.length > 0) carry()
    },
    send: (from: 'a' | 'b', byte: number) =>
      ends[from].send({
        ...{ peer: from === 'a' ? B.peer : A.peer, protocol: 'sync', lane: 'bulk' },
        bytes: Uint8Array.of(byte),
      }),
    heard: () => {
      world.runUntil(world.now)
      return told.splice(0)
    },
  }
}

function linked() {
  const both = pair()
  both.a.dial(B.peer, [])
  both.carryAll()
  both.heard()
  return both
}

describe('links of Maelstrom', () => {
  test('open by two messages; what waited for the dial goes first', () => {
    const both = pair()
    both.a.dial(B.peer, [])
    expect(both.send('a', 1)).toBe(true)
    expect(both.send('b', 1)).toBe(false)
    both.carryAll()
    expect(both.heard()).toEqual(['b: up inbound', 'a: up outbound', 'b: sync 1'])
  })

  test('carry frames in order whatever overtakes, each once', () => {
    const both = linked()
    for (const byte of [1, 2, 3]) both.send('a', byte)
    const [first] = both.wire
    both.carry(2)
    both.carry(1)
    expect(both.heard()).toEqual([])
    both.carry()
    if (first !== undefined) both.b.receive('a', first.body)
    expect(both.heard()).toEqual(['b: sync 1', 'b: sync 2', 'b: sync 3'])
  })

  test('break on both ends once a frame is lost', () => {
    const both = linked()
    both.send('a', 1)
    both.send('a', 2)
    both.wire.shift()
    both.carry()
    both.world.runUntil(1_900)
    expect(both.heard()).toEqual([])
    both.world.runUntil(2_100)
    both.carryAll()
    expect(both.heard()).toEqual(['b: down reset', 'a: down reset'])
    expect(both.send('a', 3)).toBe(false)
  })

  test('are one when both dial at once', () => {
    const both = pair()
    both.a.join(B.address)
    both.b.dial(A.peer, [])
    both.carryAll()
    expect(both.heard()).toEqual(['b: up inbound', 'a: up outbound via'])
    both.send('b', 7)
    both.carryAll()
    expect(both.heard()).toEqual(['a: sync 7'])
  })

  test('a dial that nobody answers ends; so does a join, and one to nowhere', () => {
    const both = pair()
    both.a.dial(B.peer, [])
    both.a.join(B.address)
    both.a.join('/ip4/127.0.0.1/tcp/9')
    both.wire.splice(0)
    both.world.runUntil(3_100)
    expect(both.heard()).toEqual(['a: join refused', 'a: dial timeout', 'a: join timeout'])
  })

  test('a new link takes the place of one that the other end has lost', () => {
    const both = linked()
    both.b.close(A.peer)
    both.wire.splice(0)
    expect(both.heard()).toEqual(['b: down closed'])
    both.b.dial(A.peer, [])
    both.carryAll()
    expect(both.heard()).toEqual(['a: down reset', 'a: up inbound', 'b: up outbound'])
  })

  test('what belongs to no link is answered by close', () => {
    const both = pair()
    const frame = { type: 'frame', link: 'x', number: 1, protocol: 'sync', bytes: '00' }
    expect(both.a.receive('b', frame)).toBe(true)
    expect(both.wire.map(({ body }) => body)).toEqual([{ type: 'close', link: 'x' }])
    for (const body of [{ type: 'read' }, { type: 'odd', link: 'x' }]) {
      expect(both.a.receive('b', body)).toBe(false)
    }
    expect(both.a.receive('c1', frame)).toBe(false)
  })
})
