const WAIT_MS_MAX = 60_000
/** A process tells of most things only when asked: it is asked so often. */
const LOOK_MS = 20

/** Looks until what is seen fits; fails with what was seen last. */
export async function eventually<T>(
  look: () => Promise<T> | T,
  fits: (seen: T) => boolean,
  ms: number = WAIT_MS_MAX,
): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const seen = await look()
    if (fits(seen)) return seen
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${JSON.stringify(seen)}`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
