// Measures one library in a process of its own, so that no heap or compiled code of another disturbs it.
// Started by compare.ts: node --expose-gc bench/state/worker.ts LIBRARY; cases come as messages.

import { messagesOf, type Outcome, type Round, type Scale, threadMs } from './case.ts'
import { CASES } from './cases.ts'
import { half, keys, sequentialKey, spotCheck } from './keys.ts'
import { loadLibrary } from './libraries.ts'
import type { Document } from './library.ts'

/** What the parent asks for: to prepare a case, then its rounds. */
export interface WorkerRequest {
  readonly type: 'prepare' | 'round'
  readonly name: string
  readonly scale: Scale
}

/** What it gets: an outcome, a gap, or an error. */
export type WorkerReply =
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'ready' | 'lacking' }
  | { readonly type: 'failed'; readonly reason: string }

const WARM_UP_MS: Readonly<Record<Scale, number>> = { full: 2_000, quick: 500 }

/** Enough for an index of several parts. */
const RESIDENT_KEYS = 200

const library = await loadLibrary(process.argv[2] ?? '')
/** What the rounds of the case under way share; let go when another case begins. */
let current:
  | { readonly name: string; readonly round: Round | undefined; readonly warmsUp: boolean }
  | undefined

/**
 * Documents that stay, as a process of any user has some. Where none is left when garbage is collected, the
 * engine forgets what its parts look like, and with that the code it has compiled: rounds on documents of
 * their own would measure compilers.
 */
const residents: Document[] = []

async function measure({ type, name, scale }: WorkerRequest): Promise<WorkerReply> {
  try {
    if (current?.name !== name) {
      current = undefined
      globalThis.gc?.()
      const found = CASES.find((known) => known.name === name)
      if (found === undefined) throw new Error(`unknown case ${name}`)
      current = { name, round: found.prepare(library, scale), warmsUp: found.warmsUp === true }
    }
    if (current.round === undefined) return { type: 'lacking' }
    if (type === 'prepare') {
      if (current.warmsUp) await warmUp(current.round, WARM_UP_MS[scale])
      return { type: 'ready' }
    }
    return { type: 'outcome', outcome: await current.round() }
  } catch (error) {
    return { type: 'failed', reason: error instanceof Error ? (error.stack ?? '') : String(error) }
  }
}

async function warmUp(round: Round, ms: number): Promise<void> {
  const start = threadMs()
  let stays = false
  do {
    await round()
    if (!stays && threadMs() - start >= ms / 2) {
      residents.push(resident())
      stays = true
    }
  } while (threadMs() - start < ms)
}

/** A document in which everything happens that rounds measure. */
function resident(): Document {
  const added = keys(RESIDENT_KEYS, sequentialKey)
  const document = library.create(3)
  const other = library.create(4)
  const messages = messagesOf(other, () => {
    for (const key of half(added)) other.add(key)
    for (const key of half(half(added))) other.remove(key)
  })
  for (const message of messages) document.apply(message)
  for (const key of added) document.add(key)
  for (const key of half(added)) document.remove(key)
  document.change(half(added), half(half(added)))
  for (const times of [1, 2]) document.counter?.increment(times)
  spotCheck(document, added)
  document.settle?.()
  return document
}

process.on('message', (request: WorkerRequest) => {
  void measure(request).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit(0))
