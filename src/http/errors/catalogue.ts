import { CLIENT_ERRORS, HTTP_ERRORS, SYSTEM_ERRORS } from './border-errors.ts'
import type { ErrorEntry } from './entry.ts'
import { NODE_ERRORS } from './node-errors.ts'

/** Where codes come from, as people read it. */
export const ERROR_SECTIONS: readonly {
  readonly title: string
  readonly entries: Readonly<Record<string, ErrorEntry>>
}[] = [
  { title: 'Of a node', entries: NODE_ERRORS },
  { title: 'Of the HTTP API', entries: HTTP_ERRORS },
  { title: 'Of clients and the command line', entries: CLIENT_ERRORS },
  { title: 'Of the system', entries: SYSTEM_ERRORS },
]

const CATALOGUE: ReadonlyMap<string, ErrorEntry> = new Map(
  ERROR_SECTIONS.flatMap(({ entries }) => Object.entries(entries)),
)

/** What a code means; undefined for one that is none of ours. */
export function errorEntry(code: string): ErrorEntry | undefined {
  return CATALOGUE.get(code)
}
