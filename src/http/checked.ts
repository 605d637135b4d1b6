import type * as z from 'zod'
import { invalid } from './problem.ts'

/** What the schema makes of a value. @throws {RequestFault} 400, about the first thing that is wrong */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  if (issue?.code === 'unrecognized_keys') {
    throw invalid(`Cannot use ${what}: unknown field: ${JSON.stringify(issue.keys[0])}`)
  }
  const path = issue?.path ?? []
  const where = path.length === 0 ? what : fieldName(path)
  const found = path.reduce<unknown>(fieldOf, value)
  throw invalid(
    `Cannot use ${where}: ${issue?.message ?? 'it is not as expected'}: ${shown(found)}`,
  )
}

/** `operations[1].name` */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) =>
      typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`,
    )
    .join('')
}

function fieldOf(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

function shown(value: unknown): string {
  if (value === undefined) return 'it is missing'
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? '')
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
