import { expect, test } from 'vitest'
import { tidy } from '../../scripts/tidy/rules.ts'

/** The findings over files given as `path: text`, as `path:line message`. */
function findings(files: Readonly<Record<string, string>>): readonly string[] {
  const list = Object.entries(files).map(([path, text]) => ({ path, text: `${text}\n` }))
  return tidy(list).map(({ path, line, message }) => `${path}:${line} ${message}`)
}

/** Splits what would otherwise be found in this very file. */
const word = (...parts: readonly string[]): string => parts.join('')

test('tidy() finds nothing in orderly files', () => {
  expect(
    findings({
      'src/base/core.ts': "import { sha256 } from '@noble/hashes/sha2.js'\nexport { sha256 }",
      'src/crdt/dot.ts': "import { sha256 } from '../base/core.ts'\nexport const dot = sha256",
      'src/engine/engine.ts': "import '../crdt/dot.ts'\nimport './ports.ts'",
      'src/engine/ports.ts': 'export const a = 1',
      'src/adapters/store/store.ts': "import 'node:fs'\nimport 'classic-level'",
      'src/node/node.ts': "import '../adapters/store/store.ts'\nimport p from '../../package.json'",
      'src/index.ts': "export * from './node/node.ts'",
      'src/lab/lab.ts': "import '../index.ts'",
      'src/http/api.ts': "import '../index.ts'\nimport 'hono'",
      'src/cli/main.ts': "import '../http/api.ts'\nimport '../lab/lab.ts'",
      'src/cli/verbs/up.ts': "import '../main.ts'\nimport 'commander'",
      'README.md': 'hearsay',
    }),
  ).toEqual([])
})

test.each([
  ['upwards', 'src/base/core.ts', '../crdt/dot.ts', 'imports upwards: floor 0'],
  ['upwards, types too', 'src/kv/kv.ts', '../engine/ports.ts', 'imports upwards: floor 2'],
  ['a neighbour', 'src/crdt/dot.ts', '../records/record.ts', 'imports its neighbour'],
  ['a neighbour', 'src/adapters/store/a.ts', '../platform/b.ts', 'imports its neighbour'],
  ['a neighbour', 'src/sim/a.ts', '../adapters/store/b.ts', 'imports its neighbour'],
  ['around the API', 'src/cli/main.ts', '../node/node.ts', 'shells use src/index.ts'],
  ['around the API', 'src/http/api.ts', '../base/errors.ts', 'shells use src/index.ts'],
  ['around the API', 'src/lab/lab.ts', '../engine/driver.ts', 'shells use src/index.ts'],
  ['a shell upwards', 'src/http/api.ts', '../cli/main.ts', 'imports upwards'],
  ['the outside', 'src/node/node.ts', '../../scripts/tidy.ts', 'on no floor'],
])('floors: %s (%s → %s)', (_, path, specifier, message) => {
  expect(findings({ [path]: `\nimport type { A } from '${specifier}'` })).toEqual([
    expect.stringContaining(`${path}:2 `),
  ])
  expect(findings({ [path]: `export * from '${specifier}'` }).join()).toContain(message)
  expect(findings({ [path]: `await import('${specifier}')` }).join()).toContain(message)
})

test.each([
  ['src/base/core.ts', 'node:fs'],
  ['src/sim/world.ts', 'node:fs'],
  ['src/crdt/dot.ts', 'hono'],
  ['src/engine/engine.ts', '@libp2p/interface'],
  ['src/adapters/store/store.ts', 'libp2p'],
  ['src/adapters/faults/faults.ts', 'libp2p'],
  ['src/http/api.ts', 'commander'],
  ['src/lab/lab.ts', 'hono'],
  ['src/crdt/dot.ts', '@noble/hashes-evil'],
])('floors: %s may not use %s', (path, specifier) => {
  expect(findings({ [path]: `import { a } from '${specifier}'` }).join()).toContain(specifier)
})

test('floors: a folder that nobody placed is found', () => {
  expect(findings({ 'src/misc/a.ts': '' })).toEqual([expect.stringContaining('no floor')])
})

