import type { DhtKind, DhtReadOptions, DhtValue, PutOptions, WriteLevel } from '../index.ts'
import { readBytes } from './body.ts'
import { type Call, deadlineOf, durationQuery, json, type Route, restOfPath } from './call.ts'
import { requireValueType } from './guard.ts'
import { invalid, notFound } from './problem.ts'
import type { DhtAnswer } from './shapes.ts'

const PREFIX = '/v1/dht/'
/** The largest value; above 64 KiB it is kept in chunks. */
const DHT_VALUE_BYTES_MAX: number = 64 * 1024 * 1024

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
  const options = putOptions(call)
  const value = await readBytes(call.request, DHT_VALUE_BYTES_MAX)
  return json(await call.node.dht.put(key, value, options))
}

async function read(call: Call): Promise<Response> {
  const key = restOfPath(call.url, PREFIX)
  const found = await call.node.dht.get(key, readOptions(call))
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
  return json(await call.node.dht.delete(key, putOptions(call)))
}

function putOptions(call: Call): PutOptions {
  const level = levelOf(call.url.searchParams.get('level'))
  const ttlMs = durationQuery(call.url, 'ttl')
  const ifVersion = call.url.searchParams.get('ifVersion')
  return {
    signal: deadlineOf(call),
    ...kindOf(call.url),
    ...(ifVersion === null ? {} : { ifVersion }),
    ...(level === undefined ? {} : { level }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  }
}

function readOptions(call: Call): DhtReadOptions {
  const level = levelOf(call.url.searchParams.get('level'))
  const owner = call.url.searchParams.get('owner')
  return {
    signal: deadlineOf(call),
    ...kindOf(call.url),
    ...(owner === null ? {} : { owner: peerIdOf(call, owner) }),
    ...(level === undefined ? {} : { level }),
  }
}

/** A member may be named by its name. */
function peerIdOf(call: Call, who: string): string {
  return call.node.members.list().find(({ name }) => name === who)?.peerId ?? who
}

function kindOf(url: URL): DhtKind {
  return {
    ...(isSet(url, 'own') ? { own: true } : {}),
    ...(isSet(url, 'immutable') ? { immutable: true } : {}),
  }
}

/** `?own`, `?own=true`; `?own=false` is as if it were not there. */
function isSet(url: URL, name: string): boolean {
  const text = url.searchParams.get(name)
  if (text === null || text === 'false') return false
  if (text === '' || text === 'true') return true
  throw invalid(`Cannot use ${name}: expected true or false: ${text.slice(0, 100)}`)
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
