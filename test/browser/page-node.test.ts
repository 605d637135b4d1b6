import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type * as library from '../../src/browser.ts'
import { createNode, type HearsayNode, type NodeOptions } from '../../src/index.ts'
import { CHROMIUM_FLAGS, findChromium } from './chromium.ts'

const executablePath = findChromium()
const ENTRY = fileURLToPath(new URL('../../src/browser.ts', import.meta.url))
const SCRIPT = fileURLToPath(new URL('../../scripts/page.ts', import.meta.url))
/** Git-ignored. */
const SHOTS = fileURLToPath(new URL('../../coverage/dashboard', import.meta.url))
const HTML = `<!doctype html><link rel="icon" href="data:,"><script type="module">
  import * as library from '/browser.js'
  globalThis.hearsay = library
</script>`
const ADDRESS = '/ip4/127.0.0.1/tcp/0'
/** Sites that are not of this machine, as far as the browser knows; one as if by https. */
const ELSEWHERE = 'elsewhere.example'
const INSECURE = 'insecure.example'

declare global {
  // In the page.
  var hearsay: typeof library
  var node: library.HearsayNode
}

/** The library as a bundler gives it to a page. */
async function served(): Promise<Server> {
  const build = await rolldown({ input: { browser: ENTRY }, platform: 'browser' })
  const { output } = await build.generate({ format: 'es' })
  await build.close()
  const files = new Map(output.map((file) => [`/${file.fileName}`, file]))
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '')
    response.setHeader('content-type', file === undefined ? 'text/html' : 'text/javascript')
    response.end(file?.type === 'chunk' ? file.code : HTML)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** Where pages find it, whoever runs there. */
function urlOf(node: HearsayNode): string {
  const [, , , , port] =
    placesOf(node)
      .find((place) => place.endsWith('/ws'))
      ?.split('/') ?? []
  return `ws://127.0.0.1:${port}`
}

/** Where it listens, for a node that takes its place. */
function placesOf(node: HearsayNode): readonly string[] {
  return node.status().listen.map((address) => address.replace(/\/p2p\/.*$/, ''))
}

/** Of several nodes and pages at once, of which no one event tells. */
async function until(what: string, condition: () => boolean): Promise<void> {
  await expect.poll(condition, { message: what, timeout: 30_000, interval: 20 }).toBe(true)
}

/** Waits in the page until a set holds a value. */
function hasSoon(page: Page, value: string): Promise<unknown> {
  return page.waitForFunction((one) => node.set('todo').has(one), value, { timeout: 30_000 })
}

