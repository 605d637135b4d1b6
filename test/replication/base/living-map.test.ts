import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import { DecodeError } from '../../../src/base/codec.ts'
import { randomInteger, seededRandom } from '../../../src/base/random.ts'
import {
  DotBits,
  type LivingMap,
  livingMap,
  livingStretches,
  MAP_DOTS_MAX,
} from '../../../src/replication/base/living-map.ts'

function bitsOf(living: readonly boolean[]): DotBits {
  const bits = new DotBits(living.length)
  for (const [i, lives] of living.entries()) if (lives) bits.set(i)
  return bits
}

/** Stretches, one dot after the other. */
function naiveStretches(living: readonly boolean[], from: number): readonly number[] {
  const stretches: number[] = []
  for (const [i, lives] of living.entries()) {
    if (!lives) continue
    if (living[i - 1] !== true) stretches.push(from + i, from + i)
    else stretches[stretches.length - 1] = from + i
  }
  return stretches
}

function stretches(map: LivingMap, from: number, to: number): readonly number[] | string {
  try {
    return Array.from(livingStretches(map, from, to))
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
}

/** Dots of a pattern, all but a few. */
const patterned = fc
  .record({
    pattern: fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
    dots: fc.integer({ min: 1, max: 3_000 }),
    otherwise: fc.array(fc.nat({ max: 2_999 }), { maxLength: 40 }),
  })
  .map(({ pattern, dots, otherwise }) => {
    const living = Array.from({ length: dots }, (_, i) => pattern[i % pattern.length] === true)
    for (const i of otherwise) if (i < dots) living[i] = living[i] !== true
    return living
  })
const mixed = fc.array(fc.boolean(), { minLength: 1, maxLength: 300 })
const long = fc
  .array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 500 })), { minLength: 1, maxLength: 10 })
  .map((parts) => parts.flatMap(([lives, count]) => new Array<boolean>(count).fill(lives)))

