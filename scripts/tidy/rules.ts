import { clientClosure } from './client-closure.ts'
import { floors } from './floors.ts'
import { purity } from './purity.ts'
import { sizes } from './sizes.ts'
import { type Finding, parseSource, type TidyFile } from './tidy-file.ts'
import { words } from './words.ts'

/** All findings over the repository's text files, by path and line. */
export function tidy(files: readonly TidyFile[]): readonly Finding[] {
  const sources = files.filter((file) => /^src\/.*\.tsx?$/.test(file.path)).map(parseSource)
  const findings = [
    ...sources.flatMap(floors),
    ...sources.flatMap(purity),
    ...clientClosure(sources),
    ...files.flatMap(sizes),
    ...files.flatMap(words),
  ]
  return findings.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line))
}
