import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { afterAll, describe, expect, test } from 'vitest'
import { bytesOf } from '../../scripts/package/installed.ts'
import { installPackage } from './install-package.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

const directory = await mkdtemp(join(tmpdir(), 'hearsay-build-'))
afterAll(() => rm(directory, { recursive: true, force: true }))
const dist = join(directory, 'dist')
await installPackage(directory)

const COUNT = `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
  const { createNode } = await import(process.argv[1])
  const node = await createNode({ ready: 'loaded' })
  const early = loaded.length
  await node.counter('n').add(1)
  await node.listening()
  console.log(JSON.stringify({ early: loaded.slice(0, early), all: loaded, n: node.counter('n').value }))
  await node.stop()`

describe('the library', () => {
  test('has what package.json exports', async () => {
    const { exports } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'))
    for (const { default: path } of Object.values<{ default?: string }>(exports)) {
      if (path === undefined) continue
      const names = Object.keys(await import(join(directory, path)))
      expect([path, names]).toEqual([path, expect.arrayContaining([expect.any(String)])])
    }
  })

  test('is few modules, and loads libp2p after the state of a node', async () => {
    const script = join(directory, 'count.mjs')
    await writeFile(script, COUNT.replace('process.argv[1]', 'process.argv[2]'))
    const { stdout } = await run(process.execPath, [script, join(dist, 'index.js')])
    const { early, all, n } = JSON.parse(stdout)
    expect(n).toBe(1)
    const ofHost = (url: string): boolean => /\/(?:@libp2p|libp2p|libp2p-noise)\//.test(url)
    expect(early.filter(ofHost)).toEqual([])
    expect(all.filter(ofHost).length).toBeGreaterThan(100)
    expect(all.filter((url: string) => url.includes('/dist/')).length).toBeGreaterThan(100)
    expect(early.filter((url: string) => url.startsWith(`file://${dist}`)).length).toBeLessThan(8)
    expect(early.filter((url: string) => /\/(?:uint8arrays|multiformats)\//.test(url))).toEqual([])
  })
})

test('the entry crdt is small, whole and for any platform', async () => {
  const build = await rolldown({ input: join(dist, 'crdt.js'), platform: 'browser' })
  const { output } = await build.generate({ format: 'es', minify: true })
  await build.close()
  expect(output).toHaveLength(1)
  const [{ code, imports, dynamicImports }] = output
  expect([...imports, ...dynamicImports]).toEqual([])
  expect(code).not.toMatch(/WebAssembly|\brequire\b|\bprocess\b|\bBuffer\b/)
  // The aim, see the benchmark of state.
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(30_000)
})

test('the entry membership is whole, for any platform, and says who is there', async () => {
  const input = join(dist, 'membership.js')
  const build = await rolldown({ input, platform: 'browser' })
  const { output } = await build.generate({ format: 'es', minify: true })
  await build.close()
  const [{ code, imports, dynamicImports }] = output
  expect([output.length, ...imports, ...dynamicImports]).toEqual([1])
  expect(code).not.toMatch(/WebAssembly|\brequire\b|\bprocess\.|\bBuffer\b|setImmediate|setTimeout/)
  const { createMembership, createSigner, seededRandom } = await import(input)
  const core = createMembership({
    signer: createSigner(new Uint8Array(32)),
    random: seededRandom(1),
    network: 'test',
    name: 'ada',
    protocol: { min: 1, max: 1 },
    dialLoopback: true,
  })
  core.start(0)
  expect(core.members()).toMatchObject([{ name: 'ada', state: 'alive' }])
})

describe('the entry browser', () => {
  const input = join(dist, 'browser.js')

  test('comes into a page without anything of Node.js, in 420 kB', async () => {
    const warnings: string[] = []
    const onLog = (_level: string, { message }: { readonly message: string }): void =>
      void warnings.push(message)
    const build = await rolldown({ input, platform: 'browser', onLog })
    const { output } = await build.generate({ format: 'es', minify: true })
    await build.close()
    // A module that browsers lack would be one.
    expect(warnings).toEqual([])
    const chunks = output.filter((file) => file.type === 'chunk')
    const files = new Set(chunks.map(({ fileName }) => fileName))
    const imported = chunks.flatMap(({ imports, dynamicImports }) => imports.concat(dynamicImports))
    expect(imported.filter((name) => !files.has(name))).toEqual([])
    const bytes = chunks.reduce((sum, { code }) => sum + gzipSync(code).length, 0)
    console.info(`browser: ${(bytes / 1e3).toFixed(0)} kB`)
    expect(bytes).toBeLessThanOrEqual(420_000)
  })

  test('asks for what only Node.js has before it uses it', async () => {
    const external = (id: string): boolean => !/^[./]/.test(id)
    const build = await rolldown({ input, platform: 'browser', external })
    const { output } = await build.generate({ format: 'es', minify: true })
    await build.close()
    const code = output.map((file) => (file.type === 'chunk' ? file.code : '')).join('\n')
    const named =
      /(?:\w+[. ])?\b(?:setImmediate|Buffer|process|require)\b(?:\?\.\w+|\.\w+|\(|={2,})/g
    expect(code.match(named)?.sort()).toEqual([
      'Buffer.allocUnsafeSlow',
      'globalThis.Buffer===',
      'globalThis.process?.getBuiltinModule',
      'typeof setImmediate==',
      'void setImmediate(',
    ])
  })
})

test('the package itself takes at most 12 MB', async () => {
  const bytes = (await bytesOf(dist)) + (await bytesOf(join(ROOT, 'docs')))
  console.info(`dist and docs: ${(bytes / 1e6).toFixed(1)} MB`)
  expect(bytes).toBeLessThanOrEqual(12_000_000)
})

test('the library carries the licences of what is copied into it', async () => {
  const text = await readFile(join(dist, 'THIRD-PARTY.txt'), 'utf8')
  expect(text.match(/^\S+ \d+\.\d+\.\d+: .*$/gm)).toEqual([
    expect.stringMatching(/^multiformats .*Apache-2.0 OR MIT/),
    expect.stringMatching(/^uint8arrays .*Apache-2.0 OR MIT/),
  ])
})

describe('the command line', () => {
  const bin = join(directory, 'bin', 'hearsay.js')

  test('knows its version', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
    const { stdout } = await run(process.execPath, [bin, 'version', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ version })
  })

  test('runs a node that keeps what it is told', async () => {
    const env = { ...process.env, HEARSAY_RUNTIME_DIR: join(directory, 'run') }
    for (const n of [1, 2]) {
      const words = ['up', '--json', '--api', '127.0.0.1:0', '--data-dir', join(directory, 'data')]
      const child = spawn(process.execPath, [bin, ...words], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const lines = createInterface({ input: child.stdout })
      const [first] = await once(lines, 'line')
      expect(JSON.parse(first)).toMatchObject({ event: 'ready' })
      await run(process.execPath, [bin, 'counter', 'add', 'n'], { env })
      const { stdout } = await run(process.execPath, [bin, 'counter', 'get', 'n', '--json'], {
        env,
      })
      expect(JSON.parse(stdout)).toMatchObject({ value: n })
      child.kill('SIGTERM')
      const [code] = await once(child, 'exit')
      expect(code).toBe(0)
    }
  })

  test('carries the licences of what is copied into it', async () => {
    const text = await readFile(join(dist, 'cli', 'THIRD-PARTY.txt'), 'utf8')
    for (const name of ['libp2p', '@libp2p/kad-dht', 'commander', 'hono', '@noble/hashes']) {
      expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: (?:MIT|Apache-2.0)`, 'm'))
    }
    expect(text.match(/permission is hereby granted/gi)?.length).toBeGreaterThan(25)
    expect(text).not.toMatch(/undefined|node_modules/)
    const files = await readdir(join(dist, 'cli'))
    expect(files.filter((file) => file.endsWith('.map'))).toEqual([])
  })
})
