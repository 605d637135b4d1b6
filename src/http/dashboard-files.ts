import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const NAMES = ['index.html', 'page.css', 'page.js', 'icon.svg'] as const
/** It takes less than a second, on a busy machine some. */
const BUILD_MS_MAX = 60_000
const PAGE_BYTES_MAX = 4 * 1024 * 1024

export type PageName = (typeof NAMES)[number]
export type Page = Readonly<Record<PageName, string>>

/**
 * The files of the dashboard: those of the package, and in a checkout what scripts/build-dashboard.ts makes of the
 * sources. Nothing is read before the first page is asked for, and nothing twice.
 */
export class DashboardFiles {
  readonly #root: string | undefined
  #reading: Promise<Page> | undefined

  /** @param root where package.json lies; undefined: there is no page */
  constructor(root: string | undefined = packageRoot()) {
    this.#root = root
  }

  /** @throws {Error} when there is none, and it cannot be built; the next call tries again */
  page(): Promise<Page> {
    this.#reading ??= this.#read().catch((error: unknown) => {
      this.#reading = undefined
      throw error
    })
    return this.#reading
  }

  async #read(): Promise<Page> {
    if (this.#root === undefined) throw new Error('Cannot find the files of the dashboard')
    const builder = join(this.#root, 'scripts', 'build-dashboard.ts')
    if (existsSync(builder)) return built(builder)
    const directory = join(this.#root, 'dist', 'dashboard')
    const texts = await Promise.all(NAMES.map((name) => readFile(join(directory, name), 'utf8')))
    return pageOf(texts)
  }
}

/** In a process of its own: a bundler has no place in one that serves. */
async function built(builder: string): Promise<Page> {
  const { stdout } = await promisify(execFile)(process.execPath, [builder], {
    timeout: BUILD_MS_MAX,
    maxBuffer: PAGE_BYTES_MAX,
  })
  const page: Readonly<Record<string, unknown>> = JSON.parse(stdout)
  return pageOf(NAMES.map((name) => String(page[name])))
}

function pageOf([html = '', css = '', script = '', icon = '']: readonly string[]): Page {
  return { 'index.html': html, 'page.css': css, 'page.js': script, 'icon.svg': icon }
}

/** The nearest directory above this file that has a package.json. */
function packageRoot(): string | undefined {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) return undefined
    directory = parent
  }
  return directory
}
