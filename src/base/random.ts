/** A stream of random numbers; production seeds it from the platform, the simulator from its seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer in 0 … 2^32 − 1. */
  uint32(): number
}

/** sfc32 (Doty-Humphrey, PractRand): 128 bits of state, passes BigCrush. Not for secrets. */
export function seededRandom(seed: number | readonly number[]): Random {
  const parts = typeof seed === 'number' ? [seed] : seed
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = 0xb7e15162
  let counter = 1
  const uint32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  for (const part of parts) {
    a ^= part | 0
    b ^= Math.floor(part / 2 ** 32) | 0
    for (let i = 0; i < 12; i++) uint32()
  }
  return { uint32, next: () => uint32() / 2 ** 32 }
}

/** Uniform integer in 0 … below − 1. */
export function randomInteger(random: Random, below: number): number {
  return Math.floor(random.next() * below)
}

export function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = random.uint32() >>> 24
  return bytes
}

/** `value` spread evenly over ± `share` of itself, so that peers do not act in step. */
export function jitter(random: Random, value: number, share: number): number {
  return value * (1 - share + 2 * share * random.next())
}

/** Fisher–Yates, in place. */
export function shuffle<T>(random: Random, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomInteger(random, i + 1)
    const swapped = items[i] as T
    items[i] = items[j] as T
    items[j] = swapped
  }
  return items
}
