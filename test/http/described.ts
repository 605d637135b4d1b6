import { expect } from 'vitest'
import type { HttpApi } from '../../src/http/api.ts'
import { COMPONENTS } from '../../src/http/schemas/components.ts'

interface Content {
  readonly [type: string]: { readonly schema?: { readonly $ref?: string } }
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: object
  }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: { readonly [status: string]: { readonly content: Content } }
  readonly security?: readonly object[]
}

export interface Description {
  readonly openapi: string
  readonly info: { readonly version: string }
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } }
  readonly components: { readonly schemas: { readonly [name: string]: object } }
}

const BASE = 'http://localhost:7400'

/** What an API says of itself. */
export async function describedBy(api: HttpApi): Promise<Description> {
  const response = await api.fetch(new Request(`${BASE}/openapi.json`))
  expect(response.status).toBe(200)
  return JSON.parse(await response.text())
}

/** The operation that serves a path; undefined where there is none. */
export function operationOf(
  description: Description,
  method: string,
  path: string,
): Operation | undefined {
  const { pathname } = new URL(path, BASE)
  const found = Object.entries(description.paths).filter(
    ([template, methods]) => methods[method.toLowerCase()] && patternOf(template).test(pathname),
  )
  // The most exact one: names in a path may hold anything.
  const [best] = found.toSorted(([a], [b]) => wildcards(a) - wildcards(b))
  return best?.[1][method.toLowerCase()]
}

function wildcards(template: string): number {
  return template.split('{').length
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '.+')}$`)
}

/** Fails unless an answer is as the API describes it: all that is there, and nothing that is not. */
export function expectDescribed(
  description: Description,
  asked: { readonly method: string; readonly path: string },
  answer: { readonly status: number; readonly type: string; readonly text: string },
): void {
  const { method, path } = asked
  const type = answer.type.split(';')[0] ?? ''
  const where = `${method} ${path} ${answer.status} ${type}`
  if (type === 'application/problem+json') {
    expectShape('Problem', JSON.parse(answer.text), where)
    return
  }
  const operation = operationOf(description, method, path)
  expect(operation, where).toBeDefined()
  const content = operation?.responses[String(answer.status)]?.content ?? {}
  const [exact, any] = [content[type], content['*/*']]
  expect(exact ?? any, `${where} is one of ${Object.keys(content)}`).toBeDefined()
  const name = exact?.schema?.$ref?.split('/').at(-1)
  if (name === undefined) return
  if (type === 'application/json') expectShape(name, JSON.parse(answer.text), where)
  for (const part of partsOf(type, answer.text)) expectShape(name, JSON.parse(part), where)
}

/** The lines, or the data of the events, of a stream. */
function partsOf(type: string, text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line !== '')
  if (type === 'application/x-ndjson') return lines
  if (type !== 'text/event-stream') return []
  return lines.flatMap((line) => (line.startsWith('data: ') ? line.slice('data: '.length) : []))
}

/** A schema drops what it does not know: a value that comes out as it went in has nothing else. */
export function expectShape(name: string, value: unknown, where: string): void {
  const schema = COMPONENTS[name]
  expect(schema, `${where}: ${name}`).toBeDefined()
  const result = schema?.safeParse(value)
  expect(result?.error?.issues ?? [], `${where}: ${name}: ${JSON.stringify(value)}`).toEqual([])
  expect(value, `${where}: ${name}`).toEqual(result?.data)
}