describe.skipIf(executablePath === undefined)('a node in a page', () => {
  let browser: Browser
  let server: Server
  let context: BrowserContext
  let nodes: HearsayNode[]
  const problems: string[] = []

  beforeAll(async () => {
    server = await served()
    const elsewhere = `http://${ELSEWHERE}:${portOf(server)}`
    browser = await chromium.launch({
      ...(executablePath === undefined ? {} : { executablePath }),
      args: [
        ...CHROMIUM_FLAGS,
        `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1, MAP ${INSECURE} 127.0.0.1`,
        `--unsafely-treat-insecure-origin-as-secure=${elsewhere}`,
      ],
    })
    context = await browser.newContext()
    const listen = [ADDRESS, `${ADDRESS}/ws`]
    const first = await createNode({ name: 'a', listen })
    const second = await createNode({ name: 'b', listen, join: first.status().listen.slice(0, 1) })
    nodes = [first, second]
  })

  afterAll(async () => {
    await browser?.close()
    await Promise.all(nodes.map((each) => each.stop()))
    server.close()
  })

  async function open(options: NodeOptions, host = '127.0.0.1'): Promise<Page> {
    const page = await context.newPage()
    page.on('pageerror', (error) => problems.push(error.message))
    await page.goto(`http://${host}:${portOf(server)}/`)
    await page.waitForFunction(() => 'hearsay' in globalThis)
    await start(page, options)
    return page
  }

  async function start(page: Page, options: NodeOptions): Promise<void> {
    const [first] = nodes
    const seeds = first === undefined ? [] : [urlOf(first)]
    await page.evaluate(
      async (given) => {
        globalThis.node = await hearsay.createNode(given)
      },
      { join: seeds, ...options },
    )
  }

  test('shares state and values with nodes and with other pages', async () => {
    const [a, b] = nodes
    if (a === undefined || b === undefined) throw new Error('no nodes')
    const page = await open({ name: 'page', tags: { kind: 'browser' } })
    const other = await open({ name: 'other' })
    await page.evaluate(() => node.set('todo').add('milk'))
    await until('the page’s write at both nodes', () =>
      nodes.every((each) => each.set('todo').has('milk')),
    )
    await b.set('todo').add('bread')
    await Promise.all([page, other].map((each) => hasSoon(each, 'bread')))
    await hasSoon(other, 'milk')
    const names = (node: HearsayNode): string[] =>
      node.members
        .list()
        .filter(({ state }) => state === 'alive')
        .map(({ name }) => name)
        .sort()
    await until('four members', () => names(a).length === 4)
    expect(names(a)).toEqual(['a', 'b', 'other', 'page'])
    const inPage = a.members.list().find(({ name }) => name === 'page')
    expect(inPage).toMatchObject({ addresses: [], tags: { kind: 'browser' } })

    const put = await page.evaluate(() => node.dht.put('greeting', 'hello', { level: 'all' }))
    expect([...put.replicas].sort()).toEqual(['a', 'b'])
    expect((await a.dht.get('greeting'))?.text()).toBe('hello')
    expect(await other.evaluate(async () => (await node.dht.get('greeting'))?.text())).toBe('hello')

    const answer = await b.query('ping')
    expect(answer.answers.map(({ from }) => from).sort()).toEqual(['a', 'b', 'other', 'page'])
    await Promise.all([page, other].map((each) => each.evaluate(() => node.leave())))
    await until('they left', () => names(a).length === 2)
    await Promise.all([page.close(), other.close()])
  })

  test('keeps identity and state in the browser, for one page at a time', async () => {
    const page = await open({ name: 'kept', dataDir: 'kept' })
    const before = await page.evaluate(async () => {
      await node.counter('visits').add(2)
      return { peer: node.status().peerId, store: node.status().store.path }
    })
    expect(before.store).toBe('kept')
    const second = context.newPage()
    await (await second).goto(`http://127.0.0.1:${portOf(server)}/`)
    await (await second).waitForFunction(() => 'hearsay' in globalThis)
    const refusal = await (await second).evaluate(async () => {
      const opened = hearsay.createNode({ dataDir: 'kept' })
      return await opened.then(
        () => 'opened',
        (error: unknown) => (error instanceof hearsay.HearsayError ? error.code : String(error)),
      )
    })
    expect(refusal).toBe('ERR_STORE_LOCKED')
    // Without a stop, as people do.
    await page.reload()
    await page.waitForFunction(() => 'hearsay' in globalThis)
    await start(page, { name: 'kept', dataDir: 'kept', join: [] })
    const after = await page.evaluate(() => ({
      peer: node.status().peerId,
      visits: node.counter('visits').value,
    }))
    expect(after).toEqual({ peer: before.peer, visits: 2 })
    await page.close()
    await (await second).close()
  })

  test('goes on while nobody is there, and brings what it wrote when they are back', async () => {
    const page = await open({ name: 'lonely' })
    await page.evaluate(() => node.set('todo').add('before'))
    await until('the write', () => nodes.every((each) => each.set('todo').has('before')))
    const places = nodes.map(placesOf)
    await Promise.all(nodes.map((each) => each.stop()))
    await page.evaluate(() => node.set('todo').add('alone'))
    nodes = []
    for (const listen of places) {
      const seeds = nodes.flatMap((each) => each.status().listen.slice(0, 1))
      nodes.push(await createNode({ name: `again-${nodes.length}`, listen, join: seeds }))
    }
    await until('what was written alone', () =>
      nodes.every((each) => each.set('todo').has('alone') && each.set('todo').has('before')),
    )
    await page.close()
  })

  test('is what the example shows', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hearsay-page-'))
    const words = [SCRIPT, '--node-port', '0', '--data-dir', folder]
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [url] = await once(createInterface({ input: child.stdout }), 'line')
      const [page, second] = await Promise.all([context.newPage(), context.newPage()])
      await page.goto(url)
      await page.locator('#what:enabled').fill('<b>milk</b>')
      await page.locator('#add button').click()
      await page.getByText('<b>milk</b>').waitFor()
      await second.goto(url)
      await second.getByText('<b>milk</b>').waitFor()
      await second.getByText('4 replicas, 1 state').waitFor()
      expect(await second.locator('#members li').count()).toBe(4)
      await mkdir(SHOTS, { recursive: true })
      await second.screenshot({ path: join(SHOTS, 'page.png') })
      await second.getByRole('button', { name: 'Done: <b>milk</b>' }).click()
      await page.getByText('<b>milk</b>').waitFor({ state: 'detached' })
      await Promise.all([page.close(), second.close()])
      child.kill('SIGTERM')
      expect((await once(child, 'exit'))[0]).toBe(0)
    } finally {
      child.kill('SIGKILL')
      await rm(folder, { recursive: true })
    }
  })

  test('of a foreign site is not let in', async () => {
    const [a] = nodes
    const page = await open({ name: 'foreign' }, ELSEWHERE)
    await until('its refusal', () => (a?.status().drops['connection of a foreign page'] ?? 0) > 0)
    expect(a?.members.list().some(({ name }) => name === 'foreign')).toBe(false)
    await page.close()
  })

  test('of an insecure site does not start, and says why', async () => {
    const refused = open({}, INSECURE)
    await expect(refused).rejects.toThrow(/Cannot start: this page is not secure/)
    expect(problems).toEqual([])
  })
})
