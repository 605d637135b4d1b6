import type { Connection, Stream } from '@libp2p/interface'
import {
  decodeKadMessage,
  type KadMessage,
  prefixed,
} from '../../../scripts/interop/kad-messages.ts'
import { concatBytes } from '../../../src/base/bytes.ts'

const PROTOCOL = '/hearsay/test/kad/1.0.0'
const WAIT_MS_MAX = 10_000

/** Sends one message on a stream of its own. @returns the answer's bytes, or undefined: there is none */
export async function ask(
  connection: Connection,
  message: Uint8Array,
): Promise<Uint8Array | undefined> {
  const stream = await connection.newStream(PROTOCOL)
  const answer = messages(stream)
  stream.send(prefixed(message))
  return await answer.first
}

/** As {@link ask}, read. @throws {Error} when there is none */
export async function askFor(connection: Connection, message: Uint8Array): Promise<KadMessage> {
  const answer = await ask(connection, message)
  if (answer === undefined) throw new Error('No answer')
  return decodeKadMessage(answer)
}

/** The messages of a stream, each behind its length. */
export function messages(
  stream: Stream,
  take: (message: Uint8Array) => void = () => {},
): { readonly first: Promise<Uint8Array | undefined> } {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>()
  const timer = setTimeout(() => reject(new Error('Neither answer nor end')), WAIT_MS_MAX)
  const settle = (message: Uint8Array | undefined): void => {
    clearTimeout(timer)
    resolve(message)
  }
  let rest: Uint8Array = new Uint8Array(0)
  stream.addEventListener('message', ({ data }) => {
    rest = concatBytes([rest, data.subarray()])
    for (let next = split(rest); next !== undefined; next = split(rest)) {
      rest = next.rest
      take(next.message)
      settle(next.message)
    }
  })
  for (const end of ['remoteCloseWrite', 'close'] as const) {
    stream.addEventListener(end, () => settle(undefined))
  }
  return { first: promise }
}

function split(
  bytes: Uint8Array,
): { readonly message: Uint8Array; readonly rest: Uint8Array } | undefined {
  let length = 0
  for (const [at, byte] of bytes.entries()) {
    length += (byte & 127) * 2 ** (7 * at)
    if (byte > 127) continue
    const end = at + 1 + length
    if (bytes.length < end) return undefined
    return { message: bytes.slice(at + 1, end), rest: bytes.slice(end) }
  }
  return undefined
}
