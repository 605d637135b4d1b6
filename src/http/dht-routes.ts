import type { DhtValue, PutOptions, WriteLevel } from '../index.ts'
import { readBytes } from './body.ts'
import {
  type Call,
  deadlineOf,
  durationQuery,
  json,
  type Route,
  refuseUnsupported,
  restOfPath,
} from './call.ts'
import { requireValueType } from './guard.ts'
import { invalid, notFound } from './problem.ts'
import type { DhtAnswer } from './shapes.ts'

const PREFIX = '/v1/dht/'
/** dht.md: the largest value kept inline. */
export const DHT_VALUE_BYTES_MAX: number = 64 * 1024

/** `PUT | GET | DELETE /v1/dht/{key}`. */
export function dhtRoutes(): readonly Route[] {
  const path = `${PREFIX}*`
  return [
    { method: 'PUT', path, carriesValue: true, handle: put },
    { method: 'GET', path, handle: read },
    { method: 'DELETE', path, handle: remove },
  ]
}

async function put(call: Call): Promise<Response> {
  requireValueType(call.request)
  const key = restOfPath(call.url, PREFIX)
  refuseUnsupported(call.url, ['ifVersion', 'own', 'immutable'])
  const options = putOptions(call)
  const value = await readBytes(call.request, DHT_VALUE_BYTES_MAX)
  return json(await call.node.dht.put(key, value, options))
}

async function read(call: Call): Promise<Response> {
  const key = restOfPath(call.url, PREFIX)
  const found = await call.node.dht.get(key, { signal: deadlineOf(call) })
  if (found === undefined) {
    throw notFound(`Cannot find a value under the key: ${key.slice(0, 200)}`)
  }
  if (!call.url.searchParams.has('raw')) return json(answerOf(found))
  return new Response(new Uint8Array(found.bytes), {
    headers: {
      // A stored page must never run under this origin.
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'hearsay-version': found.version,
    },
  })
}

async function remove(call: Call): Promise<Response> {
  const key = restOfPath(call.url, PREFIX)
  refuseUnsupported(call.url, ['ifVersion', 'own'])
  return json(await call.node.dht.delete(key, putOptions(call)))
}

function putOptions(call: Call): PutOptions {
  const level = levelOf(call.url.searchParams.get('level'))
  const ttlMs = durationQuery(call.url, 'ttl')
  return {
    signal: deadlineOf(call),
    ...(level === undefined ? {} : { level }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  }
}

function levelOf(text: string | null): WriteLevel | undefined {
  if (text === null) return undefined
  if (text === 'one' || text === 'quorum' || text === 'all') return text
  throw invalid(`Cannot use level: expected one, quorum or all: ${text.slice(0, 100)}`)
}

function answerOf(found: DhtValue): DhtAnswer {
  const { key, version, author, from, elapsedMs, bytes } = found
  return { key, ...encode(bytes), version, author, from, elapsedMs }
}

function encode(bytes: Uint8Array): { value: string; encoding: 'utf8' | 'base64' } {
  try {
    const value = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return { value, encoding: 'utf8' }
  } catch {
    return { value: Buffer.from(bytes).toString('base64'), encoding: 'base64' }
  }
}
