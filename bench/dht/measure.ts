import type { Subject } from './subject.ts'

export interface Times {
  readonly p50: number
  readonly p99: number
  /** Share of the calls that failed, or did not find what is there: their times count too. */
  readonly failed: number
}

const WARM_ROUNDS_MAX = 12
const VALUE = new Uint8Array(100).fill(7)

/** Milliseconds of one call after another, each through another node. */
export async function latencies(
  subject: Subject,
  { kind, count, nodes, keys }: { kind: 'put' | 'get'; count: number; nodes: number; keys: number },
): Promise<Times> {
  const times: number[] = []
  let failures = 0
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now()
    await call(subject, kind, { node: (i * 7) % nodes, key: `key-${i % keys}` }).catch(() => {
      failures += 1
    })
    times.push(performance.now() - startedAt)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), failed: failures / count }
}

/** Successful calls a second, so many of them under way at a time. */
export async function throughput(
  subject: Subject,
  { kind, count, nodes, keys }: { kind: 'put' | 'get'; count: number; nodes: number; keys: number },
): Promise<number> {
  const parallel = 64
  let [next, failures] = [0, 0]
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < count) {
        const i = next++
        await call(subject, kind, { node: i % nodes, key: `key-${(i * 13) % keys}` }).catch(() => {
          failures += 1
        })
      }
    }),
  )
  return (count - failures) / ((performance.now() - startedAt) / 1_000)
}

/** Calls until every node has put and got without a failure: links are made and tables filled then. */
export async function warm(
  subject: Subject,
  { nodes, keys }: { readonly nodes: number; readonly keys: number },
): Promise<void> {
  for (let round = 1; round <= WARM_ROUNDS_MAX; round++) {
    let failures = 0
    for (let i = 0; i < Math.max(nodes, keys); i++) {
      const target = { node: i % nodes, key: `key-${i % keys}` }
      const again = { node: (i + 3) % nodes, key: target.key }
      await call(subject, 'put', target)
        .then(() => call(subject, 'get', again))
        .catch(() => {
          failures += 1
        })
    }
    if (failures === 0) return
  }
  throw new Error(`${subject.name} does not become warm`)
}

/** MB/s of one large value: written, read elsewhere, and written again, when replicas hold it. */
export async function largeValue(
  subject: Subject,
  { nodes, bytes }: { readonly nodes: number; readonly bytes: number },
): Promise<{ readonly put: number; readonly get: number; readonly again: number }> {
  const value = new Uint8Array(bytes)
  const words = new Uint32Array(value.buffer)
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 0x9e3779b1)
  const rate = async (act: () => Promise<unknown>): Promise<number> => {
    const startedAt = performance.now()
    await act()
    return bytes / 1_000 / (performance.now() - startedAt)
  }
  const put = await rate(() => subject.put(0, 'large', value))
  const get = await rate(async () => {
    const found = await subject.get(Math.floor(nodes / 2), 'large')
    if (found?.length !== bytes) throw new Error(`${subject.name} does not find a large value`)
  })
  return { put, get, again: await rate(() => subject.put(0, 'large', value)) }
}

async function call(
  subject: Subject,
  kind: 'put' | 'get',
  { node, key }: { readonly node: number; readonly key: string },
): Promise<void> {
  if (kind === 'put') await subject.put(node, key, VALUE)
  else if ((await subject.get(node, key)) === undefined) {
    throw new Error(`${subject.name} does not find ${key}`)
  }
}

/** Keys that no node finds any more. */
export async function lostKeys(
  subject: Subject,
  { from, keys }: { readonly from: number; readonly keys: number },
): Promise<number> {
  let lost = 0
  for (let i = 0; i < keys; i++) {
    if ((await subject.get(from, `key-${i}`)) === undefined) lost += 1
  }
  return lost
}
