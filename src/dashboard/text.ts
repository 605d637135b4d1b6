import { printable } from '../http/printable.ts'

/** Characters of one text of somebody else's that a line shows. */
const SHOWN_MAX = 120

/** Text of other people as one line: control and reordering characters become visible, the rest is cut. */
export function shown(text: string, max = SHOWN_MAX): string {
  const line = printable(text.length > max * 2 ? text.slice(0, max * 2) : text)
  return line.length > max || line.length < text.length
    ? `${line.slice(0, max - 1).trimEnd()}…`
    : line
}

/** The first characters of a digest, as verbs print it. */
export function shortDigest(digest: string): string {
  return digest === '' ? 'unknown' : digest.slice(0, 8)
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

export function clock(at: number): string {
  const date = new Date(at)
  const two = (part: number): string => String(part).padStart(2, '0')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
