import type { NodeEvent } from '../index.ts'
import type { ResetEvent, StreamedEvent } from './shapes.ts'

/** A longer line than any event of a node: the other side is no node of ours. */
const LINE_LENGTH_MAX = 4 * 1024 * 1024

/** Incremental parser of server-sent events (HTML §9.2.6): text in, events out. */
export class EventSourceParser {
  #rest = ''
  #data: string[] = []
  /** The id read last; it counts only once its event is whole, or a cut connection would lose that event. */
  #idRead: string | undefined
  #lastEventId: string | undefined

  constructor(lastEventId: string | undefined) {
    this.#idRead = lastEventId
    this.#lastEventId = lastEventId
  }

  /** Where to resume. */
  get lastEventId(): string | undefined {
    return this.#lastEventId
  }

  /** @throws {RangeError} on an endless line @throws {SyntaxError} when data is no JSON */
  push(text: string): readonly StreamedEvent[] {
    const events: StreamedEvent[] = []
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > LINE_LENGTH_MAX)
      throw new RangeError('Cannot read events: endless line')
    for (const line of lines) {
      const event = this.#line(line.endsWith('\r') ? line.slice(0, -1) : line)
      if (event !== undefined) events.push(event)
    }
    return events
  }

  #line(line: string): StreamedEvent | undefined {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') this.#data.push(value)
    if (field === 'id') this.#idRead = value
    return undefined
  }

  #dispatch(): StreamedEvent | undefined {
    this.#lastEventId = this.#idRead
    if (this.#data.length === 0) return undefined
    const event = JSON.parse(this.#data.join('\n')) as NodeEvent | ResetEvent
    this.#data = []
    return { id: this.#lastEventId ?? '', event: withBigints(event) }
  }
}

/** JSON has no bigints: sums beyond 2^53 − 1 come as digits. */
function withBigints(event: NodeEvent | ResetEvent): NodeEvent | ResetEvent {
  if (event.type !== 'object-changed' || event.diff?.type !== 'counter') return event
  const { value, delta } = event.diff
  return { ...event, diff: { type: 'counter', value: sumOf(value), delta: sumOf(delta) } }
}

function sumOf(value: unknown): number | bigint {
  if (typeof value === 'number') return value
  if (typeof value === 'string' && /^-?\d{1,100}$/.test(value)) return BigInt(value)
  throw new SyntaxError('Cannot read events: a sum is no number')
}
