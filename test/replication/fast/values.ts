import type { GroupView } from '../../../src/replication/group/group-view.ts'
import type { OracleState } from '../oracle.ts'
import { Fault } from './model.ts'

/** Throws unless a view shows exactly what the oracle computed. */
export function checkValues(view: GroupView, expected: OracleState): void {
  const { counters, sets, registers, leaves } = expected
  let objects = 0
  for (const name of Object.keys(counters)) {
    objects += 1
    same(`counter ${name}`, String(view.counter(name)), counters[name])
  }
  for (const name of Object.keys(sets)) {
    objects += 1
    const values = sets[name] ?? []
    same(`set ${name}`, view.setValues(name).join(' '), values.join(' '))
    same(`size of set ${name}`, view.setSize(name), values.length)
    for (const value of values) same(`set ${name} has ${value}`, view.setHas(name, value), true)
  }
  for (const name of Object.keys(registers)) {
    objects += 1
    const siblings = registers[name] ?? []
    const { value, siblings: shown } = view.register(name)
    const texts = shown.map((json) => JSON.stringify(json)).join(' ')
    same(`register ${name}`, texts, siblings.join(' '))
    same(`winner of register ${name}`, JSON.stringify(value), siblings[0])
  }
  for (const name of Object.keys(leaves)) {
    objects += 1
    checkLeaves(view, name, leaves[name] ?? {})
  }
  same('objects', view.objects().length, objects)
}

/** Every leaf is shown at its path unless a concurrent branch hides it. */
function checkLeaves(view: GroupView, name: string, leaves: Record<string, string>): void {
  const paths = Object.keys(leaves).map((text) => ({ text, path: JSON.parse(text) as string[] }))
  let shown = 0
  for (const { text, path } of paths) {
    const isHidden = paths.some(
      ({ path: other }) => other.length > path.length && path.every((part, i) => other[i] === part),
    )
    if (isHidden) continue
    shown += 1
    same(`map ${name} at ${text}`, JSON.stringify(view.mapAt(name, path)), leaves[text])
  }
  same(`leaves of map ${name}`, countLeaves(view.map(name)), shown)
}

/** Leaves of these maps are numbers, counters and sets. */
function countLeaves(value: unknown): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 1
  let count = 0
  for (const item of Object.values(value)) count += countLeaves(item)
  return count
}

function same<T>(what: string, shown: T, expected: T | undefined): void {
  if (shown !== expected) throw new Fault(`${what}: shows ${shown} instead of ${expected}`)
}
