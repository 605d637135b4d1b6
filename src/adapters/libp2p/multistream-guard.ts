import type { MultiaddrConnection, StreamMessageEvent } from '@libp2p/interface'
import { messageChunks } from './message-bytes.ts'

/** Lines before encryption: a header and one protocol, with room for a few proposals. */
const LINES_MAX = 8
/** Longest line accepted; `/multistream/1.0.0` and `/noise` are all that is needed. */
const LINE_BYTES_MAX = 64
const NEWLINE = 0x0a
const SLASH = 0x2f
const ENCRYPTION = '/noise\n'
const WORDS = ['ls\n', 'na\n']

/**
 * Follows the negotiation lines (a varint length, then text up to a newline) that precede
 * encryption. Pure: bytes in, a verdict out.
 */
export class MultistreamFollower {
  #expected: number | undefined
  #line = ''
  #lines = 0

  /** @returns `done` when the rest is encrypted, `bad` on anything that is no negotiation */
  push(chunk: Uint8Array): 'more' | 'done' | 'bad' {
    for (const byte of chunk) {
      if (this.#expected === undefined) {
        // One byte of length is enough for every line that is accepted.
        if (byte < 2 || byte > LINE_BYTES_MAX || this.#lines === LINES_MAX) return 'bad'
        this.#expected = byte
        this.#lines += 1
        continue
      }
      this.#line += String.fromCharCode(byte)
      if (this.#line.length < this.#expected) {
        if (byte === NEWLINE) return 'bad'
        continue
      }
      const line = this.#line
      this.#expected = undefined
      this.#line = ''
      if (byte !== NEWLINE) return 'bad'
      if (line.charCodeAt(0) !== SLASH && !WORDS.includes(line)) return 'bad'
      if (line === ENCRYPTION) return 'done'
    }
    return 'more'
  }
}

/** Watches a raw connection until it is encrypted, and cuts it at the first line that is none. */
export function guardNegotiation(connection: MultiaddrConnection, offended: () => void): void {
  const follower = new MultistreamFollower()
  const follow = (event: StreamMessageEvent): void => {
    for (const chunk of messageChunks(event)) {
      const verdict = follower.push(chunk)
      if (verdict === 'more') continue
      connection.removeEventListener('message', follow)
      if (verdict === 'bad') {
        event.stopImmediatePropagation()
        connection.abort(new Error('Malformed negotiation'))
        offended()
      }
      return
    }
  }
  connection.addEventListener('message', follow)
}
