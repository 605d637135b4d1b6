import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url))
/** What main.ts is in these trees: tells how it was started, then what it hears. */
const MAIN = `export async function main(): Promise<void> {
  const [verb, code] = process.argv.slice(2)
  if (verb === 'exit') process.exit(Number(code))
  if (verb === 'die') process.kill(process.pid, 'SIGKILL')
  if (verb === 'listen') {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => console.log(name))
    }
    process.stdin.resume()
    process.stdin.on('end', () => process.exit(0))
  }
  console.log(JSON.stringify({ version: process.versions.node, args: process.argv.slice(2) }))
}`
/** Makes the first Node.js look old; the second run sees its own version. */
const OLDER = `if (process.env.HEARSAY_RERUN === undefined) {
  Object.defineProperty(process.versions, 'node', { value: '14.21.3' })
}`

interface Tree {
  readonly root: string
  run(
    parameters: readonly string[],
    options?: { readonly isOld?: boolean; readonly env?: Readonly<Record<string, string>> },
  ): ChildProcess
}

/** A checkout in small: bin/hearsay.js, a stand-in for the program, and the runtime when wanted. */
async function tree(options: { readonly hasRuntime: boolean }): Promise<Tree> {
  const root = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'bin'))
  await mkdir(join(root, 'src', 'cli'), { recursive: true })
  await copyFile(BIN, join(root, 'bin', 'hearsay.js'))
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  await writeFile(join(root, 'src', 'cli', 'main.ts'), MAIN)
  await writeFile(join(root, 'older.cjs'), OLDER)
  const runtime = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
  await mkdir(options.hasRuntime ? runtime : join(root, 'node_modules'), { recursive: true })
  if (options.hasRuntime) await symlink(process.execPath, join(runtime, 'node'))
  return {
    root,
    run(parameters, { isOld = false, env = {} } = {}) {
      const flags = isOld ? ['--require', join(root, 'older.cjs')] : []
      const script = join(root, 'bin', 'hearsay.js')
      return spawn(process.execPath, [...flags, script, ...parameters], {
        stdio: 'pipe',
        env: { ...process.env, XDG_CACHE_HOME: join(root, 'cache'), ...env },
      })
    },
  }
}

async function ended(
  child: ChildProcess,
): Promise<{ stdout: string; stderr: string; code: number | null; signal: string | null }> {
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('outputs are not piped')
  const [out, err, [code, signal]] = await Promise.all([
    text(stdout),
    text(stderr),
    once(child, 'exit'),
  ])
  return { stdout: out, stderr: err, code, signal }
}

test.each([false, true])(
  'hearsay.js passes words and exit code on, old Node.js: %s',
  async (isOld) => {
    const { run } = await tree({ hasRuntime: true })
    const words = ['put', 'a key', '--ttl', '1h']
    const { stdout } = await ended(run(words, { isOld }))
    expect(JSON.parse(stdout)).toEqual({ version: process.versions.node, args: words })
    expect((await ended(run(['exit', '7'], { isOld }))).code).toBe(7)
  },
)

test('hearsay.js ends by the signal that ended the program', async () => {
  const { run } = await tree({ hasRuntime: true })
  expect(await ended(run(['die'], { isOld: true }))).toMatchObject({
    code: null,
    signal: 'SIGKILL',
  })
})

test('hearsay.js forwards a signal sent to it alone, once', async () => {
  const { run } = await tree({ hasRuntime: true })
  const child = run(['listen'], { isOld: true })
  if (child.stdout === null) throw new Error('output is not piped')
  await once(child.stdout, 'data')
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    child.kill(signal)
    const [said] = await once(child.stdout, 'data')
    expect(String(said)).toBe(`${signal}\n`)
  }
  child.stdin?.end()
  expect(await ended(child)).toMatchObject({ code: 0, stdout: '' })
})

test('hearsay.js says in one line what to do when there is no newer Node.js', async () => {
  const { run } = await tree({ hasRuntime: false })
  const { code, stdout, stderr } = await ended(run(['version'], { isOld: true }))
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^hearsay: needs Node\.js 22\.18 or newer, this is .*npm ci.*\n$/)
})

test('hearsay.js keeps compiled code where this user alone writes', async () => {
  const { root, run } = await tree({ hasRuntime: true })
  expect((await ended(run(['version']))).code).toBe(0)
  const directory = join(root, 'cache', 'hearsay', 'compiled')
  expect((await stat(directory)).mode & 0o777).toBe(0o700)
  const files = await readdir(directory, { recursive: true, withFileTypes: true })
  expect(files.filter((file) => file.isFile()).length).toBeGreaterThan(0)

  const env = { XDG_CACHE_HOME: '', HOME: join(root, 'home') }
  await mkdir(env.HOME)
  expect((await ended(run(['version'], { env }))).code).toBe(0)
  expect(await readdir(join(root, 'home', '.cache', 'hearsay'))).toEqual(['compiled'])
})

test('hearsay.js runs where nothing can be kept', async () => {
  const { root, run } = await tree({ hasRuntime: true })
  for (const [name, home] of ['package.json', '/dev/null', '/proc/1'].entries()) {
    const env = { XDG_CACHE_HOME: '', HOME: home.startsWith('/') ? home : join(root, home) }
    const { code, stderr } = await ended(run(['version', `${name}`], { env }))
    expect([home, code, stderr]).toEqual([home, 0, ''])
  }
})
