import type { ChangeDiff, Json } from '../index.ts'
import { jsonLine, printable } from './text.ts'

/** Values of one change that a line shows; the rest is counted. */
const VALUES_SHOWN_MAX = 8
/** Characters of one value that a line shows. */
const VALUE_LENGTH_MAX = 60

/** What changed, for people and on one line: `3 (+2)`, `+ada -bob`, `name.first="Ada" -age`. */
export function describeChange(diff: ChangeDiff | undefined): string {
  if (diff === undefined) return 'changed: read it again'
  switch (diff.type) {
    case 'counter':
      return `${diff.value} (${diff.delta < 0 ? '' : '+'}${diff.delta})`
    case 'set':
      return list([
        ...diff.added.map((value) => `+${word(value)}`),
        ...diff.removed.map((value) => `-${word(value)}`),
      ])
    case 'register': {
      if (diff.value === undefined) return 'removed'
      const others = diff.siblings.length - 1
      return `${json(diff.value)}${others > 0 ? ` (and ${others} written at the same time)` : ''}`
    }
    case 'map':
      return list([
        ...diff.set.map(({ path, value }) => `${pathText(path)}=${json(value)}`),
        ...diff.removed.map((path) => `-${pathText(path)}`),
      ])
  }
}

function list(parts: readonly string[]): string {
  const more = parts.length - VALUES_SHOWN_MAX
  const shown = parts.slice(0, VALUES_SHOWN_MAX).join(' ')
  return more > 0 ? `${shown} … and ${more} more` : shown
}

/** A value among others: in quotes when it could be taken for two, or for none. */
function word(text: string): string {
  return short(/^[^\s"']+$/u.test(text) ? printable(text) : jsonLine(text))
}

function json(value: Json): string {
  return short(jsonLine(value))
}

function pathText(path: readonly string[]): string {
  return short(printable(path.map((part) => part.replaceAll('.', '\\.')).join('.')))
}

function short(text: string): string {
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX - 1)}…` : text
}
