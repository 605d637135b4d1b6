/** Undefined when there is none. */
export function median(samples: readonly number[]): number | undefined {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined || sorted.length % 2 === 1) return middle
  return (middle + (sorted[sorted.length / 2 - 1] ?? middle)) / 2
}
