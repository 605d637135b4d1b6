/** The alphabet of Bitcoin, which libp2p's peer ids are written in. */
const DIGITS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const BASE = 58

/** Base58 text of some dozens of bytes: the effort grows with their square. */
export function base58(bytes: Uint8Array): string {
  // log 256 / log 58 is below 7 / 5.
  const digits = new Uint8Array(Math.ceil((bytes.length * 7) / 5))
  let used = 0
  for (const byte of bytes) used = carryInto(digits, { used, factor: 256, base: BASE, rest: byte })
  let text = DIGITS.charAt(0).repeat(leadingZeros(bytes))
  for (let i = used - 1; i >= 0; i--) text += DIGITS.charAt(digits[i] ?? 0)
  return text
}

/** The bytes of base58 text, or undefined when it is none. */
export function fromBase58(text: string): Uint8Array | undefined {
  const values = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const value = DIGITS.indexOf(text.charAt(i))
    if (value < 0) return undefined
    values[i] = value
  }
  const digits = new Uint8Array(text.length)
  let used = 0
  for (const rest of values) used = carryInto(digits, { used, factor: BASE, base: 256, rest })
  const zeros = leadingZeros(values)
  const bytes = new Uint8Array(zeros + used)
  bytes.set(digits.subarray(0, used).reverse(), zeros)
  return bytes
}

/** Multiplies a number of `used` digits, the lowest first, by `factor` and adds `rest`. @returns its digits */
function carryInto(
  digits: Uint8Array,
  step: {
    readonly used: number
    readonly factor: number
    readonly base: number
    readonly rest: number
  },
): number {
  const { factor, base } = step
  let { used, rest } = step
  for (let i = 0; i < used; i++) {
    rest += (digits[i] ?? 0) * factor
    digits[i] = rest % base
    rest = (rest / base) | 0
  }
  for (; rest > 0; rest = (rest / base) | 0) digits[used++] = rest % base
  return used
}

function leadingZeros(values: Uint8Array): number {
  const first = values.findIndex((value) => value !== 0)
  return first < 0 ? values.length : first
}
