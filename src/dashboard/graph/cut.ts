export interface Point {
  readonly x: number
  readonly y: number
}

/** A stroke through the graph: everything on its left against everything on its right. */
export interface Stroke {
  readonly from: Point
  readonly to: Point
}

/** Shorter strokes are clicks that slipped. */
const LENGTH_MIN = 24

export function isStroke({ from, to }: Stroke): boolean {
  return Math.hypot(to.x - from.x, to.y - from.y) >= LENGTH_MIN
}

/**
 * The sides of a network after a stroke: the line through both its ends cuts each side that there was before.
 * Undefined when it parts nobody.
 */
export function sidesAfter(
  stroke: Stroke,
  places: ReadonlyMap<string, Point>,
  before: readonly (readonly string[])[],
): readonly (readonly string[])[] | undefined {
  const all = before.length === 0 ? [[...places.keys()]] : before
  const sides = all.flatMap((side) => {
    const left = side.filter((name) => isLeft(stroke, places.get(name)))
    const right = side.filter((name) => !left.includes(name))
    return [left, right].filter((part) => part.length > 0)
  })
  return sides.length > all.length ? sides : undefined
}

function isLeft({ from, to }: Stroke, point: Point | undefined): boolean {
  if (point === undefined) return false
  return (to.x - from.x) * (point.y - from.y) - (to.y - from.y) * (point.x - from.x) > 0
}

export type Direction = 'up' | 'down' | 'left' | 'right'

const AXES: Readonly<Record<Direction, Point>> = {
  up: { x: 0, y: -1 },
  down: { x: 0, y: 1 },
  left: { x: -1, y: 0 },
  right: { x: 1, y: 0 },
}

/** The node that an arrow key leads to: the nearest one ahead, what lies aside counts as farther away. */
export function neighbourAt(
  places: ReadonlyMap<string, Point>,
  from: string,
  direction: Direction,
): string | undefined {
  const start = places.get(from)
  if (start === undefined) return places.keys().next().value
  const axis = AXES[direction]
  let best: { readonly name: string; readonly cost: number } | undefined
  for (const [name, { x, y }] of places) {
    const ahead = (x - start.x) * axis.x + (y - start.y) * axis.y
    const aside = Math.abs((x - start.x) * axis.y) + Math.abs((y - start.y) * axis.x)
    if (name === from || ahead <= 0) continue
    const cost = ahead + 2 * aside
    if (best === undefined || cost < best.cost) best = { name, cost }
  }
  return best?.name
}
