import { expect } from 'vitest'
import type { GroupView } from '../../src/replication/group/group-view.ts'
import type { OracleState } from './oracle.ts'

/** Expects that a view shows exactly what the oracle computed. */
export function expectShows(view: Omit<GroupView, 'undoable'>, expected: OracleState): void {
  const objects = view.objects()
  const of = (type: string): readonly string[] =>
    objects.filter((object) => object.type === type).map(({ name }) => name)
  expect(of('counter')).toEqual(Object.keys(expected.counters))
  expect(of('set')).toEqual(Object.keys(expected.sets))
  expect(of('register')).toEqual(Object.keys(expected.registers))
  expect(of('map')).toEqual(Object.keys(expected.leaves))
  for (const [name, sum] of Object.entries(expected.counters)) {
    expect(String(view.counter(name))).toBe(sum)
  }
  for (const [name, values] of Object.entries(expected.sets)) {
    expect(view.setValues(name)).toEqual(values)
    expect(view.setSize(name)).toBe(values.length)
    for (const value of values) expect(view.setHas(name, value)).toBe(true)
  }
  for (const [name, siblings] of Object.entries(expected.registers)) {
    const { value, siblings: shown } = view.register(name)
    expect(shown.map((json) => JSON.stringify(json))).toEqual(siblings)
    expect(JSON.stringify(value)).toBe(siblings[0])
  }
  for (const [name, leaves] of Object.entries(expected.leaves)) expectLeaves(view, name, leaves)
}

/** Every leaf is shown at its path unless a concurrent branch hides it. */
function expectLeaves(
  view: Omit<GroupView, 'undoable'>,
  name: string,
  leaves: Record<string, string>,
): void {
  const paths = Object.keys(leaves).map((path) => JSON.parse(path) as string[])
  let shown = 0
  for (const path of paths) {
    const isHidden = paths.some(
      (other) => other.length > path.length && path.every((part, i) => other[i] === part),
    )
    if (isHidden) continue
    shown += 1
    expect(JSON.stringify(view.mapAt(name, path))).toBe(leaves[JSON.stringify(path)])
  }
  expect(countLeaves(view.map(name))).toBe(shown)
}

/** Leaves of the tests' maps are numbers, counters and sets; texts are counters beyond 2^53. */
function countLeaves(value: unknown): number {
  if (typeof value === 'number' || typeof value === 'string' || Array.isArray(value)) return 1
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  for (const item of Object.values(value)) count += countLeaves(item)
  return count
}
