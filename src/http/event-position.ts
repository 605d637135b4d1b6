/**
 * A place in the stream: after the change of that number, and after so many other events since it. Its id is
 * `EPOCH-SEQUENCE` or `EPOCH-SEQUENCE.OFFSET`, so that the cursor of a change is an id of the stream too.
 */
export interface Position {
  readonly sequence: number
  readonly offset: number
}

/** Types of events that a stream wants; undefined: all. */
export type EventTypes = ReadonlySet<string> | undefined

/** Negative when `a` comes before `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.sequence - b.sequence || a.offset - b.offset
}
