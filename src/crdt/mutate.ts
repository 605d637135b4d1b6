import { unreachable } from '../base/assert.ts'
import type { Entry } from './entry.ts'
import type { Content } from './event.ts'
import type { LiveObject } from './live-object.ts'
import type { LiveState } from './live-state.ts'
import type { CheckedOperation } from './operation.ts'

/** Applies one event at once, so that the next one observes it. */
export type Emit = (content: Content | undefined, kills: readonly Entry[]) => void

/**
 * What each type puts into the kill list makes its meaning:
 * counter – the writer's previous total; set add – observed dots of the element, so a concurrent add
 * survives a remove; register – all siblings observed; map set – leaves observed at, above and below the
 * path, so a structure never holds what a reader could not see; removals – observed dots only, no entry.
 *
 * @param self interned replica of the writer @returns how many members the operation changed
 * @throws {RangeError} a negative amount for a grow-only counter
 */
export function mutate(
  state: LiveState,
  operation: CheckedOperation,
  self: number,
  emit: Emit,
): number {
  switch (operation.type) {
    case 'counter-add':
      return counterAdd(state.object('counter', operation.object), operation, self, emit)
    case 'set-add':
      return setAdd(state, operation.object, operation.values, emit)
    case 'set-remove':
      return setRemove(state.object('set', operation.object), operation.values, emit)
    case 'register-set': {
      const { object, json } = operation
      emit({ type: 'register', object, json }, state.object('register', object)?.at('') ?? [])
      return 1
    }
    case 'map-set': {
      const { object, path, json } = operation
      const tree = state.object('map', object)?.tree
      const kills = tree === undefined ? [] : [...tree.above(path), ...tree.below(path)]
      emit({ type: 'map', object, path, json }, kills)
      return 1
    }
    case 'map-remove':
      return mapRemove(state.object('map', operation.object), operation.path, emit)
    default:
      return unreachable(operation)
  }
}

function counterAdd(
  counter: LiveObject | undefined,
  operation: Extract<CheckedOperation, { type: 'counter-add' }>,
  self: number,
  emit: Emit,
): number {
  const { object, amount } = operation
  const growOnly = operation.growOnly || (counter?.isGrowOnly ?? false)
  if (growOnly && amount < 0n) {
    throw new RangeError(`Cannot add to counter "${object}": it only grows, asked for ${amount}`)
  }
  const own = counter?.at(self) ?? []
  let total = amount
  for (const { content } of own) if (content.type === 'counter') total += content.total
  emit({ type: 'counter', object, total, growOnly }, own)
  return 1
}

function setAdd(state: LiveState, object: string, values: ReadonlySet<string>, emit: Emit): number {
  let added = 0
  for (const element of values) {
    const observed = state.object('set', object)?.at(element) ?? []
    if (observed.length === 0) added += 1
    emit({ type: 'set', object, element }, observed)
  }
  return added
}

function setRemove(set: LiveObject | undefined, values: ReadonlySet<string>, emit: Emit): number {
  const kills: Entry[] = []
  let removed = 0
  for (const element of values) {
    const observed = set?.at(element) ?? []
    if (observed.length > 0) removed += 1
    kills.push(...observed)
  }
  if (kills.length > 0) emit(undefined, kills)
  return removed
}

function mapRemove(map: LiveObject | undefined, path: readonly string[], emit: Emit): number {
  const kills = map?.tree.below(path) ?? []
  if (kills.length === 0) return 0
  const leaves = new Set<string>()
  for (const { content } of kills) {
    if (content.type === 'map') leaves.add(JSON.stringify(content.path))
  }
  emit(undefined, kills)
  return leaves.size
}
