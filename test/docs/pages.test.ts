import { access, readdir, readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { outputPattern, sectionsOf } from './page.ts'
import { Stage } from './stage.ts'

const PAGES = ['TUTORIAL.md', 'HOWTO.md'] as const

for (const page of PAGES) {
  const sections = (await sectionsOf(page)).filter(({ blocks }) => blocks.length > 0)
  describe(`docs/${page}`, () => {
    test('has code to run', () => expect(sections.length).toBeGreaterThan(0))

    test.each(sections)('$title', async ({ blocks }) => {
      const stage = await Stage.open()
      try {
        for (const block of blocks) {
          const { code, out, err } = await stage.run(block)
          expect(code, `${block.code}\n${out}\n${err}`).toBe(0)
          if ('output' in block && block.output !== undefined) {
            expect(out, block.code).toMatch(outputPattern(block.output))
          }
        }
      } finally {
        await stage.close()
      }
    })
  })
}

test('an output is compared line by line, … is anything', () => {
  const pattern = outputPattern('a … c\n…\nd\n')
  expect(pattern.test('a bb c\nd\n')).toBe(true)
  expect(pattern.test('a bb c\nx\ny\nd\n')).toBe(true)
  expect(pattern.test('a bb c\nd\ne\n')).toBe(false)
  expect(pattern.test('a\nc\nd\n')).toBe(false)
})

test('links between pages lead somewhere', async () => {
  const docs = new URL('../../docs/', import.meta.url)
  const pages = (await readdir(docs)).filter((name) => name.endsWith('.md'))
  for (const page of [...pages, '../README.md']) {
    const text = await readFile(new URL(page, docs), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      const url = new URL(target, new URL(page, docs))
      await expect(access(url), `${page}: ${target}`).resolves.toBeUndefined()
    }
  }
})
