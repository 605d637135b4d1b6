import { EXIT } from './errors.ts'
import type { Io } from './io.ts'

/** Why a long-running verb should end: nothing (asked to), or a failure. */
export type StopReason = Error | undefined

/**
 * Collects what ends a long-running verb: a signal, a closed stdout, a failure, a request over the
 * API. A second signal does not wait for the graceful way.
 */
export class StopRequest {
  /** Resolves at the first request. */
  readonly requested: Promise<StopReason>
  /** Resolves with an exit code at the second signal. */
  readonly forced: Promise<number>
  readonly #resolveRequested: (reason: StopReason) => void
  readonly #resolveForced: (code: number) => void
  readonly #io: Io
  readonly #forget: () => void
  #signals = 0

  constructor(io: Io) {
    const requested = Promise.withResolvers<StopReason>()
    const forced = Promise.withResolvers<number>()
    this.requested = requested.promise
    this.forced = forced.promise
    this.#resolveRequested = requested.resolve
    this.#resolveForced = forced.resolve
    this.#io = io
    this.#forget = io.onStop(this.#onSignal)
    io.closed.addEventListener('abort', this.#onClosed)
    if (io.closed.aborted) this.#onClosed()
  }

  request(reason: StopReason): void {
    this.#resolveRequested(reason)
  }

  dispose(): void {
    this.#forget()
    this.#io.closed.removeEventListener('abort', this.#onClosed)
  }

  readonly #onSignal = (): void => {
    this.#signals += 1
    if (this.#signals === 1) this.#resolveRequested(undefined)
    else this.#resolveForced(EXIT.failure)
  }

  readonly #onClosed = (): void => this.#resolveRequested(undefined)
}
