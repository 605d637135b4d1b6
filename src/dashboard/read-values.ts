import type { Client } from '../http/client.ts'
import type { ObjectAnswer } from '../http/shapes.ts'
import type { ObjectInfo } from '../index.ts'
import { shown } from './text.ts'

/** Objects shown; a search finds the others. */
export const OBJECTS_MAX = 20
/** Values of one set that are shown. */
const SET_VALUES_MAX = 12
/** Requests under way at once: browsers open six connections. */
const PARALLEL = 4

/** What one node holds. */
export interface Held {
  readonly total: number
  /** By type and name, in order. */
  readonly values: ReadonlyMap<string, HeldValue>
}

export interface HeldValue {
  readonly name: string
  readonly type: ObjectInfo['type']
  readonly text: string
}

/** Reads the objects of a group that a search finds, through one node. */
export async function readValues(
  client: Client,
  wanted: { readonly group: string; readonly match: string; readonly signal: AbortSignal },
): Promise<Held> {
  const { group, match, signal } = wanted
  const { objects, total = objects.length } = await client.objects({
    group,
    match,
    limit: OBJECTS_MAX,
    signal,
  })
  const values = new Map<string, HeldValue>()
  const queue = [...objects]
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { name, type } = next
      const limit = type === 'set' ? { limit: SET_VALUES_MAX } : {}
      const answer = await client.object(name, { type, group, signal, ...limit })
      values.set(`${type} ${name}`, {
        name,
        type,
        text: answer === undefined ? '' : textOf(answer),
      })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1))
  return { total, values: new Map(sorted) }
}

function textOf(answer: ObjectAnswer): string {
  switch (answer.type) {
    case 'counter':
      return String(answer.value)
    case 'set': {
      const size = answer.size ?? answer.values.length
      const listed = answer.values.slice(0, SET_VALUES_MAX).map((value) => shown(value, 30))
      const more = size - listed.length
      return `${size}: ${listed.join(', ')}${more > 0 ? `, and ${more} more` : ''}`
    }
    case 'register': {
      const others = answer.siblings.length - 1
      const text = shown(JSON.stringify(answer.value), 80)
      return others > 0 ? `${text} and ${others} written at the same time` : text
    }
    case 'map':
      return shown(JSON.stringify(answer.value), 120)
  }
}
