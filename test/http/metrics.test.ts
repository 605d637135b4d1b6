import { describe, expect, test } from 'vitest'
import { fixture } from './ask.ts'

/** The samples of a scrape by name and labels. */
function samples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

describe('GET /metrics', () => {
  test('tells a node in numbers, each with its help and type', async () => {
    const { ask, node } = fixture()
    node.replicas = 7
    const asked = await ask('GET', '/metrics')
    expect(asked.status).toBe(200)
    expect(asked.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const read = samples(asked.text)
    const status = node.status()
    expect(status.members.alive).toBe(8)
    expect(read.get('hearsay_events')).toBe(0)
    expect(read.get('hearsay_dht_records')).toBe(status.dht.records)
    expect(read.get(`hearsay_build_info{version="${status.version}"}`)).toBe(1)
    expect(read.get('hearsay_members{state="alive"}')).toBe(status.members.alive)
    expect(read.get('hearsay_frames_total{direction="sent"}')).toBe(status.traffic.framesSent)
    const names = new Set([...read.keys()].map((key) => key.replace(/\{.*/, '')))
    for (const name of names) {
      expect(asked.text).toMatch(new RegExp(`^# HELP ${name} [A-Z]`, 'm'))
      const type = name.endsWith('_total') ? 'counter' : 'gauge'
      expect(asked.text).toContain(`# TYPE ${name} ${type}\n`)
    }
  })

  test('the number of convergence is one wherever it is asked for', async () => {
    const { ask, node } = fixture()
    for (const digests of [1, 3]) {
      node.digests = digests
      const read = samples((await ask('GET', '/metrics')).text)
      expect(read.get('hearsay_member_digests')).toBe(digests)
      for (const path of ['/v1/status', '/v1/members', '/v1/converged?timeoutMs=5']) {
        expect([path, (await ask('GET', path)).body]).toEqual([
          path,
          expect.objectContaining({ digests }),
        ])
      }
    }
  })

  test('counts are totals, however often they are read', async () => {
    const { ask } = fixture()
    const first = samples((await ask('GET', '/metrics')).text)
    const again = samples((await ask('GET', '/metrics')).text)
    for (const [key, value] of first) {
      // Time goes on, and the process works.
      if (/^(hearsay_uptime_seconds|process_|nodejs_)/.test(key)) continue
      expect([key, again.get(key)]).toEqual([key, value])
    }
  })

  test('tells what libp2p counts, as often as it is read', async () => {
    const { ask, node } = fixture()
    const dials = { name: 'libp2p_dials_total', help: 'Dials', isCounter: true, label: 'kind' }
    const size = { name: 'libp2p_size', help: 'Size', isCounter: false, label: undefined }
    for (const count of [2, 5]) {
      node.library = [
        { ...dials, values: new Map([['out"bound\n', count]]) },
        { ...size, values: new Map([['', 10 - count]]) },
      ]
      const { text } = await ask('GET', '/metrics')
      const read = samples(text)
      expect(read.get('libp2p_dials_total{kind="out\\"bound\\n"}')).toBe(count)
      expect(read.get('libp2p_size')).toBe(10 - count)
      expect(text).toContain('# TYPE libp2p_dials_total counter\n')
      expect(text).toContain('# TYPE libp2p_size gauge\n')
    }
  })

  test('many nodes in a process have a registry each', async () => {
    const [one, two] = [fixture(), fixture()]
    one.node.replicas = 7
    two.node.replicas = 2
    const alive = 'hearsay_members{state="alive"}'
    expect(samples((await one.ask('GET', '/metrics')).text).get(alive)).toBe(8)
    expect(samples((await two.ask('GET', '/metrics')).text).get(alive)).toBe(3)
  })

  test('wants the token', async () => {
    const { ask } = fixture()
    expect((await ask('GET', '/metrics', undefined, { authorization: '' })).status).toBe(401)
  })
})
