import type { Finding, TidyFile } from './tidy-file.ts'

interface Word {
  readonly pattern: RegExp
  readonly message: string
  /** Where it matters; everywhere when absent. */
  readonly where?: RegExp
}

const CODE = /\.(tsx?|js)$/

// Written so that no pattern matches its own line.
const WORDS: readonly Word[] = [
  {
    pattern: /(^|[\s'"`(=])\/(home|Users|root|work)\/[\w.-]+\/[\w.-]+/,
    message: 'names a path of one machine',
  },
  { pattern: /\b[A-Z]:\\{1,2}Users\b/, message: 'names a path of one machine' },
  { pattern: /\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/, message: 'leaves work behind: do it or drop it' },
  {
    pattern: /\b(test|it|describe)\.(only|skip|todo|fails)\b|\b[fx](it|describe|test)\(/,
    message: 'runs a part of the tests only',
    where: /^test\/.*\.ts$/,
  },
  { pattern: /\bdebu[g]ger\b/, message: 'stops a run under inspection', where: CODE },
  { pattern: /@ts-(ignore|nocheck)\b/, message: 'silences the compiler', where: CODE },
]

/** Words that have no place in the repository, and files that do not end in one newline. */
export function words(file: TidyFile): readonly Finding[] {
  const findings: Finding[] = []
  for (const [index, line] of file.text.split('\n').entries()) {
    for (const { pattern, message, where } of WORDS) {
      if (where !== undefined && !where.test(file.path)) continue
      if (pattern.test(line)) findings.push({ path: file.path, line: index + 1, message })
    }
  }
  if (file.text !== '' && !file.text.endsWith('\n')) {
    const line = file.text.split('\n').length
    findings.push({ path: file.path, line, message: 'does not end in a newline' })
  }
  return findings
}
