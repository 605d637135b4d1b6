import * as z from 'zod'
import type { Route } from './call.ts'
import type { AnswerSpec, Operation } from './operation.ts'
import { COMPONENTS } from './schemas/components.ts'

const JSON_TYPE = 'application/json'
/** Of every operation: whatever went wrong. */
const PROBLEM = {
  description: 'A problem (RFC 9457): its code is stable, its hint says what to do',
  content: { 'application/problem+json': { schema: refTo('Problem') } },
}

/**
 * The OpenAPI 3.1 description of routes, made of what they check requests by.
 * @param version of the package that serves
 */
export function openApi(routes: readonly Route[], version: string): object {
  const schemas = new Schemas()
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = route.operation.path ?? route.path
    paths[path] ??= {}
    paths[path][route.method.toLowerCase()] = describe(route, path, schemas)
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'hearsay',
      version,
      description: 'The API of one node. Fields may be added to answers, none is ever renamed.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: schemas.components,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'In the file that "up" names' },
      },
    },
  }
}

/** Zod's schemas as JSON Schema; those with a name by reference. */
class Schemas {
  readonly components: Readonly<Record<string, unknown>>
  readonly #names = new Map<z.ZodType, string>()

  constructor() {
    const registry = z.registry<{ id: string }>()
    for (const [id, schema] of Object.entries(COMPONENTS)) {
      registry.add(schema, { id })
      this.#names.set(schema, id)
    }
    const made = z.toJSONSchema(registry, { ...AS_SENT, uri: (id) => refTo(id).$ref })
    this.components = Object.fromEntries(
      Object.entries(made.schemas).map(([id, schema]) => [id, withoutIds(schema)]),
    )
  }

  of(schema: z.ZodType): unknown {
    const name = this.#names.get(schema)
    if (name !== undefined) return refTo(name)
    return withoutIds(z.toJSONSchema(schema, AS_SENT))
  }
}

/** What is sent, before defaults and conversions; a value of any kind is the empty schema. */
const AS_SENT = { io: 'input', unrepresentable: 'any' } as const

function withoutIds(schema: object): object {
  const { $id: _id, $schema: _dialect, ...rest } = { $id: '', $schema: '', ...schema }
  return rest
}

function refTo(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` }
}

function describe({ operation, isPublic }: Route, path: string, schemas: Schemas): object {
  const { id, summary, body } = operation
  const parameters = [...pathParameters(path), ...queryParameters(operation, schemas)]
  return {
    operationId: id,
    summary,
    ...(isPublic === true ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body, schemas) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [
          status,
          response(answer, schemas),
        ]),
      ),
      default: PROBLEM,
    },
  }
}

function pathParameters(path: string): readonly object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query = {} }: Operation, schemas: Schemas): readonly object[] {
  return Object.entries(query).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !schema.safeParse(undefined).success,
    schema: schemas.of(schema),
  }))
}

function requestBody(body: NonNullable<Operation['body']>, schemas: Schemas): object {
  const content =
    body === 'bytes'
      ? { 'application/octet-stream': {} }
      : { [JSON_TYPE]: { schema: schemas.of(body) } }
  return { required: true, content }
}

/** Media that are parts of one form, one after the other. */
const STREAMS: ReadonlySet<string> = new Set(['text/event-stream', 'application/x-ndjson'])

function response(answer: AnswerSpec, schemas: Schemas): object {
  const { description, schema, items, media = [] } = answer
  const each = items === undefined ? {} : { schema: schemas.of(items) }
  const content = {
    ...(schema === undefined ? {} : { [JSON_TYPE]: { schema: schemas.of(schema) } }),
    ...Object.fromEntries(media.map((type) => [type, STREAMS.has(type) ? each : {}])),
  }
  return { description, content }
}