describe('livingMap()', () => {
  test('tells which dots live, in no more than a bit each', () => {
    const modes = new Set<string>()
    fc.assert(
      fc.property(
        fc.oneof(patterned, mixed, long),
        fc.integer({ min: 1, max: 2 ** 40 }),
        (living, from) => {
          const map = livingMap(bitsOf(living))
          modes.add(map.mode)
          const to = from + living.length - 1
          expect(stretches(map, from, to)).toEqual(naiveStretches(living, from))
          expect(map.bytes.length).toBeLessThanOrEqual(Math.ceil(living.length / 8))
        },
      ),
      { numRuns: 1_000 },
    )
    expect([...modes].sort()).toEqual(['bits', 'gaps', 'runs'])
  })

  test('of a page is whole at its borders', () => {
    for (const dots of [31, 32, 33, 64, MAP_DOTS_MAX - 1, MAP_DOTS_MAX]) {
      for (const hole of [-1, 0, dots - 1]) {
        const living = Array.from({ length: dots }, (_, i) => i !== hole)
        const map = livingMap(bitsOf(living))
        expect(stretches(map, 1, dots)).toEqual(naiveStretches(living, 1))
      }
    }
  })

  test.each<[string, readonly boolean[], string, string]>([
    ['all', new Array<boolean>(300).fill(true), 'runs', 'ac02'],
    ['none', new Array<boolean>(300).fill(false), 'runs', ''],
    // k 7; 199 = 1 × 128 + 71
    [
      'all but the 200th',
      Array.from({ length: 300 }, (_, i) => i !== 199),
      'gaps',
      '0701' + '1d01',
    ],
    ['all but the first ten', Array.from({ length: 300 }, (_, i) => i > 9), 'runs', '000aa202'],
    [
      'every second of 64',
      Array.from({ length: 64 }, (_, i) => i % 2 === 0),
      'gaps',
      // k 0, a pattern of one byte, nothing otherwise
      '105500',
    ],
    [
      'every second of 320 but the 101st and 102nd',
      Array.from({ length: 320 }, (_, i) => (i % 2 === 0) !== (i === 100 || i === 101)),
      'gaps',
      // k 5; 100 = 3 × 32 + 4, then 0
      '155502' + '4700',
    ],
    ['no pattern', [true, false, false, true, true, false, true, true], 'bits', 'd9'],
  ])('%s have golden bytes', (_name, living, mode, golden) => {
    const map = livingMap(bitsOf(living))
    expect([map.mode, hex(map.bytes)]).toEqual([mode, golden])
    expect(stretches(map, 1, living.length)).toEqual(naiveStretches(living, 1))
  })

  test.each([
    ['1,000 holes in a million', 1, 1_000, 1_490],
    ['1,000 changes among every second of a million', 2, 1_000, 1_510],
  ])('%s take a tenth more than their information', (_name, period, changes, most) => {
    const random = seededRandom(9)
    const otherwise = new Set<number>()
    while (otherwise.size < changes) otherwise.add(randomInteger(random, 1_000_000))
    let bytes = 0
    for (let page = 0; page * MAP_DOTS_MAX < 1_000_000; page++) {
      const from = page * MAP_DOTS_MAX
      const dots = Math.min(MAP_DOTS_MAX, 1_000_000 - from)
      const living = Array.from(
        { length: dots },
        (_, i) => (i % period === 0) !== otherwise.has(from + i),
      )
      bytes += livingMap(bitsOf(living)).bytes.length
    }
    expect(bytes).toBeLessThanOrEqual(most)
  })

  test('cut, mutated or random never throws anything but a refusal, and never leaves its dots', () => {
    fc.assert(
      fc.property(
        fc.oneof(patterned, mixed, long),
        fc.nat(),
        fc.nat({ max: 255 }),
        fc.uint8Array({ maxLength: 40 }),
        (living, at, value, noise) => {
          const map = livingMap(bitsOf(living))
          const mutated = map.bytes.slice()
          if (mutated.length > 0) mutated[at % mutated.length] = value
          const dots = living.length
          for (const mode of ['runs', 'bits', 'gaps'] as const) {
            for (const bytes of [mutated, map.bytes.subarray(0, -1), noise]) {
              const read = stretches({ mode, bytes }, 5, dots + 4)
              if (typeof read === 'string') continue
              let last = 4
              for (const [i, n] of read.entries()) {
                expect(n).toBeGreaterThanOrEqual(last + (i % 2 === 0 ? 1 : 0))
                last = n
              }
              expect(last).toBeLessThanOrEqual(dots + 4)
            }
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  test.each<[string, LivingMap, number, string]>([
    [
      'runs beyond the dots',
      { mode: 'runs', bytes: Uint8Array.of(9) },
      8,
      'map of living dots too long',
    ],
    ['too few bits', { mode: 'bits', bytes: Uint8Array.of(1) }, 9, 'bytes end early'],
    ['too many bits', { mode: 'bits', bytes: Uint8Array.of(1, 1) }, 8, 'trailing bytes'],
    [
      'gaps beyond the dots',
      { mode: 'gaps', bytes: Uint8Array.of(0, 1, 255, 255, 0) },
      8,
      'map of living dots too long',
    ],
    [
      'gaps that end early',
      { mode: 'gaps', bytes: Uint8Array.of(0, 2, 255) },
      99,
      'bytes end early',
    ],
    ['more behind gaps', { mode: 'gaps', bytes: Uint8Array.of(0, 0, 0) }, 8, 'trailing bytes'],
    [
      'a pattern of two bytes',
      { mode: 'gaps', bytes: Uint8Array.of(0x20, 0, 0, 0) },
      8,
      'unknown pattern of living dots',
    ],
    [
      'more gaps than dots',
      { mode: 'gaps', bytes: Uint8Array.of(0, 9, 0, 0) },
      8,
      'number above its limit',
    ],
    [
      'gaps over more dots than a page',
      { mode: 'gaps', bytes: Uint8Array.of(0, 0) },
      MAP_DOTS_MAX + 1,
      'map of living dots too long',
    ],
  ])('%s are refused', (_name, map, dots, reason) => {
    expect(stretches(map, 1, dots)).toBe(reason)
  })
})
