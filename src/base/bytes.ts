// The Encoding Standard has every platform agree on these two to the last byte, so cores may use them.
declare const TextEncoder: new () => { encode(text: string): Uint8Array<ArrayBuffer> }
declare const TextDecoder: new (
  label: string,
  options: { readonly ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string }

const ENCODER = new TextEncoder()
/** Text that begins with U+FEFF keeps it. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })
const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  return byte.toString(16).padStart(2, '0')
})
/** So few code units are quicker one by one. */
const UNITS_FEW = 64

/** UTF-8 bytes of a well-formed string. @throws {TypeError} on lone surrogates, which UTF-8 cannot carry */
export function utf8(text: string): Uint8Array {
  const { length } = text
  if (length <= UNITS_FEW) {
    const bytes = new Uint8Array(length)
    let at = 0
    while (at < length) {
      const unit = text.charCodeAt(at)
      if (unit >= 0x80) break
      bytes[at++] = unit
    }
    if (at === length) return bytes
  }
  if (!text.isWellFormed()) throw new TypeError('Cannot encode text: it holds a lone surrogate')
  return ENCODER.encode(text)
}

/** Text of UTF-8 bytes; malformed sequences become U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  return DECODER.decode(bytes)
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += HEX_BYTES[bytes[i] ?? 0]
  return text
}

/** Bytes of lower- or upper-case hexadecimal, or undefined when it is not. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  }
  return bytes
}

/** Bytewise order: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Code-unit order of two strings, the order that every replica agrees on (never the locale's). */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