test.each([
  'const a = Date.now()',
  'const a = Math.random()',
  'const a = new Date()',
  'let a: Promise<void>',
  'async function f() {}',
  'const f = async () => 1',
  'await a',
  'setTimeout(f, 1)',
  'queueMicrotask(f)',
  'console.log(1)',
  'process.exit(1)',
  'const a = performance.now()',
  'const a = structuredClone(b)',
  'const a = crypto.getRandomValues(b)',
  'const a = Buffer.alloc(1)',
  'const a = new TextEncoder()',
  'const a = globalThis',
  'fetch(url)',
])('purity: a core may not contain %s', (code) => {
  expect(findings({ 'src/kv/kv.ts': `\n\n${code}` })).not.toEqual([])
  expect(findings({ 'src/kv/kv.ts': `\n\n${code}` })[0]).toContain('src/kv/kv.ts:3 uses ')
  expect(findings({ 'src/adapters/store/a.ts': code })).toEqual([])
})

test('purity: members, dates of an instant, strings and comments are fine', () => {
  const code = [
    'const a = { process: 1, fetch() {} }',
    'a.process = Date.UTC(2024, 0, 1)',
    'new Date(5).toISOString()',
    "const text = 'Promise' // console.log",
    'interface X { performance: number; crypto(): void }',
  ]
  expect(findings({ 'src/kv/kv.ts': code.join('\n') })).toEqual([])
})

test('purity: one file may use the coders of UTF-8, and nothing else', () => {
  const code = 'const a = new TextEncoder()\nconst b = new TextDecoder()'
  expect(findings({ 'src/base/bytes.ts': code })).toEqual([])
  expect(findings({ 'src/base/utf8.ts': code })).toHaveLength(2)
  expect(findings({ 'src/base/bytes.ts': 'const a = Buffer.alloc(1)' })).toHaveLength(1)
})

test('clients: a static way to libp2p is found and told', () => {
  const files = {
    'src/cli/main.ts': "import '../http/client.ts'",
    'src/http/client.ts': "import '../index.ts'",
    'src/index.ts': "export * from './node/node.ts'",
    'src/node/node.ts': "import '../adapters/libp2p/host.ts'",
    'src/adapters/libp2p/host.ts': "\nimport { createLibp2p } from 'libp2p'",
  }
  const found = findings(files)
  expect(found).toHaveLength(2)
  expect(found[0]).toContain('src/adapters/libp2p/host.ts:2 loads libp2p')
  expect(found[0]).toContain('src/cli/main.ts → src/http/client.ts → src/index.ts')
})

test('clients: types and dynamic imports load nothing', () => {
  const host = { 'src/adapters/libp2p/host.ts': "import '@libp2p/tcp'" }
  const index = "export * from './adapters/libp2p/host.ts'"
  const main = [
    "import type { A } from '../index.ts'",
    "export type * from '../index.ts'",
    "const b = await import('../index.ts')",
  ]
  expect(findings({ ...host, 'src/index.ts': index, 'src/cli/main.ts': main.join('\n') })).toEqual(
    [],
  )
})

test('sizes: long files and lines are found', () => {
  const lines = (count: number): string => Array.from({ length: count }, () => '// x').join('\n')
  expect(findings({ 'src/base/a.ts': lines(400) })).toEqual([])
  expect(findings({ 'src/base/a.ts': lines(401) })).toEqual([expect.stringContaining('401 lines')])
  expect(findings({ 'test/a.test.ts': lines(401) })).toEqual([])
  expect(findings({ 'test/a.test.ts': lines(601) })).toHaveLength(1)
  expect(findings({ 'src/base/a.ts': `\n// ${'x'.repeat(118)}` })).toEqual([
    'src/base/a.ts:2 has 121 columns, at most 120',
  ])
  expect(findings({ 'src/base/a.ts': `a('${'x'.repeat(160)}')` })).toHaveLength(1)
})

test.each([
  ['docs/a.md', word('see /ho', 'me/ada/hearsay/x.ts')],
  ['src/node/a.ts', word("const a = '/Us", "ers/ada/x'")],
  ['src/node/a.ts', word('// TO', 'DO later')],
  ['README.md', word('FIX', 'ME')],
  ['test/a.test.ts', word('test.on', "ly('x', f)")],
  ['test/a.test.ts', word('describe.sk', "ip('x', f)")],
  ['src/node/a.ts', word('debug', 'ger')],
  ['src/node/a.ts', word('// @ts-ig', 'nore')],
])('words: %s may not say %s', (path, text) => {
  expect(findings({ [path]: `fine\n${text}` })).toEqual([expect.stringContaining(`${path}:2 `)])
})

test('words: a file ends in a newline', () => {
  expect(tidy([{ path: 'README.md', text: 'a' }])).toHaveLength(1)
})
