const HEX_DIGITS = '0123456789abcdef'
const REPLACEMENT = 0xfffd
/** Code units that become text at once: as many arguments as any engine takes. */
const UNITS_MAX = 8_192
/** So few are quicker one by one. */
const UNITS_FEW = 64

/** UTF-8 bytes of a well-formed string. @throws {TypeError} on lone surrogates, which UTF-8 cannot carry */
export function utf8(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new TypeError('Cannot encode text: it holds a lone surrogate')
  const bytes = new Uint8Array(text.length * 3)
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      bytes[at++] = unit
      continue
    }
    const point = text.codePointAt(i) ?? unit
    if (point < 0x800) bytes[at++] = 0xc0 | (point >>> 6)
    else {
      if (point < 0x10000) bytes[at++] = 0xe0 | (point >>> 12)
      else {
        bytes[at++] = 0xf0 | (point >>> 18)
        bytes[at++] = 0x80 | ((point >>> 12) & 0x3f)
        i += 1
      }
      bytes[at++] = 0x80 | ((point >>> 6) & 0x3f)
    }
    bytes[at++] = 0x80 | (point & 0x3f)
  }
  return bytes.slice(0, at)
}

/** Text of UTF-8 bytes; malformed sequences become U+FFFD, as the Encoding Standard has it. */
export function fromUtf8(bytes: Uint8Array): string {
  return isAscii(bytes) ? fromUnits(bytes, bytes.length) : decode(bytes)
}

function decode(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at++] ?? 0
    if (lead < 0x80) {
      units[length++] = lead
      continue
    }
    let more = lead < 0xc2 || lead > 0xf4 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3
    // The second byte's range leaves out longer forms, surrogates, and what is above U+10FFFF.
    let min = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    let max = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    let point = more === 1 ? lead & 0x1f : more === 2 ? lead & 0x0f : lead & 0x07
    for (; more > 0; more--) {
      const next = bytes[at] ?? 0
      if (next < min || next > max) break
      point = (point << 6) | (next & 0x3f)
      at += 1
      min = 0x80
      max = 0xbf
    }
    if (more !== 0) units[length++] = REPLACEMENT
    else if (point < 0x10000) units[length++] = point
    else {
      units[length++] = 0xd7c0 + (point >>> 10)
      units[length++] = 0xdc00 | (point & 0x3ff)
    }
  }
  return fromUnits(units, length)
}

function isAscii(bytes: Uint8Array): boolean {
  let high = 0
  for (let i = 0; i < bytes.length; i++) high |= bytes[i] ?? 0
  return high < 0x80
}

function fromUnits(units: Uint8Array | Uint16Array, length: number): string {
  let text = ''
  if (length <= UNITS_FEW) {
    for (let i = 0; i < length; i++) text += String.fromCharCode(units[i] ?? 0)
    return text
  }
  for (let from = 0; from < length; from += UNITS_MAX) {
    const part = units.subarray(from, Math.min(from + UNITS_MAX, length))
    text += Reflect.apply(String.fromCharCode, undefined, part)
  }
  return text
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX_DIGITS.charAt(byte >>> 4) + HEX_DIGITS.charAt(byte & 15)
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
