import type { Protocol } from '../../base/core.ts'
import { FRAME_HEADER_BYTES } from './frame-reader.ts'

type Name = Protocol | 'hello'

const zero = (): Record<Name, number> => ({ hello: 0, member: 0, sync: 0, kv: 0 })

/** Bytes of frames, headers included, by protocol since the host was created. */
export class TrafficCounter {
  readonly #sent = zero()
  readonly #received = zero()

  /** @param bodyBytes of one frame, without its header */
  sent(name: Name, bodyBytes: number): void {
    this.#sent[name] += bodyBytes + FRAME_HEADER_BYTES
  }

  /** Bytes that already count the header. */
  sentRaw(name: Name, bytes: number): void {
    this.#sent[name] += bytes
  }

  received(name: Name, bodyBytes: number): void {
    this.#received[name] += bodyBytes + FRAME_HEADER_BYTES
  }

  snapshot(): { sent: Record<string, number>; received: Record<string, number> } {
    return { sent: { ...this.#sent }, received: { ...this.#received } }
  }
}
