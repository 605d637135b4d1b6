import { equalBytes, fromUtf8, utf8 } from '../base/bytes.ts'
import type { PeerId } from '../base/ids.ts'
import type { Driver } from '../engine/driver.ts'
import type { BroadcastInfo, EncodedPayload, QueryInfo, QueryOptions } from './cast-types.ts'
import { request } from './requests.ts'
import type { Waiting } from './state-types.ts'
import { isLive } from './status.ts'

/** How long answers are collected when nobody says. */
const WITHIN_MS_DEFAULT = 2_000

/** Bytes as they stand in events and answers. */
export function encodePayload(bytes: Uint8Array): EncodedPayload {
  const text = fromUtf8(bytes)
  if (equalBytes(utf8(text), bytes)) return { payload: text, encoding: 'utf8' }
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return { payload: btoa(binary), encoding: 'base64' }
}

export function payloadBytes(payload: string | Uint8Array): Uint8Array {
  return typeof payload === 'string' ? utf8(payload) : payload
}

export async function broadcast(
  driver: Driver,
  content: { readonly name: string; readonly payload: string | Uint8Array },
  { signal }: Waiting,
): Promise<BroadcastInfo> {
  const { name } = content
  const payload = payloadBytes(content.payload)
  const command = { type: 'broadcast', name, payload } as const
  const { id } = await request(driver, command, { expected: 'broadcast', signal })
  const members = driver.engine.membership.members().filter(isLive).length
  return { id, name, bytes: payload.length, members }
}

export async function query(
  driver: Driver,
  content: { readonly name: string; readonly payload: string | Uint8Array },
  options: QueryOptions & { readonly nameOf: (peer: PeerId) => string },
): Promise<QueryInfo> {
  const { name } = content
  const { withinMs = WITHIN_MS_DEFAULT, relayFactor = 1, signal, nameOf } = options
  const payload = payloadBytes(content.payload)
  const command = { type: 'query', name, payload, withinMs, relayFactor } as const
  const { id, answers, silent, elapsedMs } = await request(driver, command, {
    expected: 'query',
    signal,
  })
  const withStatus = (wanted: string): string[] =>
    answers.filter(({ status }) => status === wanted).map(({ peer }) => nameOf(peer))
  return {
    id,
    name,
    answers: answers
      .filter(({ status }) => status === 'ok')
      .map((answer) => ({
        from: nameOf(answer.peer),
        peerId: answer.peer,
        ...encodePayload(answer.payload),
        elapsedMs: rounded(answer.elapsedMs),
      })),
    silent: silent.map(nameOf),
    unhandled: withStatus('unknown'),
    failed: withStatus('failed'),
    elapsedMs: rounded(elapsedMs),
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
