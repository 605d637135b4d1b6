import type { GroupHandle, ObjectInfo, ObjectType } from '../index.ts'
import { parseJson } from './body.ts'
import { type Call, deadlineOf, groupQuery, json, type Route, restOfPath } from './call.ts'
import { checked } from './checked.ts'
import { applyOperation } from './object-operation.ts'
import { answers, jsonRoute, readQuery } from './operation.ts'
import { invalid, notFound, RequestFault } from './problem.ts'
import { objectChangedSchema, objectSchema, objectsSchema } from './schemas/object-answers.ts'
import { mapPathSchema, objectOperationSchema } from './schemas/operation-schemas.ts'
import {
  anyText,
  duration,
  group as groupField,
  limit,
  oneGroup,
  type,
} from './schemas/query-fields.ts'
import type {
  CounterAnswer,
  MapAnswer,
  NamedOperation,
  ObjectAnswer,
  ObjectChanged,
  ObjectOperation,
  ObjectsAnswer,
  RegisterAnswer,
  SetAnswer,
  SetHasAnswer,
} from './shapes.ts'
import { encoded, streamOf } from './streamed.ts'

const PREFIX = '/v1/objects/'
const NAMED = `${PREFIX}{name}`
const LIST = { group: oneGroup, match: anyText, limit }
const READ = { type, has: anyText, path: anyText, limit }

/** `GET /v1/objects` and `GET | POST /v1/objects/{name}`. */
export function objectRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/objects',
      operation: {
        id: 'objects',
        summary: 'What exists, in one group or in all',
        query: LIST,
        answers: { 200: answers(objectsSchema, 'Names and types') },
      },
      handle: list,
    },
    {
      method: 'GET',
      path: `${PREFIX}*`,
      operation: {
        id: 'object',
        summary: 'The value of an object; of a set with ?has whether it holds one',
        path: NAMED,
        query: { group: groupField, ...READ },
        answers: { 200: answers(objectSchema, 'As this node knows it') },
      },
      handle: read,
    },
    jsonRoute({
      method: 'POST',
      path: `${PREFIX}*`,
      carriesValue: true,
      operation: {
        id: 'change',
        summary: 'Write an object',
        path: NAMED,
        query: { group: groupField, timeoutMs: duration },
        body: objectOperationSchema,
        answers: { 200: answers(objectChangedSchema, 'The object, durable here') },
      },
      handle: change,
    }),
  ]
}

function list(call: Call): Response {
  const { node } = call
  const { group: only, match = '', limit: most } = readQuery(call.url, LIST)
  const groups =
    only === undefined ? node.groups().map((name) => node.group(name)) : [node.group(only)]
  const all = groups.flatMap((group) => group.objects())
  const found = match === '' ? all : all.filter(({ name }) => name.includes(match))
  const length = most ?? found.length
  const total = found.length > length ? { total: found.length } : {}
  const answer: ObjectsAnswer = { objects: found.slice(0, length).map(infoOf), ...total }
  return json(answer)
}

function infoOf({ name, type, group }: ObjectInfo): ObjectInfo {
  return { name, type, group }
}

/** Values of a set in one piece of an answer. */
const PIECE_VALUES = 4_096

async function read(call: Call): Promise<Response> {
  const name = restOfPath(call.url, PREFIX)
  const group = groupQuery(call)
  const query = readQuery(call.url, READ)
  const object = { name, type: query.type ?? onlyTypeOf(group, name) }
  const { has } = query
  if (has !== undefined) return json(hasAnswer(group, object, has))
  if (object.type === 'set') {
    return setAnswer(name, await group.set(name).list(), query.limit)
  }
  return json(readObject(group, { name, type: object.type }, query.path))
}

function hasAnswer(
  group: GroupHandle,
  { name, type }: { readonly name: string; readonly type: ObjectType },
  value: string,
): SetHasAnswer {
  if (type !== 'set') throw invalid(`Cannot use has: expected a set: ${name} is a ${type}`)
  return { name, type, has: group.set(name).has(value) }
}

function readObject(
  group: GroupHandle,
  object: { readonly name: string; readonly type: Exclude<ObjectType, 'set'> },
  path: string | undefined,
): ObjectAnswer {
  const { name, type } = object
  switch (type) {
    case 'counter':
      return counterAnswer(group, name)
    case 'register':
      return registerAnswer(group, name)
    case 'map':
      return mapAnswer(group, name, pathOf(path))
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
function pathOf(text: string | undefined): readonly string[] | undefined {
  if (text === undefined || text === '') return undefined
  const path = text.startsWith('[') ? parseJson(new TextEncoder().encode(text)) : text.split('.')
  return checked(mapPathSchema, path, 'path')
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

async function change(call: Call, body: ObjectOperation): Promise<Response> {
  const operation = { name: restOfPath(call.url, PREFIX), ...body }
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
