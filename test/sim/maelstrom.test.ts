import { describe, expect, test } from 'vitest'
import type { Body } from '../../src/sim/maelstrom/message.ts'
import { MaelstromNet } from './maelstrom-net.ts'

const SEEDS = [1, 2, 3]
const NODES = 5
/** Virtual time after which all have found each other, and after a heal hold one state. */
const SETTLE_MS = 10_000

function started(options: Partial<ConstructorParameters<typeof MaelstromNet>[0]> = {}) {
  const net = new MaelstromNet({ nodes: NODES, seed: 1, ...options })
  net.init()
  net.run(SETTLE_MS)
  return net
}

/** Writes through all nodes for some seconds; each must be acknowledged at once, cut or not. */
function write(net: MaelstromNet, writes: number, body: (index: number) => Body): void {
  for (let index = 0; index < writes; index++) {
    const node = net.names[index % net.names.length] ?? ''
    expect(net.call(node, body(index))?.type).toMatch(/_ok$/)
    net.run(50)
  }
}

/** What every node reads. */
function reads(net: MaelstromNet): readonly Body[] {
  return net.names.map((name) => net.call(name, { type: 'read' }) ?? { type: 'none' })
}

describe.each(SEEDS)('seed %i: with a partition in the middle', (seed) => {
  const cut = (net: MaelstromNet, during: () => void): void => {
    net.partition(['n1', 'n2'], ['n3', 'n4', 'n5'])
    during()
    expect(net.lost).toBeGreaterThan(0)
    net.heal()
    net.run(SETTLE_MS)
  }

  test('broadcast: every message reaches every node, once', () => {
    const net = started({ seed })
    net.call('n1', { type: 'topology', topology: {} })
    const body = (message: number): Body => ({ type: 'broadcast', message })
    write(net, 20, body)
    cut(net, () => write(net, 40, (index) => body(100 + index)))
    const all = [
      ...Array.from({ length: 20 }, (_, i) => i),
      ...Array.from({ length: 40 }, (_, i) => 100 + i),
    ]
    for (const { type, messages } of reads(net)) {
      expect(type).toBe('read_ok')
      expect(Array.isArray(messages) ? messages.toSorted((a, b) => a - b) : messages).toEqual(all)
    }
  })

  test('g-set: all hold all elements', () => {
    const net = started({ seed, workload: 'g-set' })
    expect(reads(net).map(({ value }) => value)).toEqual(net.names.map(() => []))
    cut(net, () => write(net, 40, (element) => ({ type: 'add', element })))
    for (const { value } of reads(net)) expect(value).toHaveLength(40)
  })

  test('pn-counter: all count the same, and nothing twice', () => {
    const net = started({ seed, workload: 'pn-counter' })
    expect(reads(net).map(({ value }) => value)).toEqual(net.names.map(() => 0))
    const delta = (index: number): number => (index % 3 === 0 ? -index : index)
    cut(net, () => write(net, 40, (index) => ({ type: 'add', delta: delta(index) })))
    const sum = Array.from({ length: 40 }, (_, index) => delta(index)).reduce((a, b) => a + b)
    expect(reads(net).map(({ value }) => value)).toEqual(net.names.map(() => sum))
  })
})

describe('a node of Maelstrom', () => {
  test('one seed is one run', () => {
    const carried = [7, 7, 8].map((seed) => started({ seed }).carried)
    expect(carried[0]).toBe(carried[1])
    expect(carried[0]).not.toBe(carried[2])
  })

  test('writes reach all others within a second where nothing is cut', () => {
    const net = started()
    net.call('n1', { type: 'broadcast', message: 'x' })
    net.run(1_000)
    expect(reads(net).map(({ messages }) => messages)).toEqual(net.names.map(() => ['x']))
  })

  test('echoes, and makes ids that nobody else makes', () => {
    const net = started({ nodes: 3 })
    expect(net.call('n1', { type: 'echo', echo: { a: [1] } })).toMatchObject({
      type: 'echo_ok',
      echo: { a: [1] },
    })
    const ids = Array.from({ length: 300 }, (_, index) => {
      return net.call(net.names[index % 3] ?? '', { type: 'generate' })?.id
    })
    expect(new Set(ids).size).toBe(300)
  })

  test('1 and "1" are two messages', () => {
    const net = started({ nodes: 1 })
    for (const message of [1, '1', null]) net.call('n1', { type: 'broadcast', message })
    const messages = net.call('n1', { type: 'read' })?.messages
    expect(new Set(Array.isArray(messages) ? messages : [])).toEqual(new Set([1, '1', null]))
  })

  test('says what it cannot do, by the codes of the protocol', () => {
    const net = new MaelstromNet({ nodes: 2, seed: 1 })
    expect(net.call('n1', { type: 'read' })).toMatchObject({ type: 'error', code: 11 })
    expect(net.call('n1', { type: 'init', node_id: 'n9', node_ids: ['n1'] })).toMatchObject({
      code: 12,
    })
    net.init()
    // Nobody has said what is to be read.
    expect(net.call('n1', { type: 'read' })).toMatchObject({ type: 'error', code: 11 })
    expect(net.call('n1', { type: 'cas' })).toMatchObject({ type: 'error', code: 10 })
    expect(net.call('n1', { type: 'add' })).toMatchObject({ type: 'error', code: 12 })
    for (const line of ['', '{', '7', '{"src":"c1"}', '{"src":"c1","dest":"n1","body":{}}']) {
      expect(net.line('n1', line)).toBe(false)
    }
  })

  test('learns from others what is read', () => {
    const net = started()
    net.call('n1', { type: 'add', element: 7 })
    net.run(1_000)
    expect(net.call('n5', { type: 'read' })).toMatchObject({ type: 'read_ok', value: [7] })
  })

  test('25 nodes come together, and each hears of all', () => {
    const net = started({ nodes: 25, workload: 'broadcast' })
    for (let message = 0; message < 50; message++) {
      net.call(net.names[message % 25] ?? '', { type: 'broadcast', message })
      net.run(50)
    }
    net.run(SETTLE_MS)
    for (const { messages } of reads(net)) expect(messages).toHaveLength(50)
  })
})
