import { utf8 } from '../base/bytes.ts'
import { type Random, randomInteger } from '../base/random.ts'
import type { Command } from '../engine/engine-types.ts'

/** What a simulated user does, in the terms in which the oracle remembers it. */
export type UserOperation =
  | { readonly type: 'counter-add'; readonly object: string; readonly amount: number }
  | { readonly type: 'set-add'; readonly object: string; readonly value: string }
  | { readonly type: 'set-remove'; readonly object: string; readonly value: string }
  | { readonly type: 'register-set'; readonly object: string; readonly value: string }
  | {
      readonly type: 'map-set'
      readonly object: string
      readonly path: readonly string[]
      readonly value: string
    }
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'get'; readonly key: string }

/** Few objects and few keys, so that writers meet. */
const OBJECTS = 3
const KEYS = 12
/** How often each kind of operation is drawn. */
const WEIGHTS: readonly (readonly [UserOperation['type'], number])[] = [
  ['counter-add', 5],
  ['set-add', 5],
  ['set-remove', 2],
  ['register-set', 3],
  ['map-set', 3],
  ['put', 3],
  ['get', 2],
]

/**
 * Draws one operation. Values are unique, so that what is read tells which write it came from.
 * @param serial a number never used before in this run
 * @param removable values of a set that this user saw and nobody has removed yet, by object
 */
export function drawOperation(
  random: Random,
  serial: number,
  removable: (object: string) => readonly string[],
): UserOperation {
  const value = `v${serial}`
  const object = skewed(random, OBJECTS)
  switch (drawKind(random)) {
    case 'counter-add':
      return { type: 'counter-add', object: `counter-${object}`, amount: 1 + (serial % 7) }
    case 'set-add':
      return { type: 'set-add', object: `set-${object}`, value }
    case 'set-remove': {
      const name = `set-${object}`
      const values = removable(name)
      const victim = values[randomInteger(random, Math.max(1, values.length))]
      if (victim === undefined) return { type: 'set-add', object: name, value }
      return { type: 'set-remove', object: name, value: victim }
    }
    case 'register-set':
      return { type: 'register-set', object: `register-${object}`, value }
    case 'map-set': {
      const path = [`branch-${skewed(random, OBJECTS)}`, `leaf-${skewed(random, KEYS)}`]
      return { type: 'map-set', object: `map-${object}`, path, value }
    }
    case 'put':
      return { type: 'put', key: `key-${skewed(random, KEYS)}`, value }
    case 'get':
      return { type: 'get', key: `key-${skewed(random, KEYS)}` }
  }
}

/** The command for the engine. */
export function commandOf(operation: UserOperation): Command {
  switch (operation.type) {
    case 'put':
      return { type: 'put', key: operation.key, value: utf8(operation.value), level: 'quorum' }
    case 'get':
      return { type: 'get', key: operation.key }
    case 'counter-add': {
      const { object, amount } = operation
      return transact({ type: 'counter-add', object, amount: BigInt(amount) })
    }
    case 'set-add':
    case 'set-remove': {
      const { type, object, value } = operation
      return transact({ type, object, values: [value] })
    }
    default:
      return transact(operation)
  }
}

type Operation = Extract<Command, { readonly type: 'transact' }>['operations'][number]

function transact(operation: Operation): Command {
  return { type: 'transact', group: 'main', operations: [operation] }
}

/** Low numbers far more often than high ones. */
function skewed(random: Random, below: number): number {
  return Math.floor(below * random.next() ** 2)
}

function drawKind(random: Random): UserOperation['type'] {
  let total = 0
  for (const [, weight] of WEIGHTS) total += weight
  let at = randomInteger(random, total)
  for (const [type, weight] of WEIGHTS) {
    if (at < weight) return type
    at -= weight
  }
  return 'get'
}
