import { expect } from 'vitest'

/** Expects equal primitives; as cheap as a comparison when they are, for loops of many thousands. */
export function same(actual: unknown, expected: unknown): void {
  if (actual !== expected) expect(actual).toBe(expected)
}
