// Checks what the compiler and the linter cannot: floors, purity, what the client verbs load, sizes
// and words. Prints one line per finding and ends with 1 when there is any.
// Run by `npm run check`: node scripts/tidy.ts

import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tidy } from './tidy/rules.ts'
import type { TidyFile } from './tidy/tidy-file.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const UNREAD = new Set(['node_modules', 'dist', 'coverage', '.git', 'package-lock.json'])
const TEXT =
  /\.(tsx?|js|json|md|yaml|yml|html|css)$|(^|\/)(Dockerfile|LICENSE|run|\.npmrc|\.gitignore)$/

async function read(directory: string): Promise<readonly TidyFile[]> {
  const files: TidyFile[] = []
  const entries = await readdir(directory, { withFileTypes: true })
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    if (UNREAD.has(entry.name)) continue
    const path = join(directory, entry.name)
    if (entry.isDirectory()) {
      files.push(...(await read(path)))
    } else if (TEXT.test(entry.name)) {
      const name = relative(ROOT, path).split(sep).join('/')
      files.push({ path: name, text: await readFile(path, 'utf8') })
    }
  }
  return files
}

const files = await read(ROOT)
const findings = tidy(files)
for (const { path, line, message } of findings) console.error(`${path}:${line}  ${message}`)
console.log(`tidy: ${files.length} files, ${findings.length} findings`)
process.exitCode = findings.length === 0 ? 0 : 1
