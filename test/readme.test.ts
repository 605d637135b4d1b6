import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import * as crdt from '../src/crdt.ts'

test('README: the snippet of hearsay/crdt is short, and does what it says', async () => {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const snippet = /```ts\n(import [^`]*'hearsay\/crdt'[^`]*)```/.exec(text)?.[1] ?? ''
  const lines = snippet.split('\n').filter((line) => line !== '')
  expect(lines.length).toBeGreaterThan(5)
  expect(lines.length).toBeLessThanOrEqual(10)
  const [first = '', ...rest] = lines
  const names = /^import \{ (.*) \} from/.exec(first)?.[1]
  const body = `const { ${names} } = crdt\n${rest.join('\n')}\nreturn { ada, bob, later }`
  const { bob, later } = new Function('crdt', body)(crdt)
  expect(bob.view.setValues('guests')).toEqual(['ada'])
  expect(later.view.counter('votes')).toBe(3n)
  expect(later.digest()).toEqual(bob.digest())
})
