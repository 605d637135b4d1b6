import type { ChangeFeed, ChangeFilter, RecordedChange } from './change-feed.ts'
import type { Change, ChangeDiff, ObjectType, WatchOptions } from './state-types.ts'

/** Changes of all types that a filter lets pass; see {@link followObject}. */
export function followChanges(
  feed: ChangeFeed,
  wants: ChangeFilter,
  options: WatchOptions = {},
): AsyncIterable<Change> {
  return follow(feed, { wants, options, narrow: (diff) => diff })
}

/** Changes of one object from the call on, or after a cursor. */
export function followObject<T extends ObjectType>(
  feed: ChangeFeed,
  object: { readonly group: string; readonly name: string; readonly type: T },
  options: WatchOptions = {},
): AsyncIterable<Change<T>> {
  const { group, name, type } = object
  const wants: ChangeFilter = (change) =>
    change.object === name && change.objectType === type && change.group === group
  const isOfType = (diff: ChangeDiff): diff is DiffOf<T> => diff.type === type
  return follow(feed, { wants, options, narrow: (diff) => (isOfType(diff) ? diff : undefined) })
}

type DiffOf<T extends ObjectType> = Extract<ChangeDiff, { readonly type: T }>

interface Following<T extends ObjectType> {
  readonly wants: ChangeFilter
  readonly options: WatchOptions
  readonly narrow: (diff: ChangeDiff) => DiffOf<T> | undefined
}

// The place is taken here, at the call: the generator would take it when it is first asked.
function follow<T extends ObjectType>(
  feed: ChangeFeed,
  following: Following<T>,
): AsyncIterable<Change<T>> {
  const { from } = following.options
  const position = from === undefined ? feed.position : feed.positionOf(from)
  return read(feed, following, position)
}

async function* read<T extends ObjectType>(
  feed: ChangeFeed,
  { wants, options, narrow }: Following<T>,
  start: number | undefined,
): AsyncGenerator<Change<T>, void, void> {
  const { signal } = options
  let position = start
  while (signal?.aborted !== true) {
    const step = position === undefined ? undefined : feed.after(position, wants)
    if (step === undefined || step.type === 'lost') {
      position = feed.position
      yield { type: 'reset', cursor: feed.cursor }
    } else if (step.type === 'change') {
      position = step.position
      yield told(step.change, narrow)
    } else if (feed.isClosed) return
    else position = await feed.wait(step.position, wants, signal)
  }
}

function told<T extends ObjectType>(
  change: RecordedChange,
  narrow: Following<T>['narrow'],
): Change<T> {
  const { object, objectType, group, origin, cursor, at, diff } = change
  const known = diff === undefined ? undefined : narrow(diff)
  if (known === undefined) return { type: 'reset', cursor, object, objectType, group }
  return { ...known, object, group, origin, cursor, at }
}
