import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHttpApi } from '../../src/http/api.ts'
import { type HttpServer, serveHttp } from '../../src/http/serve.ts'
import { createLab } from '../../src/lab/lab.ts'
import type { Lab } from '../../src/lab/lab-types.ts'
import { CHROMIUM_FLAGS, findChromium } from './chromium.ts'
import { Cuttable } from './cuttable.ts'

const TOKEN = 'b'.repeat(43)
const PATIENCE = { timeout: 90_000, interval: 100 }
/** Git-ignored. */
const SHOTS = fileURLToPath(new URL('../../coverage/dashboard', import.meta.url))
const executablePath = findChromium()
if (executablePath === undefined) {
  console.log(
    'no Chromium on this machine, so the dashboard is not tested in one: apt-get install chromium',
  )
}

let lab: Lab
let server: HttpServer
let browser: Browser
let page: Page
/** What the page complained about, or asked of others. */
let complaints: string[] = []

/** Opens the page as the printed address does. */
async function open(url = server.url): Promise<void> {
  await page.goto(`${url}/#token=${TOKEN}`)
  await expect.poll(() => page.locator('.node').count(), PATIENCE).toBe(5)
}

/** Colours of the nodes that run. */
async function colours(): Promise<number> {
  const classes = await page
    .locator('.node')
    .evaluateAll((nodes) =>
      nodes.map((node) => /state-\d/.exec(node.getAttribute('class') ?? '')?.[0]),
    )
  return new Set(classes.filter((one) => one !== undefined)).size
}

const node = (name: string) => page.locator(`.node[aria-label^="${name}: "]`)
const button = (name: string) => page.getByRole('button', { name, exact: true })

async function shot(name: string): Promise<void> {
  await page.screenshot({ path: join(SHOTS, `${name}.png`) })
}

/** A node of the demo has this state, as the graph says. */
async function isNow(name: string, state: string): Promise<void> {
  await expect.poll(() => node(name).getAttribute('aria-label'), PATIENCE).toContain(`: ${state}`)
}

/** Draws a line that parts the nodes, wherever they stand: through the middle, then elsewhere. */
async function drawCut(): Promise<void> {
  const box = await page.locator('#graph svg').boundingBox()
  if (box === null) throw new Error('no graph')
  for (const share of [0.5, 0.42, 0.58]) {
    await page.mouse.move(box.x + box.width * share, box.y + 4)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * share + 2, box.y + box.height - 4, { steps: 4 })
    await page.mouse.up()
    await expect.poll(() => page.locator('#notice').innerText(), PATIENCE).not.toBe('')
    if (lab.info().sides.length > 1) return
  }
}

/** Against tests that hang: the tour alone has twelve steps, each with a wait. */
const LIMIT = { timeout: 400_000 }

