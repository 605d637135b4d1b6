import type { Finding, TidyFile } from './tidy-file.ts'

/** A file that does one thing is shorter; tests list cases and may be longer. */
const LINES_MAX = 400
const TEST_LINES_MAX = 600
/** The formatter holds code to 100; it leaves comments and long strings as they are. */
const COMMENT_COLUMNS_MAX = 120
const COLUMNS_MAX = 160
/** Golden vectors are one line each. */
const TEST_COLUMNS_MAX = 300

/** TypeScript and JavaScript files and lines that are too long. */
export function sizes(file: TidyFile): readonly Finding[] {
  if (!/\.(tsx?|js)$/.test(file.path)) return []
  const isTest = file.path.startsWith('test/')
  const [linesMax, columnsMax] = isTest
    ? [TEST_LINES_MAX, TEST_COLUMNS_MAX]
    : [LINES_MAX, COLUMNS_MAX]
  const lines = file.text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const findings: Finding[] = []
  if (lines.length > linesMax) {
    const message = `has ${lines.length} lines, at most ${linesMax}: split it`
    findings.push({ path: file.path, line: linesMax + 1, message })
  }
  for (const [index, line] of lines.entries()) {
    const isComment = /^\s*(\/\/|\/?\*)/.test(line)
    const max = isComment ? COMMENT_COLUMNS_MAX : columnsMax
    if (line.length <= max) continue
    const message = `has ${line.length} columns, at most ${max}`
    findings.push({ path: file.path, line: index + 1, message })
  }
  return findings
}
