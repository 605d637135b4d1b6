import { parseArgs } from 'node:util'

/** In the order of the table. */
export const KIND_NAMES = ['js', 'go', 'rust'] as const
export type KindName = (typeof KIND_NAMES)[number]

export interface InteropOptions {
  readonly kinds: readonly KindName[]
  readonly isJson: boolean
}

export const USAGE: string = `Usage: npm run interop -- [--peer ${KIND_NAMES.join('|')}]… [--json]`

/** @throws {TypeError} wrong options */
export function interopOptions(parameters: readonly string[]): InteropOptions {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      peer: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  })
  const unknown = values.peer.filter((name) => !KIND_NAMES.some((known) => known === name))
  if (unknown.length > 0) throw new TypeError(`There is no peer ${unknown.join(', ')}`)
  const kinds = KIND_NAMES.filter((name) => values.peer.length === 0 || values.peer.includes(name))
  return { kinds, isJson: values.json }
}
