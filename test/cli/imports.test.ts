import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const CLI = resolve(import.meta.dirname, '../../src/cli')
/** These run or simulate nodes in this process, or open their store. */
const DAEMON_ENTRIES = [
  'run-node.ts',
  'run-demo.ts',
  'run-restore.ts',
  'backup-file.ts',
  'sim/index.ts',
]
const CLIENT_PACKAGES = ['cli-table3', 'commander']
const IMPORT = /^(?:import|export) (?!type )(?:[^'"]*? from )?['"]([^'"]+)['"]/gm
const DYNAMIC = /import\('([^']+)'\)/g

/** Files and packages that loading these files loads, types aside. */
function closure(
  roots: readonly string[],
  options: { readonly followsDynamic: boolean },
): { readonly files: ReadonlySet<string>; readonly packages: ReadonlySet<string> } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const queue = [...roots]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file) || !existsSync(file)) continue
    files.add(file)
    const text = readFileSync(file, 'utf8')
    const patterns = options.followsDynamic ? [IMPORT, DYNAMIC] : [IMPORT]
    for (const [, name = ''] of patterns.flatMap((pattern) => [...text.matchAll(pattern)])) {
      if (!name.startsWith('.')) packages.add(name)
      else if (!DAEMON_ENTRIES.some((entry) => name.endsWith(entry))) {
        queue.push(resolve(dirname(file), name))
      }
    }
  }
  return { files, packages }
}

function foreign(packages: ReadonlySet<string>): readonly string[] {
  return [...packages].filter((name) => !name.startsWith('node:')).toSorted()
}

test('no client verb loads libp2p, hono or zod, not even later', () => {
  const { files, packages } = closure([join(CLI, 'main.ts')], { followsDynamic: true })
  const verbs = readdirSync(join(CLI, 'verbs')).map((name) => join(CLI, 'verbs', name))
  expect(verbs.filter((verb) => !files.has(verb))).toEqual([])
  expect([...files].filter((file) => file.endsWith('http/client.ts'))).toHaveLength(1)
  expect(foreign(packages)).toEqual(CLIENT_PACKAGES)
})

test('the program itself loads no verb and no table before it knows which', () => {
  const { files, packages } = closure([join(CLI, 'main.ts')], { followsDynamic: false })
  expect([...files].filter((file) => file.includes('/verbs/'))).toEqual([])
  expect(foreign(packages)).toEqual(['commander'])
})
