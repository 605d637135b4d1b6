import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createHttpApi } from '../../src/http/api.ts'
import { createClient } from '../../src/http/client.ts'
import type { Waiting } from '../../src/index.ts'
import { createLab } from '../../src/lab/lab.ts'
import type { Lab, LabEvent, LabOptions } from '../../src/lab/lab-types.ts'
import { type StoryStep, tellStory } from '../../src/lab/story.ts'

const TOKEN = 't'.repeat(43)
const labs: Lab[] = []

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.stop()
})

/** A deadline, so that a condition that never holds fails by name. */
function within(ms = 15_000): Waiting {
  return { signal: AbortSignal.timeout(ms) }
}

async function start(options: Partial<LabOptions> = {}): Promise<Lab> {
  const lab = await createLab({ nodes: 3, node: { durability: 'relaxed' }, ...options })
  labs.push(lab)
  await lab.ready(within())
  return lab
}

const aliveOn = (lab: Lab, name: string): readonly string[] => {
  const members = lab.node(name).members.list()
  return members.filter((member) => member.state === 'alive').map((member) => member.name)
}

const digests = (lab: Lab): number => new Set(lab.digests().values()).size

describe('createLab()', () => {
  test('starts nodes that all know each other', async () => {
    const lab = await start({ nodes: 5 })
    expect(lab.names).toEqual(['a', 'b', 'c', 'd', 'e'])
    for (const node of lab.nodes) {
      expect(
        node.members
          .list()
          .map((member) => member.name)
          .sort(),
      ).toEqual(lab.names)
    }
    expect(lab.info()).toMatchObject({ sides: [], loss: 0, latencyMs: 0, digests: 1 })
    const node = lab.node('a')
    expect([node.members.digests, node.status().digests]).toEqual([1, 1])
    const added = node.counter('seen').add(1)
    expect([node.members.digests, node.status().digests]).toEqual([2, 2])
    await added
    await lab.until(() => digests(lab) === 1, within())
    for (const { name, links, heard } of lab.info().nodes) {
      expect(links.length).toBeGreaterThan(0)
      expect(heard).toHaveLength(links.length)
      for (const { member } of heard) expect(member).toBeGreaterThan(0)
      const brought = heard.some(({ sync }) => sync > 0)
      if (name !== 'a') expect([name, brought]).toEqual([name, true])
    }
    expect(lab.traffic().sent.member).toBeGreaterThan(0)
  })

  test('leaves nothing running and no directory when a node cannot start', async () => {
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('hearsay-lab-'))
    await expect(createLab({ nodes: 3, names: ['a', 'b', 'c,d'] })).rejects.toMatchObject({
      code: 'ERR_CONFIG',
    })
    const after = (await readdir(tmpdir())).filter((name) => name.startsWith('hearsay-lab-'))
    expect(after).toEqual(before)
  })

  test('stop() may be called twice and ends everything', async () => {
    const lab = await start()
    await lab.stop()
    await lab.stop()
    expect(lab.nodes).toEqual([])
    await expect(lab.restart('a')).rejects.toMatchObject({ code: 'ERR_STOPPED' })
  })

  test('unknown names are refused', async () => {
    const lab = await start({ nodes: 2 })
    for (const refused of [
      lab.kill('x'),
      lab.restart('x'),
      lab.pause('x'),
      lab.resume('x'),
      lab.partition([['x']]),
    ]) {
      await expect(refused).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
    }
    expect(() => lab.node('x')).toThrow('Cannot find a node: x')
  })
})

