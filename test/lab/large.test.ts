import { afterEach, expect, test } from 'vitest'
import { createNode, type HearsayNode } from '../../src/index.ts'
import { createLab, tellStory } from '../../src/lab/index.ts'

const nodes: HearsayNode[] = []

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()))
})

async function start(join: readonly string[], name: string): Promise<HearsayNode> {
  const node = await createNode({ name, join, network: 'large' })
  nodes.push(node)
  return node
}

const LOOK_PERIOD_MS = 100

/** Resolves once the condition holds. Looking costs n² rows, so it is done by the clock, not by event. */
async function until(what: string, ms: number, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + ms
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`)
    const { promise, resolve } = Promise.withResolvers<void>()
    setTimeout(resolve, LOOK_PERIOD_MS)
    await promise
  }
}

const alive = (node: HearsayNode): number =>
  node.members.list().filter(({ state }) => state === 'alive').length

test('30 nodes that join one seed at once all join', { timeout: 300_000 }, async () => {
  const seed = await start([], 'seed')
  const addresses = seed.status().listen
  await Promise.all(Array.from({ length: 30 }, (_, i) => start(addresses, `n${i}`)))
  await until('31 members everywhere', 240_000, () => nodes.every((node) => alive(node) === 31))
  expect(new Set(nodes.map((node) => node.members.viewHash)).size).toBe(1)
})

test('thirty nodes in one process, ten at a time, converge', { timeout: 600_000 }, async () => {
  await start([], 'seed')
  for (let count = 10; count <= 30; count += 10) {
    // Each asks two that are there: all at one are a test of the kernel's backlog.
    const before = nodes.slice(-2).flatMap((node) => node.status().listen)
    const missing = Array.from({ length: count - nodes.length }, (_, i) => `n${count}-${i}`)
    await Promise.all(missing.map((name) => start(before, name)))
    await until(`${count} members everywhere`, 240_000, () =>
      nodes.every((node) => alive(node) === count),
    )
  }
  await Promise.all(nodes.map((node) => node.counter('visits').add(1)))
  await until('one state', 120_000, () =>
    nodes.every((node) => node.counter('visits').value === 30),
  )
  await until('one digest', 120_000, () => new Set(nodes.map((node) => node.digest())).size === 1)
})

test('a seed that starts later is found, whatever the order', { timeout: 120_000 }, async () => {
  const placeholder = await start([], 'placeholder')
  const address = placeholder.status().listen[0]?.replace(/\/p2p\/.*$/, '') ?? ''
  await placeholder.stop()
  nodes.length = 0
  const early = await start([address], 'early')
  expect(alive(early)).toBe(1)
  const seed = await createNode({ name: 'seed', listen: [address], network: 'large' })
  nodes.push(seed)
  await until('both know both', 90_000, () => nodes.every((node) => alive(node) === 2))
})

test('fifty nodes that start at once in one process live through the story', {
  timeout: 300_000,
}, async () => {
  await using lab = await createLab({ nodes: 50 })
  const story = tellStory(lab)
  for (;;) {
    const { done, value } = await story.next()
    if (done !== true) {
      expect(value.type, JSON.stringify(value)).not.toBe('failed')
      continue
    }
    expect(value).toMatchObject({ ok: true, nodes: 50, heal: { lost: 0 } })
    break
  }
})
