import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createNode, type HearsayNode, type NodeEvent } from '../../src/index.ts'

async function dataDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-ready-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'data')
}

function alarm(node: HearsayNode): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  node.subscribe((event: NodeEvent) => {
    if (event.type === 'alarm') resolve(event.reason)
  })
  return promise
}

test('a node that is ready when loaded is read and written before it listens', async () => {
  const dataDir = await dataDirectory()
  {
    await using node = await createNode({ dataDir })
    expect(node.status().listen).toHaveLength(1)
    expect(await node.listening()).toEqual(node.status().listen)
    await node.set('s').add(['a', 'b'])
  }
  await using node = await createNode({ dataDir, ready: 'loaded' })
  expect(node.status().listen).toEqual([])
  expect(node.set('s').values).toEqual(['a', 'b'])
  const written = node.set('s').add('c')
  expect(node.traffic()).toEqual({ sent: {}, received: {} })
  expect(node.libp2p).toBeUndefined()
  await written
  const addresses = await node.listening()
  expect(addresses).toEqual([
    expect.stringMatching(new RegExp(`^/ip4/127.0.0.1/tcp/[1-9]\\d*/p2p/${node.peerId}$`)),
  ])
  expect(node.status().listen).toEqual(addresses)
  expect(node.libp2p?.peerId.toString()).toBe(node.peerId)
})

test('a node that is ready when loaded joins others, and they it, once it listens', {
  timeout: 120_000,
}, async () => {
  await using seed = await createNode({ name: 'seed', network: 'ready' })
  const join = [...(await seed.listening())]
  await using node = await createNode({ name: 'late', network: 'ready', join, ready: 'loaded' })
  await Promise.all([node.set('s').add('late'), seed.set('s').add('seed')])
  await using third = await createNode({
    name: 'third',
    network: 'ready',
    join: [...(await node.listening())],
  })
  const signal = AbortSignal.timeout(20_000)
  for await (const _ of third.events({ signal })) if (third.set('s').size === 2) break
  expect(third.set('s').values).toEqual(['late', 'seed'])
})

test('a node that is ready when loaded goes on alone where it cannot listen', async () => {
  await using rival = await createNode()
  const listen = rival.status().listen.map((address) => address.replace(/\/p2p\/.*/, ''))
  await expect(createNode({ listen })).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  await using node = await createNode({ listen, ready: 'loaded' })
  expect(await alarm(node)).toMatch(/^offline: Cannot listen: the port is in use: /)
  await expect(node.listening()).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  await node.counter('n').add(1)
  expect(node.counter('n').value).toBe(1)
})

test('listening() ends with its signal, and with the node', async () => {
  const reason = new Error('enough')
  const node = await createNode({ ready: 'loaded' })
  await expect(node.listening({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const controller = new AbortController()
  const waiting = node.listening({ signal: controller.signal })
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  const listening = node.listening()
  const told: string[] = []
  node.subscribe(({ type }) => told.push(type))
  const ends = [node.stop(), expect(listening).rejects.toMatchObject({ code: 'ERR_STOPPED' })]
  await Promise.all(ends)
  expect(told).toEqual(['stopped'])
})

test.each(['stop', 'crash'] as const)('%s() waits for a host that is being made', async (how) => {
  const node = await createNode({ ready: 'loaded' })
  await new Promise((resolve) => setImmediate(resolve))
  const listening = node.listening().catch((error: { code?: string }) => error.code)
  await node[how]()
  expect(['ERR_STOPPED', expect.any(Array)]).toContainEqual(await listening)
  expect(node.status().listen).toEqual([])
})