describe('faults', () => {
  test('partition() keeps writes on their side, heal() brings them together', async () => {
    const lab = await start({ nodes: 4 })
    await lab.partition([
      ['a', 'b'],
      ['c', 'd'],
    ])
    await lab.node('a').set('s').add('left')
    await lab.node('c').set('s').add('right')
    await lab.until(
      () => lab.node('b').set('s').has('left') && lab.node('d').set('s').has('right'),
      within(),
    )
    expect(digests(lab)).toBe(2)
    expect(lab.node('d').set('s').values).toEqual(['right'])
    expect(lab.info().nodes.map((node) => node.side)).toEqual([0, 0, 1, 1])
    await lab.heal()
    await lab.until(() => digests(lab) === 1, within())
    for (const node of lab.nodes) expect(node.set('s').values).toEqual(['left', 'right'])
    await lab.ready(within())
  })

  test('replicated() waits for those beyond the cut, and tells how many hold the writes', async () => {
    const lab = await start()
    const a = lab.node('a')
    await lab.partition([['a', 'b'], ['c']])
    await a.set('s').add(['x', 'y'])
    await a.group('team').counter('n').add(1)
    expect(await a.replicated(1, within())).toMatchObject({ replicated: true, group: 'main' })
    const client = createClient({
      url: 'http://localhost:7400',
      token: TOKEN,
      fetch: (request) => createHttpApi(a, { token: TOKEN }).fetch(request),
    })
    const early = await client.replicated(2, { timeoutMs: 300, group: 'team' })
    expect(early).toMatchObject({ replicated: false, replicas: 1, wanted: 2, group: 'team' })
    expect(lab.node('c').set('s').values).toEqual([])
    const both = a.replicated(2, within())
    await lab.heal()
    expect(await both).toMatchObject({ replicas: 2 })
    expect(lab.node('c').set('s').values).toEqual(['x', 'y'])
    expect(await client.replicated(2, { group: 'team' })).toMatchObject({ replicated: true })
    expect(a.replicaCount()).toBe(2)
    // With all links up nothing but the acks tells of it.
    for (let i = 0; i < 3; i++) {
      const added = a.set('s').add(`z${i}`)
      await a.replicated(2, within())
      await added
    }
  })

  test('a killed node is found out; restarted, it is the same peer with its data, and rejoins', async () => {
    const lab = await start()
    const { peerId } = lab.node('c')
    await lab.node('c').counter('n').add(7)
    await lab.kill('c')
    await lab.kill('c')
    expect(lab.nodes.map((node) => node.name)).toEqual(['a', 'b'])
    expect(() => lab.node('c')).toThrow('killed')
    expect(lab.info().nodes[2]).toMatchObject({ name: 'c', peerId, state: 'killed', digest: '' })
    await lab.ready(within())
    await lab.node('a').counter('n').add(1)
    await lab.restart('c')
    expect(lab.node('c').peerId).toBe(peerId)
    expect(Number(lab.node('c').counter('n').value)).toBeGreaterThanOrEqual(7)
    await lab.ready(within())
    await lab.until(() => lab.nodes.every((node) => node.counter('n').value === 8), within())
  })

  test('nodes restarted within a partition stay on their sides', async () => {
    const lab = await start()
    await lab.partition([['a', 'b'], ['c']])
    await lab.restart('b')
    await lab.restart('c')
    await lab.node('c').set('s').add('apart')
    await lab.node('a').set('s').add('near')
    await lab.until(() => lab.node('b').set('s').has('near'), within())
    // Long enough for a link between the restarted ones, had they been left free to dial.
    await lab.until(() => ['a', 'b'].every((name) => !aliveOn(lab, name).includes('c')), within())
    expect(lab.node('b').set('s').has('apart')).toBe(false)
    await lab.heal()
    await lab.until(() => lab.node('b').set('s').has('apart'), within())
  })

  test('a paused node hears nothing until it is resumed', async () => {
    const lab = await start()
    await lab.pause('c')
    await lab.node('a').set('s').add('x')
    await lab.until(() => lab.node('b').set('s').has('x'), within())
    expect(lab.node('c').set('s').has('x')).toBe(false)
    expect(lab.info().nodes[2]?.state).toBe('paused')
    await lab.resume('c')
    await lab.until(() => lab.node('c').set('s').has('x'), within())
  })

  test('a data directory outlives the lab', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
    try {
      const first = await start({ nodes: 2, dataDir })
      const peers = first.nodes.map((node) => node.peerId)
      await first.node('a').register('r').set('kept')
      await first.stop()
      const second = await start({ nodes: 2, dataDir })
      expect(second.nodes.map((node) => node.peerId)).toEqual(peers)
      expect(second.node('a').register('r').value).toBe('kept')
      await second.stop()
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })

  test('subscribe() tells faults in the order in which they were asked for', async () => {
    const lab = await start({ nodes: 2 })
    const events: LabEvent['type'][] = []
    lab.subscribe((event) => events.push(event.type))
    await Promise.all([
      lab.loss(0.1),
      lab.latency(5),
      lab.partition([['a']]),
      lab.kill('b'),
      lab.restart('b'),
      lab.heal(),
    ])
    expect(events).toEqual(['loss', 'latency', 'partitioned', 'killed', 'restarted', 'healed'])
  })
})

describe('a lab behind the HTTP API', () => {
  test('shows all nodes, obeys chaos, and serves the successor of a restarted node', async () => {
    const lab = await start()
    const api = createHttpApi(lab.node('a'), { token: TOKEN, lab })
    const client = createClient({ url: 'http://localhost', token: TOKEN, fetch: api.fetch })
    expect((await client.lab()).nodes.map((node) => node.name)).toEqual(['a', 'b', 'c'])
    await client.change('n', { type: 'counter', op: 'add', value: 3 })
    await client.chaos({ action: 'kill', name: 'a' })
    expect((await client.readyz()).ready).toBe(false)
    await client.chaos({ action: 'restart', name: 'a' })
    expect((await client.readyz()).ready).toBe(true)
    expect((await client.object('n', { type: 'counter' }))?.value).toBe(3)
    await expect(client.chaos({ action: 'kill', name: 'x' })).rejects.toMatchObject({ status: 404 })
    api.close()
  })
})

describe('tellStory()', () => {
  test('diverges, converges, loses nothing', async () => {
    const lab = await createLab({ nodes: 5 })
    labs.push(lab)
    const steps: StoryStep[] = []
    const story = tellStory(lab)
    let told = await story.next()
    while (told.done !== true) {
      steps.push(told.value)
      told = await story.next()
    }
    expect(steps.filter((step) => step.type === 'failed')).toEqual([])
    expect(told.value).toMatchObject({
      ...{ ok: true, nodes: 5, heal: { lost: 0 } },
      partition: {
        sides: [
          ['a', 'b'],
          ['c', 'd', 'e'],
        ],
        digests: 2,
      },
    })
    expect(told.value.dht.acks).toBeGreaterThanOrEqual(3)
    expect(told.value.heal.digest).toBe(lab.node('a').digest())
    expect(told.value.heal.syncBytes).toBeGreaterThan(0)
    expect(steps.map((step) => step.type)).toEqual([
      'ready',
      'put',
      'got',
      'partitioned',
      ...Array(5).fill('written'),
      'diverged',
      'noticed',
      'healed',
      'converged',
      'checked',
    ])
  })

  test('tells of a failure instead of throwing', async () => {
    const lab = await start({ nodes: 2 })
    const signal = AbortSignal.abort(new Error('enough'))
    const story = tellStory(lab, { signal })
    expect((await story.next()).value).toEqual({
      type: 'failed',
      during: 'starting up',
      reason: 'enough',
    })
    expect((await story.next()).value).toMatchObject({ ok: false, nodes: 2 })
  })
})
