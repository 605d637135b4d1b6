import { describe, expect, test } from 'vitest'
import { SEND_QUEUE_BYTES_MAX } from '../../src/sim/pipe.ts'
import { send, type TestHost, type TestNetwork, testNetwork } from './test-hosts.ts'

function pair(seed = 1): TestNetwork & { a: TestHost; b: TestHost } {
  const network = testNetwork(2, seed)
  const [a, b] = network.hosts
  if (a === undefined || b === undefined) throw new Error('no hosts')
  return { ...network, a, b }
}

function linked(seed = 1): TestNetwork & { a: TestHost; b: TestHost } {
  const made = pair(seed)
  made.a.links.dial(made.b.peer, [made.b.host.address])
  made.run(100)
  made.a.log.length = 0
  made.b.log.length = 0
  return made
}

describe('Network links', () => {
  test('dial() tells both ends, each with its direction', () => {
    const { a, b, run } = pair()
    a.links.dial(b.peer, [b.host.address])
    expect(a.log).toEqual([])
    run(100)
    expect(a.log).toEqual(['up b outbound'])
    expect(b.log).toEqual(['up a inbound'])
  })

  test.each([1, 2, 3, 4, 5])('seed %i: two dials at once make one link', (seed) => {
    const { a, b, run, network } = pair(seed)
    a.links.dial(b.peer, [b.host.address])
    b.links.dial(a.peer, [a.host.address])
    run(10_000)
    expect(a.log).toHaveLength(1)
    expect(b.log).toHaveLength(1)
    expect(network.stats.linksOpened).toBe(1)
  })

  test('frames sent during a dial wait for it', () => {
    const { a, b, run } = pair()
    a.links.dial(b.peer, [b.host.address])
    expect(send(a, b, 1)).toBe(true)
    run(100)
    expect(b.log).toEqual(['up a inbound', 'a: 1'])
  })

  test('send() without link and dial is refused', () => {
    const { a, b } = pair()
    expect(send(a, b, 1)).toBe(false)
  })

  test('send() is refused when a mebibyte waits', () => {
    const { a, b, network, run } = linked()
    network.cut(a.host, b.host)
    const chunk = new Uint8Array(SEND_QUEUE_BYTES_MAX / 4)
    const frame = { peer: b.peer, protocol: 'sync', lane: 'bulk', bytes: chunk } as const
    const answers = Array.from({ length: 5 }, () => a.links.send(frame))
    expect(answers).toEqual([true, true, true, true, false])
    network.heal()
    run(1_000)
    expect(a.links.send(frame)).toBe(true)
  })

  test.each([1, 2, 3])('seed %i: frames keep their order under loss', (seed) => {
    const { a, b, network, run } = linked(seed)
    network.conditions.loss = 0.3
    for (let i = 0; i < 50; i++) {
      send(a, b, i)
      run(100)
    }
    run(60_000)
    expect(b.log).toEqual(Array.from({ length: 50 }, (_, i) => `a: ${i}`))
    expect(network.stats.framesRetransmitted).toBeGreaterThan(5)
  })

  test('loss that vanishes leaves holes, in order', () => {
    const { a, b, network, run } = linked()
    network.conditions.loss = 0.3
    network.conditions.lossMode = 'vanish'
    for (let i = 0; i < 100; i++) send(a, b, i)
    run(60_000)
    expect(b.log.length).toBeGreaterThan(50)
    expect(b.log.length).toBeLessThan(90)
    expect(b.log).toEqual(b.log.toSorted((x, y) => Number(x.slice(3)) - Number(y.slice(3))))
  })

  test.each([
    { loss: 0.1, late: 0.01 },
    { loss: 0.3, late: 0.09 },
  ])(
    'at $loss loss a share of $late of frames takes over 500 ms, as TCP does',
    ({ loss, late }) => {
      const { a, b, network, run } = linked()
      network.conditions.loss = loss
      let count = 0
      for (let i = 0; i < 2_000; i++) {
        b.log.length = 0
        send(a, b, 1)
        run(500)
        if (b.log.length > 0) continue
        count += 1
        run(200_000)
      }
      expect(count / 2_000).toBeGreaterThan(late * 0.5)
      expect(count / 2_000).toBeLessThan(late * 1.5)
    },
  )

  test('duplicates and late frames arrive when the network is told to make them', () => {
    const { a, b, network, run } = linked()
    network.conditions.duplicate = 0.2
    network.conditions.reorder = 0.2
    for (let i = 0; i < 200; i++) send(a, b, i)
    run(1_000)
    const numbers = b.log.map((line) => Number(line.slice(3)))
    expect(numbers.length).toBeGreaterThan(220)
    expect(new Set(numbers).size).toBe(200)
    expect(numbers).not.toEqual(numbers.toSorted((x, y) => x - y))
  })

  test('close() ends the link at both ends', () => {
    const { a, b, run } = linked()
    a.links.close(b.peer)
    run(100)
    expect(a.log).toEqual(['down b closed'])
    expect(b.log).toEqual(['down a closed'])
    expect(send(a, b, 1)).toBe(false)
  })
})

