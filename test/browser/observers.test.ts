import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { createHttpApi } from '../../src/http/api.ts'
import { serveHttp } from '../../src/http/serve.ts'
import { memoryNode } from '../http/memory-node.ts'
import { CHROMIUM_FLAGS, findChromium } from './chromium.ts'

const TOKEN = 'b'.repeat(43)
const PATIENCE = { timeout: 90_000, interval: 100 }
/** Git-ignored. */
const SHOTS = fileURLToPath(new URL('../../coverage/dashboard', import.meta.url))
const executablePath = findChromium()

describe.runIf(executablePath !== undefined)('the dashboard', () => {
  test('shows who only reads by a shape and in words', async () => {
    await mkdir(SHOTS, { recursive: true })
    const node = memoryNode()
    node.observers = 1
    const server = await serveHttp(createHttpApi(node, { token: TOKEN }), {
      host: '127.0.0.1',
      port: 0,
      nextFree: false,
    })
    const browser = await chromium.launch({
      executablePath: executablePath ?? '',
      args: [...CHROMIUM_FLAGS],
    })
    try {
      const page = await browser.newPage({
        viewport: { width: 1_280, height: 800 },
        reducedMotion: 'reduce',
      })
      await page.goto(`${server.url}/#token=${TOKEN}`)
      const observer = page.locator('.node[aria-label^="n3: alive, observer"]')
      await expect.poll(() => observer.locator('rect.disc').count(), PATIENCE).toBe(1)
      expect(await page.locator('.node circle.disc').count()).toBe(3)
      expect(await observer.locator('.digest').textContent()).toContain('observer')
      expect(await page.locator('#convergence').innerText()).toContain('3 replicas and 1 observer')
      expect(await page.locator('.legend').innerText()).toContain('square: an observer')
      expect(await page.locator('#members').innerText()).toMatch(/n3\s+alive, observer/)
      await observer.click()
      await expect
        .poll(() => page.locator('#details').innerText(), PATIENCE)
        .toMatch(/role\s+observer: it only reads/)
      await page.screenshot({ path: join(SHOTS, 'observer.png') })
    } finally {
      await browser.close()
      await server.close()
    }
  })
})
