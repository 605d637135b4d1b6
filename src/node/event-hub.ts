import { Outbox } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import type { NodeEvent, SubscribeOptions } from './node-types.ts'

/** Events an iterator may lag behind before it ends with an error. */
const ITERATOR_LAG_MAX = 65_536

/** Fans events out to listeners. A listener that throws is removed: one bad observer harms no other. */
export class EventHub {
  readonly #listeners: Set<(event: NodeEvent) => void> = new Set()
  readonly #onListenerError: (error: unknown) => void

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError
  }

  emit(event: NodeEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event)
      } catch (error) {
        this.#listeners.delete(listener)
        this.#onListenerError(error)
      }
    }
  }

  /** @returns the way to unsubscribe */
  subscribe(listener: (event: NodeEvent) => void, options: SubscribeOptions = {}): () => void {
    const { signal } = options
    if (signal?.aborted === true) return () => {}
    const own = (event: NodeEvent): void => listener(event)
    const stop = (): void => {
      this.#listeners.delete(own)
      signal?.removeEventListener('abort', stop)
    }
    this.#listeners.add(own)
    signal?.addEventListener('abort', stop)
    return stop
  }

  /**
   * Events from now on; ends after `stopped` and when the signal aborts.
   * @throws {HearsayError} ERR_OVERLOADED when the consumer lags 65,536 events behind
   */
  events(options: SubscribeOptions = {}): AsyncIterable<NodeEvent> {
    return { [Symbol.asyncIterator]: () => new EventIterator(this, options) }
  }
}

class EventIterator implements AsyncIterator<NodeEvent> {
  #queue: Outbox<NodeEvent> = new Outbox()
  readonly #unsubscribe: () => void
  #wake: (() => void) | undefined
  #isDone = false
  #failure: HearsayError | undefined

  constructor(hub: EventHub, options: SubscribeOptions) {
    this.#unsubscribe = hub.subscribe((event) => this.#take(event), options)
    const { signal } = options
    if (signal?.aborted === true) this.#end()
    signal?.addEventListener('abort', () => this.#end(), { once: true })
  }

  async next(): Promise<IteratorResult<NodeEvent>> {
    for (;;) {
      const event = this.#queue.shift()
      if (event !== undefined) return { value: event, done: false }
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isDone) return { value: undefined, done: true }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
  }

  async return(): Promise<IteratorResult<NodeEvent>> {
    this.#queue = new Outbox()
    this.#end()
    return { value: undefined, done: true }
  }

  #take(event: NodeEvent): void {
    if (this.#queue.length >= ITERATOR_LAG_MAX) {
      this.#failure = new HearsayError('ERR_OVERLOADED', 'Cannot follow events: reader too slow')
      this.#end()
      return
    }
    this.#queue.push(event)
    if (event.type === 'stopped') this.#end()
    this.#wake?.()
  }

  #end(): void {
    this.#isDone = true
    this.#unsubscribe()
    this.#wake?.()
  }
}
