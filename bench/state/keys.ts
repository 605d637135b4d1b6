import { seededRandom } from '../../src/base/random.ts'
import type { Document } from './library.ts'

const SPOTS = 1_000

/** Sixteen bytes, ascending. */
export function sequentialKey(index: number): string {
  return flat(`element-${String(index).padStart(8, '0')}`)
}

/** Sixteen random base-36 digits from a seed of its own for each index. */
export function randomKey(index: number): string {
  return flat(digits(index, 16))
}

/** Six random base-36 digits. */
export function shortKey(index: number): string {
  return flat(digits(index, 6))
}

export function keys(count: number, key: (index: number) => string): readonly string[] {
  return Array.from({ length: count }, (_, index) => key(index))
}

/** Every second one: the worst case for whoever encodes removed ones as runs. */
export function half<T>(items: readonly T[]): readonly T[] {
  return items.filter((_, index) => index % 2 === 1)
}

/** A set in a few digits, whatever its order, to compare libraries by. */
export function checksum(document: Document, set?: string): string {
  let sum = 0
  let count = 0
  for (const key of document.keys(set)) {
    // FNV-1a
    let hash = 0x811c9dc5
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
    sum = (sum + (hash >>> 0)) % 2 ** 48
    count += 1
  }
  return `${count}:${sum.toString(16)}`
}

/** Whether a thousand of the keys, from everywhere, are in the document's set, as digits. */
export function spotCheck(document: Document, asked: readonly string[]): string {
  const step = Math.max(1, Math.floor(asked.length / SPOTS) - 1)
  let found = ''
  for (let i = 0; i < asked.length; i += step) found += document.has(asked[i] ?? '') ? '1' : '0'
  return BigInt(`0b${found}`).toString(36)
}

function digits(index: number, length: number): string {
  const random = seededRandom([index, length])
  let text = ''
  while (text.length < length) text += Math.floor(random.next() * 36).toString(36)
  return text
}

/** A key as it comes from a wire: a concatenation would keep its parts in memory. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
