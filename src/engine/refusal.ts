import { HearsayError } from '../base/errors.ts'
import type { Command } from './engine-types.ts'
import { storeFull } from './failures.ts'
import { observerRefusal } from './observers.ts'

/** Requests under way at once; beyond it callers are refused, so that memory stays bounded. */
const REQUESTS_MAX = 65_536
/** Commands that put something into the store. */
const WRITES: ReadonlySet<Command['type']> = new Set(['transact', 'undo', 'put', 'delete', 'offer'])

/** Why a command cannot even begin, or undefined. */
export function refusal(
  command: Command,
  driver: {
    readonly isHalted: boolean
    readonly isFull: boolean
    readonly isObserver: boolean
    readonly failure: HearsayError | undefined
    readonly requests: number
  },
): HearsayError | undefined {
  const { type } = command
  const { isHalted, isFull, isObserver, failure, requests } = driver
  if (isHalted) {
    if (failure?.code === 'ERR_INTERNAL') return failure
    return new HearsayError('ERR_STOPPED', `Cannot ${type}: the node has stopped`)
  }
  if (requests > REQUESTS_MAX) {
    return new HearsayError('ERR_OVERLOADED', `Cannot ${type}: too many requests wait`, {
      hint: 'Await earlier calls before you start more',
    })
  }
  if (isObserver) return observerRefusal(command)
  if (!WRITES.has(type)) return undefined
  return failure ?? (isFull ? storeFull(type) : undefined)
}
