// Writes the pages of docs/ that are made of the program: node scripts/docs.ts. A test compares them.

import { writeFile } from 'node:fs/promises'
import { cliPage } from './docs/cli-page.ts'
import { errorsPage } from './docs/errors-page.ts'
import { httpPage } from './docs/http-page.ts'

const DOCS = new URL('../docs/', import.meta.url)

await writeFile(new URL('CLI.md', DOCS), await cliPage())
await writeFile(new URL('ERRORS.md', DOCS), errorsPage())
await writeFile(new URL('HTTP.md', DOCS), await httpPage())
