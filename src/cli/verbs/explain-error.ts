import { ERROR_SECTIONS, errorEntry } from '../../http/errors/catalogue.ts'
import type { ErrorEntry } from '../../http/errors/entry.ts'
import { EXIT, notFoundError } from '../errors.ts'
import { renderTable } from '../table.ts'
import { printable } from '../text.ts'
import type { Verb } from '../verb.ts'

interface Told {
  readonly code: string
  /** How a verb ends with it. */
  readonly exit: number
  /** Null for one that never comes over HTTP. */
  readonly status: number | null
  readonly what: string
  readonly why: string
  readonly next: string
}

export const verb: Verb = {
  examples: [
    ['hearsay explain-error ERR_QUORUM', 'what it means, where it comes from, what to do'],
    ['hearsay explain-error', 'all codes'],
  ],
  build(command, act) {
    command.argument('[code]', 'the word in brackets behind an error, such as ERR_QUORUM')
    act(command, async ({ context, operands }) => {
      const [asked] = operands
      if (asked === undefined) {
        const errors = ERROR_SECTIONS.flatMap(({ entries }) =>
          Object.entries(entries).map(([code, entry]) => toldOf(code, entry)),
        )
        context.print.result({ errors }, () =>
          renderTable(
            ['CODE', 'EXIT', 'HTTP', 'WHAT'],
            errors.map(({ code, exit, status, what }) => [
              code,
              String(exit),
              status === null ? '-' : String(status),
              what,
            ]),
          ),
        )
        return undefined
      }
      const code = asked.toUpperCase()
      const entry = errorEntry(code)
      if (entry === undefined) {
        throw notFoundError(
          `No error has the code ${printable(asked)}`,
          'See "hearsay explain-error"',
        )
      }
      const told = toldOf(code, entry)
      context.print.result(told, () => linesOf(told))
      return undefined
    })
  },
}

function toldOf(code: string, { exit, status, what, why, next }: ErrorEntry): Told {
  return { code, exit: exit ?? EXIT.failure, status: status ?? null, what, why, next }
}

function linesOf({ code, exit, status, what, why, next }: Told): readonly string[] {
  const http = status === null ? '' : `, HTTP ${status}`
  return [`${code}: exit ${exit}${http}`, `  what  ${what}`, `  why   ${why}`, `  next  ${next}`]
}
