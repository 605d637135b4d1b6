import type { LinkEnd } from '../../engine/ports.ts'

/** A hello that ended without admission. */
export class NotAdmittedError extends Error {
  override readonly name = 'NotAdmittedError'
  readonly end: LinkEnd

  constructor(end: LinkEnd, reason: string) {
    super(reason)
    this.end = end
  }
}

/** How a failed dial ended, and what to tell people. */
export interface DialEnd {
  readonly end: LinkEnd
  readonly reason: string
}

/** Best evidence first: what proves most about the peer wins when several addresses failed. */
const STRENGTH: readonly LinkEnd[] = ['rejected', 'refused', 'timeout', 'reset', 'closed']
const DEPTH_MAX = 4

/** Reads libp2p's, Node.js' and our own errors. */
export function dialEnd(error: unknown, depth: number = 0): DialEnd {
  if (error instanceof NotAdmittedError) return { end: error.end, reason: error.message }
  if (error instanceof AggregateError && error.errors.length > 0 && depth < DEPTH_MAX) {
    return strongest(error.errors.map((each) => dialEnd(each, depth + 1)))
  }
  const { name, code, message } = facts(error)
  if (isSelfDial(name, message)) return { end: 'closed', reason: 'self' }
  if (/ECONNREFUSED/.test(code + message)) {
    return { end: 'refused', reason: 'connection refused' }
  }
  // libp2p keeps nothing but the message of what fails during the handshake.
  if (
    name === 'TimeoutError' ||
    name === 'AbortError' ||
    /ETIMEDOUT|timeout/.test(code + message)
  ) {
    return { end: 'timeout', reason: 'no answer in time' }
  }
  if (name === 'NoValidAddressesError') return { end: 'timeout', reason: 'no address known' }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { end: 'timeout', reason: 'the name does not resolve' }
  }
  if (name === 'UnsupportedProtocolError') {
    return { end: 'rejected', reason: 'another network, or no hearsay peer' }
  }
  if (/ECONNRESET|EPIPE/.test(code + message) || /reset/i.test(name)) {
    return { end: 'reset', reason: 'connection reset' }
  }
  if (/Missing newline|Unexpected EOF|Malformed negotiation/.test(message)) {
    return { end: 'closed', reason: 'no hearsay peer answers there' }
  }
  return { end: 'closed', reason: message === '' ? name : message }
}

function isSelfDial(name: string, message: string): boolean {
  return name === 'InvalidPeerIdError' || /dial self/i.test(message)
}

function strongest(ends: readonly DialEnd[]): DialEnd {
  let best = ends[0]
  for (const each of ends) {
    if (best === undefined || STRENGTH.indexOf(each.end) < STRENGTH.indexOf(best.end)) best = each
  }
  return best ?? { end: 'closed', reason: 'no address worked' }
}

function facts(error: unknown): { name: string; code: string; message: string } {
  if (!(error instanceof Error)) return { name: 'Error', code: '', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return { name: error.name, code, message: error.message.split('\n')[0] ?? '' }
}
