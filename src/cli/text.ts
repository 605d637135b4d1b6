import { styleText } from 'node:util'
import { printable, UNSAFE_CHARACTERS } from '../http/printable.ts'
import type { Io, OutputStream } from './io.ts'

export { printable }

/** One line of JSON in which a terminal finds nothing to obey; parses to the same value. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'bigint' ? field.toString() : field,
  )
  return text.replace(
    UNSAFE_CHARACTERS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** `1 record`, `2 records`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

export type Style = Parameters<typeof styleText>[0]
export type Painter = (style: Style, text: string) => string

/** Colours for one stream: off when it is no terminal or NO_COLOR is set; FORCE_COLOR turns them on. */
export function painterOf(io: Io, stream: OutputStream): Painter {
  const isForced = isSet(io.env.FORCE_COLOR) && io.env.FORCE_COLOR !== '0'
  const isOff = isSet(io.env.NO_COLOR) || io.env.TERM === 'dumb' || !stream.isTTY
  if (isOff && !isForced) return (_style, text) => text
  return (style, text) => styleText(style, text, { validateStream: false })
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== ''
}
