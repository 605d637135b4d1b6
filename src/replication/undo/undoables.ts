import type { ObjectType } from '../../crdt/operation.ts'
import type { Undoable } from './undo.ts'
import type { Written } from './undo-history.ts'

/** What of a group can be undone, the last transaction first. */
export function undoables(written: readonly Written[]): readonly Undoable[] {
  return written
    .filter(({ isUndone, bytes }) => !isUndone && bytes !== undefined)
    .map((one) => ({
      transaction: one.number,
      undoes: one.undoes,
      objects: objectsOf(one),
    }))
    .toReversed()
}

function objectsOf({ operations, removed }: Written): Undoable['objects'] {
  const objects = new Map<string, Undoable['objects'][number]>()
  const add = (type: ObjectType, name: string): void => {
    objects.set(`${type} ${name}`, { name, type })
  }
  for (const { type, object } of operations) {
    if (type === 'retract') continue
    if (type === 'counter-add') add('counter', object)
    else if (type === 'register-set') add('register', object)
    else add(type === 'set-add' || type === 'set-remove' ? 'set' : 'map', object)
  }
  for (const { type, object } of removed) add(type, object)
  return [...objects.values()]
}
