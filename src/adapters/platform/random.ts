import type { Random } from '../../base/random.ts'

/** Numbers drawn from the kernel at once: one system call costs as much as hundreds of them. */
const POOL_NUMBERS = 1_024

/** Random numbers fit for secrets: from the operating system, by Web Cryptography (§10.1.1). */
export function createRandom(): Random {
  const pool = new Uint32Array(POOL_NUMBERS)
  let used = POOL_NUMBERS
  const uint32 = (): number => {
    if (used === POOL_NUMBERS) {
      crypto.getRandomValues(pool)
      used = 0
    }
    const value = pool[used] ?? 0
    // What was given out does not stay in memory.
    pool[used] = 0
    used += 1
    return value
  }
  return { uint32, next: () => uint32() / 2 ** 32 }
}
