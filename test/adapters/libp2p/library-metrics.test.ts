import { describe, expect, it } from 'vitest'
import { LibraryMetrics } from '../../../src/adapters/libp2p/library-metrics.ts'
import { TestHosts } from './test-host.ts'

/** What is read, as name, label and values. */
async function read(metrics: LibraryMetrics): Promise<readonly unknown[]> {
  return (await metrics.read()).map(({ name, label, values, isCounter }) => {
    return [name, label, Object.fromEntries(values), isCounter]
  })
}

describe('what libp2p counts', () => {
  it('is kept as it was updated, by label where there are several', async () => {
    const metrics = new LibraryMetrics()
    const size = metrics.registerMetric('size', { help: 'How many' })
    size.update(5)
    size.increment()
    size.decrement(2)
    metrics.registerCounter('calls').increment(3)
    const errors = metrics.registerCounterGroup('a.errors', { label: 'na me' })
    errors.increment({ refused: true, late: 2, never: undefined })
    errors.increment({ refused: 4 })
    metrics.registerMetricGroup('gone').update({ x: 1 })
    metrics.registerMetricGroup('gone').reset()
    expect(await read(metrics)).toEqual([
      ['a_errors', 'na_me', { refused: 5, late: 2 }, true],
      ['calls', undefined, { '': 3 }, true],
      ['size', undefined, { '': 4 }, false],
    ])
    const [, , read3] = await metrics.read()
    expect(read3?.help).toBe('How many')
  })

  it('is calculated when it is read, and left out where that fails', async () => {
    const metrics = new LibraryMetrics()
    let open = 1
    metrics.registerMetric('open', { calculate: () => open })
    metrics.registerMetricGroup('streams', { calculate: async () => ({ a: open, b: Number.NaN }) })
    metrics.registerMetric('broken', {
      calculate: () => {
        throw new Error('not now')
      },
    })
    open = 2
    expect(await read(metrics)).toEqual([
      ['open', undefined, { '': 2 }, false],
      ['streams', 'kind', { a: 2 }, false],
    ])
  })

  it('has room for so many labels, and tells what is beyond together', async () => {
    const metrics = new LibraryMetrics()
    const errors = metrics.registerCounterGroup('errors')
    for (let i = 0; i < 1_000; i++) errors.increment({ [`error ${i}`]: true })
    const [{ values } = { values: new Map() }] = await metrics.read()
    expect(values.size).toBe(65)
    expect(values.get('others')).toBe(1_000 - 64)
  })

  it('tells of the connections and the routing table of a host', async () => {
    await using hosts = new TestHosts()
    const [a, b] = [await hosts.create(), await hosts.create()]
    a.host.links.dial(b.peer, [b.address])
    await a.until(() => a.ofType('up').length === 1, 'a link')
    const told = new Map((await a.host.metrics()).map((metric) => [metric.name, metric.values]))
    expect(told.get('libp2p_connection_manager_connections')?.get('outbound')).toBe(1)
    expect(told.get('libp2p_noise_xxhandshake_successes_total')?.get('')).toBe(1)
    expect(told.get('libp2p_noise_encrypted_packets_total')?.get('')).toBeGreaterThan(1)
    expect(told.has('libp2p_kad_dht_routing_table_update_queue')).toBe(true)
  })
})
