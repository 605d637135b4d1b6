import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { cliPage } from '../../scripts/docs/cli-page.ts'
import { errorsPage } from '../../scripts/docs/errors-page.ts'
import { httpPage } from '../../scripts/docs/http-page.ts'
import { EXIT, exitOfCode } from '../../src/cli/errors.ts'
import { ERROR_SECTIONS, errorEntry } from '../../src/http/errors/catalogue.ts'

const SRC = new URL('../../src/', import.meta.url)
/** Of Node.js, looked at and never told. */
const NOT_TOLD: ReadonlySet<string> = new Set(['ERR_STREAM_DESTROYED'])

test.each([
  ['CLI.md', cliPage],
  ['ERRORS.md', async () => errorsPage()],
  ['HTTP.md', httpPage],
] as const)('docs/%s says what the program does; "npm run docs" writes it', async (name, page) => {
  const text = await readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
  expect(text).toBe(await page())
})

test('the catalogue has every code that the source makes, and no other of ours', async () => {
  const files = (await readdir(SRC, { recursive: true })).filter((name) => /\.tsx?$/.test(name))
  const made = new Set<string>()
  for (const file of files) {
    if (file.startsWith('http/errors/')) continue
    const text = await readFile(new URL(file, SRC), 'utf8')
    for (const [, code = ''] of text.matchAll(/['"](ERR_[A-Z_]+)['"]/g)) made.add(code)
  }
  for (const code of NOT_TOLD) made.delete(code)
  const known = ERROR_SECTIONS.flatMap(({ entries }) => Object.keys(entries))
  expect(known.length).toBeGreaterThanOrEqual(40)
  expect(new Set(known).size).toBe(known.length)
  expect(known.filter((code) => code.startsWith('ERR_')).toSorted()).toEqual([...made].toSorted())
})

test('every code ends a verb with an exit code of the contract, and says three things', () => {
  for (const { entries } of ERROR_SECTIONS) {
    for (const [code, { exit, what, why, next }] of Object.entries(entries)) {
      expect(exitOfCode(code), code).toBe(exit)
      for (const text of [what, why, next]) {
        expect(text, code).toMatch(/^["\w].{10,}[^.]$/)
      }
    }
  }
  expect(errorEntry('ERR_QUORUM')).toMatchObject({ exit: EXIT.quorum, status: 503 })
  expect(errorEntry('ERR_NOTHING')).toBeUndefined()
})