describe('Network partitions', () => {
  test('a held cut delays frames and loses none', () => {
    const { a, b, network, run } = linked()
    network.partition([[a.host], [b.host]])
    send(a, b, 1)
    send(a, b, 2)
    run(5_000)
    expect(b.log).toEqual([])
    network.heal()
    send(a, b, 3)
    run(10_000)
    expect(b.log).toEqual(['a: 1', 'a: 2', 'a: 3'])
  })

  test('a vanishing cut loses frames and keeps the link', () => {
    const { a, b, network, run } = linked()
    network.conditions.cutMode = 'vanish'
    network.partition([[a.host], [b.host]])
    send(a, b, 1)
    run(5_000)
    network.heal()
    send(a, b, 2)
    run(1_000)
    expect(b.log).toEqual(['a: 2'])
    expect(a.log).toEqual([])
  })

  test('a resetting cut ends links at both ends', () => {
    const { a, b, network, run } = linked()
    network.conditions.cutMode = 'reset'
    network.partition([[a.host], [b.host]])
    run(100)
    expect(a.log).toEqual(['down b reset'])
    expect(b.log).toEqual(['down a reset'])
  })

  test('a one-way cut stops one direction', () => {
    const { a, b, network, run } = linked()
    network.cut(a.host, b.host)
    send(a, b, 1)
    send(b, a, 2)
    run(5_000)
    expect(a.log).toEqual(['b: 2'])
    expect(b.log).toEqual([])
  })

  test('a dial through a cut times out after five seconds', () => {
    const { a, b, network, run } = pair()
    network.cut(b.host, a.host)
    a.links.dial(b.peer, [b.host.address])
    run(4_900)
    expect(a.log).toEqual([])
    run(200)
    expect(a.log).toEqual(['no dial b timeout'])
  })
})

describe('Network hosts', () => {
  test('the end of a process resets links and refuses dials at once', () => {
    const { a, b, network, run } = linked()
    b.process.kill()
    network.halt(b.host, 'refusing')
    run(50)
    expect(a.log).toEqual(['down b reset'])
    a.links.dial(b.peer, [b.host.address])
    run(50)
    expect(a.log.at(-1)).toBe('no dial b refused')
  })

  test('a host that is gone says nothing, and dials to it time out', () => {
    const { a, b, network, run } = linked()
    b.process.kill()
    network.halt(b.host, 'silent')
    run(10_000)
    expect(a.log).toEqual([])
    a.links.close(b.peer)
    run(10)
    a.links.dial(b.peer, [b.host.address])
    run(5_100)
    expect(a.log.at(-1)).toBe('no dial b timeout')
  })

  test('a host that comes back answers frames of the old link with a reset', () => {
    const { a, b, network, run, boot } = linked()
    b.process.kill()
    network.halt(b.host, 'silent')
    send(a, b, 1)
    run(1_000)
    network.revive(b.host)
    boot(b)
    run(10_000)
    expect(a.log).toEqual(['down b reset'])
    expect(b.log).toEqual([`at ${b.host.address}`])
  })

  test('a dial by the process of a half-dead link continues it for the other end', () => {
    const { a, b, network, run } = linked()
    network.cut(a.host, b.host)
    a.links.close(b.peer)
    run(10)
    network.heal()
    expect(b.log).toEqual([])
    a.links.dial(b.peer, [b.host.address])
    run(100)
    send(b, a, 1)
    run(100)
    expect(a.log).toEqual(['down b closed', 'up b outbound', 'b: 1'])
    expect(b.log).toEqual([])
  })

  test('a dial by a restarted process ends the half-dead link of its earlier life first', () => {
    const { a, b, network, run, boot } = linked()
    network.cut(a.host, b.host)
    a.process.kill()
    network.halt(a.host, 'refusing')
    run(10)
    network.heal()
    boot(a)
    a.links.dial(b.peer, [b.host.address])
    run(100)
    expect(b.log).toEqual(['down a reset', 'up a inbound'])
  })

  test('frames on their way outlive the process that sent them', () => {
    const { a, b, network, run } = linked()
    network.conditions.latencyMs = 50
    send(a, b, 9)
    a.process.kill()
    network.halt(a.host, 'silent')
    run(100)
    expect(b.log).toEqual(['a: 9'])
  })

  test('a stalled process accepts no dial in time, and reads everything afterwards', () => {
    const { a, b, run } = linked()
    b.process.stall(1_000)
    send(a, b, 1)
    send(a, b, 2)
    run(900)
    expect(b.log).toEqual([])
    run(200)
    expect(b.log).toEqual(['a: 1', 'a: 2'])
    const fresh = pair()
    fresh.b.process.stall(60_000)
    fresh.a.links.dial(fresh.b.peer, [fresh.b.host.address])
    fresh.run(4_000)
    expect(fresh.a.log).toEqual(['no dial b timeout'])
  })
})

describe('Network joins', () => {
  test.each([
    ['a multiaddr', (b: TestHost) => b.host.address],
    ['a multiaddr with /p2p', (b: TestHost) => `${b.host.address}/p2p/${b.peer}`],
    ['host:port', () => '127.0.0.1:4002'],
    ['dns:name:port', () => 'dns:seed:4002'],
  ])('join() by %s names the address it came by', (_, addressOf) => {
    const { a, b, network, run } = pair()
    network.names.set('seed', ['127.0.0.1'])
    const address = addressOf(b)
    a.links.join(address)
    run(100)
    expect(a.log).toEqual([`up b outbound via ${address}`])
    a.links.join(address)
    run(100)
    expect(a.log).toHaveLength(2)
    expect(b.log).toEqual(['up a inbound'])
  })

  test('join() of our own address, of nobody, of another peer and of another network fails', () => {
    const { a, b, network, run } = pair()
    network.addHost({ peer: b.peer, address: '/ip4/127.0.0.1/tcp/9', network: 'other' })
    a.links.join(a.host.address)
    a.links.join('127.0.0.1:1')
    a.links.join(`${b.host.address}/p2p/${a.peer}`)
    a.links.join('nonsense')
    run(6_000)
    expect(a.log.toSorted()).toEqual([
      `no join ${a.host.address} rejected`,
      `no join ${b.host.address}/p2p/${a.peer} rejected`,
      'no join 127.0.0.1:1 refused',
      'no join nonsense refused',
    ])
  })
})
