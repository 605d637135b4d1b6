import { ERROR_SECTIONS } from '../../src/http/errors/catalogue.ts'

const HEAD = `# Errors

Every error says what happened, why, and what to do next, and has a code that never changes. The command line shows it in
brackets, with \`--json\` as \`error.code\` on stderr; the API answers problem+json with \`code\`; the library throws
\`HearsayError\` with \`code\`. \`hearsay explain-error CODE\` prints a row of this page.
`
const EXIT_DEFAULT = 1

/** docs/ERRORS.md, of the catalogue itself. */
export function errorsPage(): string {
  const sections = ERROR_SECTIONS.map(({ title, entries }) => {
    const rows = Object.entries(entries).map(
      ([code, { exit = EXIT_DEFAULT, status, what, why, next }]) =>
        `| \`${code}\` | ${exit} | ${status ?? ''} | ${what} | ${why} | ${next} |`,
    )
    return [
      `## ${title}`,
      '',
      '| code | exit | HTTP | what | why | next |',
      '| ---- | ---- | ---- | ---- | --- | ---- |',
      ...rows,
      '',
    ].join('\n')
  })
  return [HEAD, ...sections].join('\n')
}
