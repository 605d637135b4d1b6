import type { Attributes, Tracer } from '@opentelemetry/api'
import type { PeerId } from '../base/ids.ts'
import { asksForState } from '../engine/full-store.ts'
import type { LinkPort } from '../engine/ports.ts'

/**
 * Where @opentelemetry/api keeps what an SDK has registered: one place for all copies of its major version. Without
 * an SDK the package is not even loaded, which would make every start longer.
 */
const REGISTERED = Symbol.for('opentelemetry.js.api.1')
/** As the SDK's enumerations have it. */
const STATUS_ERROR = 2
/** Pulls under way whose beginning is remembered; one a member. */
const PULLS_MAX = 16_384

/** Spans of OpenTelemetry for what takes a node time. */
export interface Tracing {
  /** A span around some work, below the active one of the caller. @param told what the result says of it */
  around<T>(
    name: string,
    work: () => Promise<T>,
    options: { readonly asked: Attributes; readonly told: (result: T) => Attributes },
  ): Promise<T>
  /** The same links, which notice when state is asked for. */
  watched(links: LinkPort): LinkPort
  /** What was asked for has come: a span from then to now. */
  synced(peer: PeerId, got: { readonly bytes: number; readonly events: number }): void
  /** Nothing more comes of what was asked for. */
  unlinked(peer: PeerId): void
}

/**
 * Undefined where no SDK was registered before.
 * @param version of this package
 */
export async function createTracing(version: string): Promise<Tracing | undefined> {
  if (Reflect.get(globalThis, REGISTERED) === undefined) return undefined
  const { trace } = await import('@opentelemetry/api')
  return tracingBy(trace.getTracer('hearsay', version))
}

function tracingBy(tracer: Tracer): Tracing {
  const pulls = new Map<PeerId, number>()
  return {
    around: async (name, work, { asked, told }) => {
      const span = tracer.startSpan(name, { attributes: asked })
      try {
        const result = await work()
        span.setAttributes(told(result))
        return result
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error))
        span.recordException(failure)
        span.setStatus({ code: STATUS_ERROR, message: failure.message })
        throw error
      } finally {
        span.end()
      }
    },
    watched: (links) => ({
      listen: (listener) => links.listen(listener),
      dial: (peer, addresses) => links.dial(peer, addresses),
      join: (address) => links.join(address),
      protect: (peer, isProtected) => links.protect(peer, isProtected),
      close: (peer) => links.close(peer),
      send: (frame) => {
        const { peer, protocol, bytes } = frame
        if (!pulls.has(peer) && pulls.size < PULLS_MAX && asksForState(protocol, bytes)) {
          pulls.set(peer, Date.now())
        }
        return links.send(frame)
      },
    }),
    synced: (peer, { bytes, events }) => {
      const startTime = pulls.get(peer)
      pulls.delete(peer)
      if (startTime === undefined) return
      const attributes = { 'hearsay.peer': peer, 'hearsay.bytes': bytes, 'hearsay.events': events }
      tracer.startSpan('hearsay.sync', { startTime, attributes }).end()
    },
    unlinked: (peer) => void pulls.delete(peer),
  }
}
