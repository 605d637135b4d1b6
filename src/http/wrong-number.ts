const QUOTE = 0x22
const BACKSLASH = 0x5c
/** Every integer of so many digits is exact. */
const EXACT_DIGITS = 15

/**
 * The first number in JSON text that parsing would silently change: one beyond all doubles, or an integer that would
 * come out as another one, such as 9007199254740993. Undefined when there is none.
 */
export function wrongNumber(text: string): string | undefined {
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfText(text, at)
    else if (isDigit(code)) {
      const end = endOfNumber(text, at)
      const isNegative = text.charAt(at - 1) === '-'
      const number = text.slice(isNegative ? at - 1 : at, end)
      if (isWrong(number)) return number
      at = end
    } else at += 1
  }
  return undefined
}

function endOfText(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== QUOTE) {
    at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  }
  return at + 1
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && /[\d.eE+-]/.test(text.charAt(at))) at += 1
  return at
}

function isWrong(number: string): boolean {
  const isInteger = /^-?\d+$/.test(number)
  if (isInteger && number.length <= EXACT_DIGITS) return false
  const value = Number(number)
  // What is no number at all is for the parser to refuse.
  if (Number.isNaN(value)) return false
  if (!Number.isFinite(value)) return true
  // Writers of doubles end large ones in zeros, as String() does: such a text comes out as it went in.
  return isInteger && String(value) !== number && BigInt(value) !== BigInt(number)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