describe.runIf(executablePath !== undefined)('the dashboard of a demo', LIMIT, () => {
  beforeAll(async () => {
    await mkdir(SHOTS, { recursive: true })
    lab = await createLab({ nodes: 5, node: { network: 'demo' } })
    await lab.ready({ signal: AbortSignal.timeout(90_000) })
    const api = createHttpApi(lab.node('a'), { token: TOKEN, lab })
    server = await serveHttp(api, { host: '127.0.0.1', port: 0, nextFree: false })
    browser = await chromium.launch({
      executablePath: executablePath ?? '',
      args: [...CHROMIUM_FLAGS],
    })
  })

  afterAll(async () => {
    await browser.close()
    await server.close()
    await lab.stop()
  })

  beforeEach(async () => {
    // Places at once: nothing moves away from under the pointer.
    const context = await browser.newContext({
      viewport: { width: 1_280, height: 800 },
      reducedMotion: 'reduce',
    })
    page = await context.newPage()
    complaints = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('request', (request) => {
      const { hostname } = new URL(request.url())
      if (hostname !== '127.0.0.1' && !request.url().startsWith('blob:'))
        complaints.push(request.url())
    })
  })

  afterEach(async () => {
    await page.context().close()
    await lab.heal()
    for (const { name, state } of lab.info().nodes) {
      if (state === 'killed') await lab.restart(name)
    }
    await lab.ready({ signal: AbortSignal.timeout(90_000) })
  })

  test('loads, shows one state, and takes the token out of the address', async () => {
    await open()
    await expect.poll(colours, PATIENCE).toBe(1)
    expect(page.url()).toBe(`${server.url}/`)
    await expect
      .poll(() => page.locator('#convergence').innerText())
      .toContain('5 replicas, 1 state')
    await shot('rest')
    expect(complaints).toEqual([])
  })

  test('asks for the token where none was brought', async () => {
    await page.goto(server.url)
    await page.getByLabel('Token').fill(TOKEN)
    await button('Show').click()
    await expect.poll(() => page.locator('.node').count(), PATIENCE).toBe(5)
  })

  test('a line cuts the network: two colours; Heal mends it: one', async () => {
    await open()
    await drawCut()
    const [left = [], right = []] = lab.info().sides
    expect(left.length + right.length).toBe(5)
    for (const side of [left, right])
      await lab
        .node(side[0] ?? '')
        .set('guests')
        .add(`of ${side[0]}`)
    await expect.poll(colours, PATIENCE).toBe(2)
    await expect.poll(() => page.locator('.differs').count(), PATIENCE).toBeGreaterThan(0)
    await shot('partitioned')
    await button('Heal').click()
    await expect.poll(colours, PATIENCE).toBe(1)
    await expect
      .poll(() => page.locator('#convergence').innerText(), PATIENCE)
      .toMatch(/1 state: converged \d+\.\d\d s after heal/)
    await expect.poll(() => page.locator('.differs').count(), PATIENCE).toBe(0)
    await shot('healed')
    expect(complaints).toEqual([])
  })

  test('a node is killed, restarted and paused by clicks', async () => {
    await open()
    await node('e').click()
    await button('Kill').click()
    await isNow('e', 'killed')
    expect(lab.running('e')).toBeUndefined()
    await expect
      .poll(() => page.locator('.timeline').innerText(), PATIENCE)
      .toContain('e is killed')
    await shot('killed')
    await button('Restart').click()
    await isNow('e', 'alive')
    await button('Pause').click()
    await isNow('e', 'paused')
    await button('Resume').click()
    await isNow('e', 'alive')
    expect(lab.info().nodes.at(-1)?.state).toBe('running')
    expect(complaints).toEqual([])
  })

  test('writes and reads through any node', async () => {
    await open()
    const form = page.locator('#write')
    await form.getByLabel('What').selectOption('counter: add')
    await form.getByLabel('Name', { exact: true }).fill('from the page')
    await form.getByLabel('Value', { exact: true }).fill('7')
    await form.getByLabel('Through').selectOption('c')
    await button('Write').click()
    await expect.poll(() => lab.node('c').counter('from the page').value, PATIENCE).toBe(7)
    await form.getByLabel('What').selectOption('DHT: put')
    await button('Write').click()
    await expect.poll(() => page.locator('#notice').innerText(), PATIENCE).toContain('Stored on')
    await form.getByLabel('What').selectOption('DHT: get')
    await button('Read').click()
    await expect
      .poll(() => page.locator('#notice').innerText(), PATIENCE)
      .toContain('greeting is hello')
    expect(complaints).toEqual([])
  })

  test('the tour does what it says, step by step', async () => {
    await open()
    await button('Tour').click()
    const steps = Number(/of (\d+)/.exec(await page.locator('.tour').innerText())?.[1])
    expect(steps).toBeGreaterThanOrEqual(8)
    for (let step = 1; step <= steps; step++) {
      await expect
        .poll(() => page.locator('.tour').innerText(), PATIENCE)
        .toContain(`Step ${step} of`)
      await page.locator('#tour-act').click()
      await expect
        .poll(() => page.locator('.tour-state').innerText(), {
          ...PATIENCE,
          message: `step ${step}`,
        })
        .toContain('There it is')
      await shot(`tour-${step}`)
      await page.locator('#tour-next').click()
    }
    expect(await page.locator('.tour').count()).toBe(0)
    expect(lab.node('a').counter('tour').value).toBe(16)
    // One put is refused on purpose, and the browser logs that by itself.
    expect(complaints.filter((text) => !text.includes('503'))).toEqual([])
  })

  test('frames move along the links of all nodes', async () => {
    await page.emulateMedia({ reducedMotion: 'no-preference' })
    await open()
    const seen = await page.evaluateHandle(() => {
      const kinds = new Set<string>()
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) {
          for (const node of addedNodes) {
            if (node instanceof SVGElement) kinds.add(node.getAttribute('class') ?? '')
          }
        }
      }).observe(document.querySelector('[data-pulses]') ?? document.body, { childList: true })
      return kinds
    })
    const kinds = (): Promise<readonly string[]> => seen.evaluate((all) => [...all])
    // Pings come where nothing else does.
    await expect.poll(kinds, PATIENCE).toContain('pulse is-member')
    await expect
      .poll(async () => {
        await lab.node('b').counter('moved').add(1)
        await lab.node('c').dht.put('moved', 'value')
        return await kinds()
      }, PATIENCE)
      .toEqual(expect.arrayContaining(['pulse is-kv', 'pulse is-sync']))
    await shot('frames')
  })

  test('exports what is shown, the graph and the timeline', async () => {
    await open()
    await lab.node('a').counter('exported').add(1)
    await expect.poll(() => page.locator('.timeline').innerText(), PATIENCE).toContain('exported')
    const files = new Map<string, string>()
    const wanted = ['What is shown, JSON', 'The graph, SVG', 'The timeline, CSV', 'The graph, PNG']
    for (const name of wanted) {
      await page.locator('#export summary').click()
      const [download] = await Promise.all([page.waitForEvent('download'), button(name).click()])
      files.set(name, await readFile(await download.path(), 'latin1'))
      expect(download.suggestedFilename()).toMatch(/^hearsay-[\dT-]+\.(json|svg|csv|png)$/)
    }
    const shown = JSON.parse(files.get('What is shown, JSON') ?? '')
    expect(shown.snapshot.peers.map((peer: { name: string }) => peer.name)).toEqual([...lab.names])
    expect(files.get('The graph, SVG')).toMatch(/^<svg .*<circle [^>]*fill="rgb/s)
    expect(files.get('The timeline, CSV')).toContain('"exported"')
    const picture = Buffer.from(files.get('The graph, PNG') ?? '', 'latin1')
    expect(picture.toString('latin1', 1, 4)).toBe('PNG')
    const { width = 0, height = 0 } = (await page.locator('#graph svg').boundingBox()) ?? {}
    const size = [picture.readUInt32BE(16), picture.readUInt32BE(20)]
    expect(size).toEqual([2 * width, 2 * height].map(Math.round))
    expect(complaints).toEqual([])
  })

  test('everything works by keyboard', async () => {
    await open()
    const press = (key: string): Promise<void> => page.keyboard.press(key)
    const focused = (): Promise<string> =>
      page.evaluate(() => {
        const { activeElement: element } = document
        return element?.getAttribute('aria-label') ?? element?.textContent ?? ''
      })
    const tabTo = async (name: RegExp): Promise<void> => {
      for (let count = 0; count < 60; count++) {
        if (name.test(await focused())) return
        await press('Tab')
      }
      throw new Error(`Tab never reaches ${name}`)
    }
    await tabTo(/^Partition/)
    await press('Enter')
    await tabTo(/^Cut$/)
    await press('Enter')
    await expect.poll(() => lab.info().sides.length, PATIENCE).toBe(2)
    await expect.poll(() => button('Heal').getAttribute('aria-disabled'), PATIENCE).toBe('false')
    await tabTo(/^Heal$/)
    await press('Enter')
    await expect.poll(() => lab.info().sides.length, PATIENCE).toBe(0)
    await tabTo(/^[a-e]: alive/)
    const first = await focused()
    for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft']) await press(key)
    const reached = await focused()
    expect(reached).toMatch(/^[a-e]: /)
    expect(reached).not.toBe(first)
    await press('Enter')
    await tabTo(/^Pause$/)
    await press('Enter')
    await expect
      .poll(() => lab.info().nodes.filter(({ state }) => state === 'paused').length, PATIENCE)
      .toBe(1)
    expect(complaints).toEqual([])
  })

  test('text of others stays text, and what hides in it is shown', async () => {
    await open()
    const name = 'eve\u202e<img src=x onerror=alert(1)>'
    await lab.node('b').set(name).add('\u0000<script>alert(1)</script>')
    await expect
      .poll(() => page.locator('#values').innerText(), PATIENCE)
      .toContain('eve\\u202e<img src=x onerror=alert(1)>')
    expect(await page.locator('#values').innerText()).toContain('\\x00<script>')
    expect(await page.locator('img, #page script').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  test('goes on after a cut connection and has lost no event', async () => {
    const way = new Cuttable(server.port)
    try {
      await open(await way.start())
      const votes = lab.node('a').counter('resumed')
      const told = async (): Promise<readonly string[]> => {
        const items = await page.locator('.timeline li').allInnerTexts()
        return items.flatMap((text) => /resumed\s+(\d+) \(/.exec(text)?.[1] ?? []).reverse()
      }
      await votes.add(1)
      await expect.poll(told, PATIENCE).toEqual(['1'])
      way.cut()
      await expect.poll(() => page.locator('#notice').innerText(), PATIENCE).toContain('No answer')
      for (let count = 0; count < 20; count++) await votes.add(1)
      way.mend()
      await expect
        .poll(told, PATIENCE)
        .toEqual(Array.from({ length: 21 }, (_, index) => String(index + 1)))
    } finally {
      await way.stop()
    }
  })
})
