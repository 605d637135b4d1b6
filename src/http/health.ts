import type * as z from 'zod'
import type { HearsayNode, NodeEvent } from '../index.ts'
import { json, type Route } from './call.ts'
import { answers, type Operation } from './operation.ts'
import { liveSchema, readySchema, startedSchema } from './schemas/node-answers.ts'
import type { ReadyAnswer, ReadyCheck } from './shapes.ts'

const STORE_FULL = 'the disk is full: writes are refused, reads go on'

/** What the probes of an orchestrator ask about: alive, started, ready, and why not. */
export class Health {
  #isClosing = false
  #hasStopped = false
  #fatal: string | undefined

  /** Not ready from now on: shutdown has begun. */
  beginShutdown(): void {
    this.#isClosing = true
  }

  observe(event: NodeEvent): void {
    if (event.type === 'fatal') this.#fatal = `${event.code}: ${event.reason}`
    if (event.type === 'stopped') this.#hasStopped = true
  }

  /** A lab started the node anew. */
  restarted(): void {
    this.#hasStopped = false
    this.#fatal = undefined
  }

  get isLive(): boolean {
    return this.#fatal === undefined
  }

  ready(node: HearsayNode | undefined): ReadyAnswer {
    const isRunning = node !== undefined && !this.#hasStopped
    const status = node?.status()
    const others = (status?.members.alive ?? 1) - 1
    const isFull = status?.store.full === true
    const checks: readonly ReadyCheck[] = [
      { name: 'node', ok: isRunning, reason: isRunning ? 'running' : 'stopped' },
      // A full disk refuses writes and serves reads: that is ready, and said.
      {
        name: 'store',
        ok: this.isLive,
        reason: this.#fatal ?? (isFull ? STORE_FULL : 'no failure'),
      },
      {
        name: 'shutdown',
        ok: !this.#isClosing,
        reason: this.#isClosing ? 'shutting down' : 'not shutting down',
      },
      // A node alone serves too: it may be the first one.
      { name: 'members', ok: true, reason: `${Math.max(0, others)} other members alive` },
    ]
    return { ready: checks.every((check) => check.ok), checks }
  }
}

/** `/livez`, `/readyz`, `/startupz`: no token, since they tell nothing secret. */
export function healthRoutes(
  health: Health,
  current: () => HearsayNode | undefined,
): readonly Route[] {
  return [
    probe(
      '/livez',
      {
        id: 'livez',
        summary: 'Whether the process should go on',
        answers: both(liveSchema, 'It lives, or has failed'),
      },
      () => json({ live: health.isLive }, health.isLive ? 200 : 503),
    ),
    probe(
      '/readyz',
      {
        id: 'readyz',
        summary: 'Whether requests should be sent here, and why not',
        answers: both(readySchema, 'The checks and their reasons'),
      },
      () => {
        const answer = health.ready(current())
        return json(answer, answer.ready ? 200 : 503)
      },
    ),
    // The API exists only once the node has started.
    probe(
      '/startupz',
      {
        id: 'startupz',
        summary: 'Whether the node has started',
        answers: { 200: answers(startedSchema, 'It has') },
      },
      () => json({ started: true }),
    ),
  ]
}

function probe(path: string, operation: Operation, handle: Route['handle']): Route {
  return { method: 'GET', path, isPublic: true, operation, handle }
}

function both(schema: z.ZodType, description: string): Operation['answers'] {
  return { 200: answers(schema, description), 503: answers(schema, description) }
}
