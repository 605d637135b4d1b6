import type { DhtKind, DhtReadOptions, PutOptions } from '../index.ts'
import { readBytes } from './body.ts'
import { type Call, deadlineOf, json, type Route, restOfPath } from './call.ts'
import { answerOf } from './dht-answer.ts'
import { requireValueType } from './guard.ts'
import { answers, readQuery } from './operation.ts'
import { notFound } from './problem.ts'
import { dhtAnswerSchema, putSchema } from './schemas/dht-schemas.ts'
import { anyText, duration, level, mark, presence } from './schemas/query-fields.ts'

const PREFIX = '/v1/dht/'
/** The largest value; above 64 KiB it is kept in chunks. */
const DHT_VALUE_BYTES_MAX: number = 64 * 1024 * 1024

const KIND = { own: mark, immutable: mark }
const WRITE = { ...KIND, level, ttl: duration, ifVersion: anyText }
const READ = { ...KIND, level, owner: anyText, raw: presence }
const WAIT = { timeoutMs: duration }

/** `PUT | GET | DELETE /v1/dht/{key}`. */
export function dhtRoutes(): readonly Route[] {
  return [
    route('PUT', put, {
      id: 'put',
      summary: 'Store a value, at most 64 MiB',
      query: { ...WRITE, ...WAIT },
      body: 'bytes',
      answers: { 200: answers(putSchema, 'How many replicas stored it, and which') },
    }),
    route('GET', read, {
      id: 'get',
      summary: 'Read a value, as JSON or with ?raw its bytes',
      query: { ...READ, ...WAIT },
      answers: {
        200: {
          description: 'The newest value that was found',
          schema: dhtAnswerSchema,
          media: ['application/octet-stream'],
        },
      },
    }),
    route('DELETE', remove, {
      id: 'delete',
      summary: 'Delete a value',
      query: { ...WRITE, ...WAIT },
      answers: { 200: answers(putSchema, 'How many replicas know, and which') },
    }),
  ]
}

function route(
  method: 'PUT' | 'GET' | 'DELETE',
  handle: Route['handle'],
  operation: Omit<Route['operation'], 'path'>,
): Route {
  const carriesValue = method === 'PUT'
  const documented = { ...operation, path: `${PREFIX}{key}` }
  return { method, path: `${PREFIX}*`, carriesValue, operation: documented, handle }
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
  const { level: wanted, ttl, ifVersion, ...kind } = readQuery(call.url, WRITE)
  return {
    signal: deadlineOf(call),
    ...kindOf(kind),
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...(wanted === undefined ? {} : { level: wanted }),
    ...(ttl === undefined ? {} : { ttlMs: ttl }),
  }
}

function readOptions(call: Call): DhtReadOptions {
  const { level: wanted, owner, ...kind } = readQuery(call.url, READ)
  return {
    signal: deadlineOf(call),
    ...kindOf(kind),
    ...(owner === undefined ? {} : { owner: peerIdOf(call, owner) }),
    ...(wanted === undefined ? {} : { level: wanted }),
  }
}

/** A member may be named by its name. */
function peerIdOf(call: Call, who: string): string {
  return call.node.members.list().find(({ name }) => name === who)?.peerId ?? who
}

function kindOf({ own, immutable }: Required<DhtKind>): DhtKind {
  return { ...(own ? { own } : {}), ...(immutable ? { immutable } : {}) }
}
