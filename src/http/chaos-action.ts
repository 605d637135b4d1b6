import type { JsonObject } from './body.ts'
import { expected, texts } from './object-operation.ts'
import { invalid } from './problem.ts'
import type { ChaosAction } from './shapes.ts'

/** Sides of one partition. */
const SIDES_MAX = 64
/** Longer delays only look like a partition. */
const LATENCY_MS_MAX = 60_000

/** Parses the body of `POST /v1/chaos`. @throws {RequestFault} 400 */
export function parseChaosAction(body: JsonObject): ChaosAction {
  const { action } = body
  switch (action) {
    case 'partition':
      return { action, sides: sidesOf(body) }
    case 'heal':
      return { action }
    case 'loss':
      return { action, share: numberOf(body, 'share', 1) }
    case 'latency':
      return { action, ms: numberOf(body, 'ms', LATENCY_MS_MAX) }
    case 'kill':
    case 'restart':
    case 'pause':
    case 'resume':
      return { action, name: nameOf(body) }
    default: {
      const all = 'partition, heal, loss, latency, kill, restart, pause or resume'
      throw expected('action', all, action)
    }
  }
}

function sidesOf(body: JsonObject): readonly (readonly string[])[] {
  const { sides } = body
  if (!Array.isArray(sides)) throw expected('sides', 'a list of lists of names', sides)
  if (sides.length === 0 || sides.length > SIDES_MAX) {
    throw invalid(`Cannot use sides: expected 1 to ${SIDES_MAX} of them: ${sides.length}`)
  }
  return sides.map((side) => texts('sides', side))
}

function numberOf(body: JsonObject, field: string, max: number): number {
  const value = body[field]
  if (typeof value === 'number' && value >= 0 && value <= max) return value
  throw expected(field, `a number in 0 … ${max}`, value)
}

function nameOf(body: JsonObject): string {
  if (typeof body.name === 'string' && body.name !== '') return body.name
  throw expected('name', 'the name of a node', body.name)
}
