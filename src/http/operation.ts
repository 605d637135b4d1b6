import type * as z from 'zod'
import { readJsonObject } from './body.ts'
import type { Call, Route } from './call.ts'
import { checked } from './checked.ts'
import { requireJson } from './guard.ts'

type Schema = z.ZodType

/** What an answer brings: JSON of a schema, or bytes and text by media type. */
export interface AnswerSpec {
  readonly description: string
  readonly schema?: Schema
  readonly media?: readonly string[]
  /** Of each part of a stream: an event, a line. */
  readonly items?: Schema
}

/**
 * What a route takes and answers: requests are checked by it, and `/openapi.json` is made of it.
 */
export interface Operation {
  /** Also the name of the client's method, where there is one. */
  readonly id: string
  readonly summary: string
  /** The path as users know it, where a name stands in it: `/v1/dht/{key}`. @default that of the route */
  readonly path?: string
  /** Fields of the query, all of them texts there. */
  readonly query?: Readonly<Record<string, Schema>>
  /** A JSON object; `bytes`: anything; @default none */
  readonly body?: Schema | 'bytes'
  /** By status; problems come on top, everywhere. */
  readonly answers: Readonly<Record<number, AnswerSpec>>
}

/** An answer of JSON. */
export function answers(schema: Schema, description: string): AnswerSpec {
  return { schema, description }
}

/** A route that takes a JSON object; its handler gets what the schema made of it. */
export function jsonRoute<Body>(
  route: Omit<Route, 'handle' | 'operation'> & {
    readonly operation: Omit<Operation, 'body'> & { readonly body: z.ZodType<Body> }
    handle(call: Call, body: Body): Response | Promise<Response>
  },
): Route {
  const handle = async (call: Call): Promise<Response> => {
    requireJson(call.request)
    const body = checked(route.operation.body, await readJsonObject(call.request), 'the body')
    return route.handle(call, body)
  }
  return { ...route, handle }
}

/**
 * The fields of a query that a schema names; others are for others.
 * @throws {RequestFault} 400
 */
export function readQuery<Fields extends Record<string, Schema>>(
  url: URL,
  fields: Fields,
): { readonly [Key in keyof Fields]: z.output<Fields[Key]> } {
  const read: Partial<{ [Key in keyof Fields]: z.output<Fields[Key]> }> = {}
  for (const [name, schema] of Object.entries<Schema>(fields)) {
    const text = url.searchParams.get(name) ?? undefined
    Reflect.set(read, name, checked(schema, text, name))
  }
  return read as { readonly [Key in keyof Fields]: z.output<Fields[Key]> }
}
