import { styleText } from 'node:util'
import type { Io, OutputStream } from './io.ts'

/**
 * Characters that could move a terminal's cursor, reorder a line or hide in it: C0, DEL, C1, the
 * bidirectional and zero-width formats, line separators, the byte order mark, lone surrogates.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** Text of a peer as one harmless line: unsafe characters become `\n`, `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    if (character === '\n') return '\\n'
    if (character === '\r') return '\\r'
    if (character === '\t') return '\\t'
    const code = character.charCodeAt(0)
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** One line of JSON in which a terminal finds nothing to obey; parses to the same value. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'bigint' ? field.toString() : field,
  )
  return text.replace(
    UNSAFE,
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
