import { fromUtf8 } from '../base/bytes.ts'
import type { PeerId } from '../base/ids.ts'
import type { Driver } from '../engine/driver.ts'
import type { EngineEvent } from '../engine/engine-types.ts'
import type { QueryHandler } from './cast-types.ts'
import { payloadBytes } from './casts.ts'
import type { Waiting } from './state-types.ts'

type Asked = EngineEvent & { readonly type: 'question' }
type Said = {
  readonly status: 'ok' | 'unknown' | 'failed'
  readonly payload: Uint8Array
}

/** Handlers at work; a question beyond them fails at once. */
const WORKING_MAX = 256
const NOTHING = new Uint8Array(0)

/** Who answers which question. `ping` and `version` answer by themselves until somebody else does. */
export class Questions {
  readonly #handlers: Map<string, QueryHandler> = new Map()
  readonly #builtIn: ReadonlyMap<string, QueryHandler>
  #working = 0

  constructor(version: string) {
    this.#builtIn = new Map<string, QueryHandler>([
      ['ping', () => 'pong'],
      ['version', () => version],
    ])
  }

  /** @throws {TypeError} when the question has a handler */
  on(name: string, handler: QueryHandler, { signal }: Waiting): () => void {
    if (this.#handlers.has(name)) {
      throw new TypeError(`Cannot answer "${name}": it has a handler already`)
    }
    if (signal?.aborted === true) return () => {}
    this.#handlers.set(name, handler)
    const stop = (): void => {
      if (this.#handlers.get(name) === handler) this.#handlers.delete(name)
      signal?.removeEventListener('abort', stop)
    }
    signal?.addEventListener('abort', stop)
    return stop
  }

  /** Lets the handler answer; never throws. */
  ask(driver: Driver, asked: Asked, nameOf: (peer: PeerId) => string): void {
    const { id } = asked
    void this.#said(asked, nameOf).then((said) => {
      driver.request({ type: 'answer', id, ...said }, () => {})
    })
  }

  async #said(asked: Asked, nameOf: (peer: PeerId) => string): Promise<Said> {
    const { id, name, peer: peerId, payload, withinMs } = asked
    const handler = this.#handlers.get(name) ?? this.#builtIn.get(name)
    if (handler === undefined) return { status: 'unknown', payload: NOTHING }
    if (this.#working >= WORKING_MAX) return { status: 'failed', payload: NOTHING }
    this.#working += 1
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new Error('Too late: nobody waits')), withinMs)
    const question = { id, name, from: nameOf(peerId), peerId, payload }
    try {
      const answer = await Promise.race([
        handler({ ...question, text: () => fromUtf8(payload) }, { signal: late.signal }),
        aborted(late.signal),
      ])
      return { status: 'ok', payload: payloadBytes(answer ?? NOTHING) }
    } catch {
      // The asker is told that it failed; why is the embedder's own to log.
      return { status: 'failed', payload: NOTHING }
    } finally {
      clearTimeout(timer)
      this.#working -= 1
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
