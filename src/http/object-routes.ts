import type { GroupHandle, ObjectInfo, ObjectType } from '../index.ts'
import { parseJson, readJsonObject } from './body.ts'
import { type Call, deadlineOf, groupQuery, json, type Route, restOfPath } from './call.ts'
import { requireJson } from './guard.ts'
import { applyOperation, mapPath, parseObjectOperation } from './object-operation.ts'
import { invalid, notFound, RequestFault } from './problem.ts'
import type {
  CounterAnswer,
  MapAnswer,
  NamedOperation,
  ObjectAnswer,
  ObjectChanged,
  ObjectsAnswer,
  RegisterAnswer,
  SetAnswer,
  SetHasAnswer,
} from './shapes.ts'
import { encoded, streamOf } from './streamed.ts'

const PREFIX = '/v1/objects/'

/** `GET /v1/objects` and `GET | POST /v1/objects/{name}`. */
export function objectRoutes(): readonly Route[] {
  return [
    { method: 'GET', path: '/v1/objects', handle: list },
    { method: 'GET', path: `${PREFIX}*`, handle: read },
    { method: 'POST', path: `${PREFIX}*`, carriesValue: true, handle: change },
  ]
}

function list(call: Call): Response {
  const { node } = call
  const isOne = call.url.searchParams.has('group')
  const groups = isOne ? [groupQuery(call)] : node.groups().map((name) => node.group(name))
  const match = call.url.searchParams.get('match') ?? ''
  const all = groups.flatMap((group) => group.objects())
  const found = match === '' ? all : all.filter(({ name }) => name.includes(match))
  const limit = limitQuery(call.url) ?? found.length
  const total = found.length > limit ? { total: found.length } : {}
  const answer: ObjectsAnswer = { objects: found.slice(0, limit).map(infoOf), ...total }
  return json(answer)
}

/** How many entries of a list are wanted. @throws {RequestFault} 400 */
function limitQuery(url: URL): number | undefined {
  const text = url.searchParams.get('limit')
  if (text === null) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw invalid(`Cannot use limit: expected a number: ${text.slice(0, 100)}`)
}

function infoOf({ name, type, group }: ObjectInfo): ObjectInfo {
  return { name, type, group }
}

/** Values of a set in one piece of an answer. */
const PIECE_VALUES = 4_096

async function read(call: Call): Promise<Response> {
  const name = restOfPath(call.url, PREFIX)
  const group = groupQuery(call)
  const type = typeQuery(call.url) ?? onlyTypeOf(group, name)
  const value = call.url.searchParams.get('has')
  if (value === null) {
    if (type === 'set') return setAnswer(name, await group.set(name).list(), limitQuery(call.url))
    return json(readObject(group, { name, type }, call.url))
  }
  if (type !== 'set') throw invalid(`Cannot use has: expected a set: ${name} is a ${type}`)
  const answer: SetHasAnswer = { name, type, has: group.set(name).has(value) }
  return json(answer)
}

function readObject(
  group: GroupHandle,
  object: { readonly name: string; readonly type: Exclude<ObjectType, 'set'> },
  url: URL,
): ObjectAnswer {
  const { name, type } = object
  switch (type) {
    case 'counter':
      return counterAnswer(group, name)
    case 'register':
      return registerAnswer(group, name)
    case 'map':
      return mapAnswer(group, name, pathQuery(url))
  }
}

/** In pieces: nobody is held up by a set of very many values. */
function setAnswer(name: string, all: readonly string[], limit = all.length): Response {
  const values = limit < all.length ? all.slice(0, limit) : all
  if (values.length <= PIECE_VALUES) {
    const size = all.length
    const answer: SetAnswer = { name, type: 'set', values, ...(limit < size ? { size } : {}) }
    return json(answer)
  }
  return new Response(streamOf(encoded(setText(name, values))), {
    headers: { 'content-type': 'application/json' },
  })
}

async function* setText(
  name: string,
  values: readonly string[],
): AsyncGenerator<string, void, void> {
  const head: SetAnswer = { name, type: 'set', values: [] }
  yield JSON.stringify(head).slice(0, -2)
  for (let from = 0; from < values.length; from += PIECE_VALUES) {
    const piece = JSON.stringify(values.slice(from, from + PIECE_VALUES)).slice(1, -1)
    yield from === 0 ? piece : `,${piece}`
    // Each in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve))
  }
  yield ']}'
}

function typeQuery(url: URL): ObjectType | undefined {
  const text = url.searchParams.get('type')
  if (text === null) return undefined
  if (text === 'counter' || text === 'set' || text === 'register' || text === 'map') return text
  const shown = text.slice(0, 100)
  throw invalid(`Cannot use type: expected counter, set, register or map: ${shown}`)
}

/** The type of the one object of that name. */
function onlyTypeOf(group: GroupHandle, name: string): ObjectType {
  const found = group.objects().filter((object) => object.name === name)
  const [first, second] = found
  if (first === undefined) throw missing(name)
  if (second === undefined) return first.type
  const types = found.map((object) => object.type).join(', ')
  throw new RequestFault(409, 'ERR_TYPE_CONFLICT', `Cannot choose an object: ${name} is ${types}`, {
    hint: 'Add ?type= to choose',
  })
}

function missing(name: string): RequestFault {
  return notFound(
    `Cannot find an object of this name: ${name.slice(0, 200)}`,
    'GET /v1/objects lists what exists in all groups; ?group= chooses the group',
  )
}

/** A path as `["a","b"]`, for keys with dots, or `a.b`. */
function pathQuery(url: URL): readonly string[] | undefined {
  const text = url.searchParams.get('path')
  if (text === null || text === '') return undefined
  if (text.startsWith('[')) return mapPath(parseJson(new TextEncoder().encode(text)))
  return mapPath(text.split('.'))
}

function counterAnswer(group: GroupHandle, name: string): CounterAnswer {
  const { value } = group.counter(name)
  return { name, type: 'counter', value: typeof value === 'bigint' ? value.toString() : value }
}

function registerAnswer(group: GroupHandle, name: string): RegisterAnswer {
  const { value, siblings } = group.register(name)
  if (value === undefined) throw missing(name)
  return { name, type: 'register', value, siblings }
}

function mapAnswer(
  group: GroupHandle,
  name: string,
  path: readonly string[] | undefined,
): MapAnswer {
  const map = group.map(name)
  if (path === undefined) return { name, type: 'map', value: map.value }
  const value = map.at(path)
  if (value === undefined) throw notFound(`Cannot find a value at the path: ${path.join('.')}`)
  return { name, type: 'map', path, value }
}

async function change(call: Call): Promise<Response> {
  requireJson(call.request)
  const name = restOfPath(call.url, PREFIX)
  const operation = { name, ...parseObjectOperation(await readJsonObject(call.request)) }
  const group = groupQuery(call)
  const { results } = await group.transact(
    (transaction) => applyOperation(transaction, operation),
    { signal: deadlineOf(call) },
  )
  return json(changedAnswer(group, operation, results[0]?.changed ?? 0))
}

function changedAnswer(
  group: GroupHandle,
  { name, ...operation }: NamedOperation,
  changed: number,
): ObjectChanged {
  switch (operation.type) {
    case 'counter':
      return counterAnswer(group, name)
    case 'set':
      return { name, type: 'set', size: group.set(name).size, changed }
    case 'register':
      return registerAnswer(group, name)
    case 'map': {
      const answer = mapAnswer(group, name, undefined)
      const isCounted = operation.op !== 'set' && operation.op !== 'increment'
      return isCounted ? { ...answer, changed } : answer
    }
  }
}
