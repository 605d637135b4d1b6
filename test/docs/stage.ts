import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Block } from './page.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BLOCK_MS_MAX = 60_000
/** What users import, as the checkout has it. */
const ENTRIES: Readonly<Record<string, string>> = {
  hearsay: 'src/index.ts',
  'hearsay/browser': 'src/browser.ts',
  'hearsay/crdt': 'src/crdt.ts',
  'hearsay/http': 'src/http/index.ts',
  'hearsay/lab': 'src/lab/index.ts',
  'hearsay/membership': 'src/membership.ts',
  'hearsay/sim': 'src/sim/index.ts',
}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A machine of its own for one section: a folder, a registry of nodes, `hearsay` on the path. */
export class Stage {
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #background: ChildProcess[] = []
  #programs = 0

  private constructor(folder: string) {
    this.#folder = folder
    const { PATH = '', HOME = '' } = process.env
    this.#env = {
      ...{ HOME, NO_COLOR: '1', HEARSAY_RUNTIME_DIR: join(folder, 'run') },
      // Any port: others may run here.
      PATH: `${join(folder, 'bin')}${delimiter}${PATH}`,
    }
  }

  static async open(): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'hearsay-docs-'))
    await mkdir(join(folder, 'bin'))
    await mkdir(join(folder, 'work'))
    const command = join(folder, 'bin', 'hearsay')
    const script = join(ROOT, 'bin', 'hearsay.js')
    await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`)
    await chmod(command, 0o755)
    return new Stage(folder)
  }

  async run(block: Block): Promise<Ran> {
    switch (block.type) {
      case 'shell':
        return await this.#finish(['bash', '-eu', '-o', 'pipefail', '-c', block.code])
      case 'program':
        return await this.#finish([process.execPath, await this.#program(block.code)])
      case 'file':
        await writeFile(join(this.#folder, 'work', block.name), block.code)
        return { code: 0, out: '', err: '' }
      case 'background':
        return await this.#start(block.code.trim(), block.ready ?? ' is up\n')
    }
  }

  /** Ends everything that was started here. */
  async close(): Promise<void> {
    for (const child of this.#background) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await rm(this.#folder, { recursive: true })
  }

  async #program(code: string): Promise<string> {
    const entries = code.replaceAll(/from '(hearsay[^']*)'/g, (_, name: string) => {
      const entry = ENTRIES[name]
      if (entry === undefined) throw new Error(`No such entry: ${name}`)
      return `from '${join(ROOT, entry)}'`
    })
    this.#programs += 1
    const file = join(this.#folder, `program-${this.#programs}.mts`)
    await writeFile(file, entries)
    return file
  }

  #spawn([command = '', ...parameters]: readonly string[]): ChildProcess {
    return spawn(command, parameters, {
      cwd: join(this.#folder, 'work'),
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  async #finish(words: readonly string[]): Promise<Ran> {
    const child = this.#spawn(words)
    const timer = setTimeout(() => child.kill('SIGKILL'), BLOCK_MS_MAX)
    let [out, err] = ['', '']
    child.stdout?.on('data', (bytes: Buffer) => {
      out += bytes.toString()
    })
    child.stderr?.on('data', (bytes: Buffer) => {
      err += bytes.toString()
    })
    await once(child, 'close')
    clearTimeout(timer)
    return { code: child.exitCode, out, err }
  }

  /** Resolves when the command has printed that it serves, or has ended. */
  #start(command: string, ready: string): Promise<Ran> {
    const child = this.#spawn(['bash', '-c', `exec ${command}`])
    this.#background.push(child)
    let [out, err] = ['', '']
    return new Promise((resolve) => {
      const end = (code: number | null): void => {
        clearTimeout(timer)
        resolve({ code, out, err })
      }
      const timer = setTimeout(() => end(null), BLOCK_MS_MAX)
      child.stdout?.on('data', (bytes: Buffer) => {
        out += bytes.toString()
        if (out.includes(ready)) end(0)
      })
      child.stderr?.on('data', (bytes: Buffer) => {
        err += bytes.toString()
      })
      child.on('exit', (code) => end(code ?? 1))
    })
  }
}
