import { entryContent } from '../../crdt/entry-content.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import type { CheckedOperation, Dot } from '../../crdt/operation.ts'
import type { PathTree } from '../../crdt/path-tree.ts'
import { isOf, type RemovedEntry, type Written } from './undo-history.ts'
import { amountsOf, type Draft, type OwnEntry, winnerOf } from './undo-plan.ts'

export interface Undoing {
  readonly state: LiveState
  readonly written: Written
  /** Own transactions after it, oldest first. */
  readonly later: readonly Written[]
  readonly own: readonly OwnEntry[]
  readonly draft: Draft
}

type Path = readonly string[]
type MapOperation = Extract<CheckedOperation, { readonly path: Path }>

/** Maps: a leaf comes back only where nothing else lives at, above or below it. */
export function planMaps(undoing: Undoing): void {
  const { written, own } = undoing
  const operations = written.operations.filter((operation) => 'path' in operation)
  const removed = written.removed.filter(({ type }) => type === 'map')
  const mine = own.filter(({ type }) => type === 'map')
  const names = new Set([...operations, ...removed].map(({ object }) => object))
  for (const name of names) {
    new MapUndo(undoing, {
      name,
      operations: operations.filter(({ object }) => object === name),
      removed: removed.filter(({ object }) => object === name),
      own: mine.filter(({ object }) => object === name),
    }).plan()
  }
}

/** What a transaction did to one map. */
interface MapPart {
  readonly name: string
  readonly operations: readonly MapOperation[]
  readonly removed: readonly RemovedEntry[]
  readonly own: readonly OwnEntry[]
}

/** Undoes a transaction in one map. */
class MapUndo {
  readonly #undoing: Undoing
  readonly #part: MapPart
  readonly #tree: PathTree | undefined
  readonly #entry = new EventDraft()
  /** Slots that this plan retracts or replaces: nothing that stands in the way. */
  readonly #going = new Set<number>()
  /** Paths where something comes back. */
  readonly #coming: Path[] = []
  /** Paths of counters whose sums are as they were. */
  readonly #uncounted: Path[] = []
  /** Paths that the transaction wrote and somebody has written since. */
  readonly #lost: Path[] = []

  constructor(undoing: Undoing, part: MapPart) {
    this.#undoing = undoing
    this.#part = part
    this.#tree = undoing.state.object('map', part.name)?.tree
  }

  plan(): void {
    const { operations, own } = this.#part
    this.#findLost()
    for (const entry of own) if (entry.kind !== 'amount') this.#retract(entry)
    const counted = operations.filter(({ type }) => type === 'map-counter-add')
    for (const path of distinct(counted.map((operation) => operation.path))) this.#uncount(path)
    // Where concurrent writers left a leaf and leaves below it, the branch was seen: the deepest come first.
    const paths = distinct(this.#part.removed.map(({ path }) => path))
    for (const path of paths.toSorted((a, b) => b.length - a.length)) this.#bringBack(path)
  }

  #findLost(): void {
    const { operations, own } = this.#part
    const { draft, written } = this.#undoing
    const { name } = this.#part
    for (const operation of operations) {
      const { path } = operation
      if (operation.type === 'map-set') {
        const isOwn = own.some((entry) => entry.kind === 'value' && isSame(entry.path, path))
        if (!isOwn && !written.isPassing) this.#lose(path)
      }
      if (operation.type !== 'map-set-add') continue
      for (const value of operation.values) {
        const isOwn = own.some(({ kind, text, path: at }) => {
          return kind === 'element' && text === value && isSame(at, path)
        })
        const isAnothers = (this.#tree?.elementAt(path, value).length ?? 0) > 0
        if (isOwn || !isAnothers || written.isPassing) continue
        draft.kept.push({ name, type: 'map', path, value, reason: 'changed-since' })
      }
    }
  }

  #lose(path: Path): void {
    const { draft } = this.#undoing
    if (this.#lost.some((lost) => isSame(lost, path))) return
    this.#lost.push(path)
    draft.kept.push({ name: this.#part.name, type: 'map', path, reason: 'changed-since' })
  }

  /** A value or element that the transaction wrote goes, unless it was there before. */
  #retract(entry: OwnEntry): void {
    const { kind, path, text, slot } = entry
    const wasThere =
      kind === 'element' &&
      this.#part.removed.some((old) => {
        return old.kind === 'element' && old.text === text && isSame(old.path, path)
      })
    if (wasThere) return
    this.#going.add(slot)
    this.#undoing.draft.retract(entry)
    this.#undoing.draft.count('map', this.#part.name)
  }

  /** Takes back what the transaction added to the counter at a path. */
  #uncount(path: Path): void {
    const { draft } = this.#undoing
    const { name, operations, removed, own } = this.#part
    const added = operations.filter(({ type, path: at }) => {
      return type === 'map-counter-add' && isSame(at, path)
    })
    // What else it did there ended what was there before: then its entry alone tells what it added.
    const isAnew = !onlyCounts(operations, path)
    const before = removed.filter((old) => old.kind === 'amount' && isSame(old.path, path))
    const mine = own.find((entry) => entry.kind === 'amount' && isSame(entry.path, path))
    const carrier = this.#carrier(path, mine?.dot)
    if (carrier === undefined) {
      if (!this.#undoing.written.isPassing) this.#lose(path)
      return
    }
    this.#uncounted.push(path)
    const sumBefore = before.reduce((sum, { amount }) => sum + amount, 0n)
    const delta = isAnew
      ? (this.#amountTaken(path) ?? mine?.amount ?? 0n) - sumBefore
      : added.reduce((sum, operation) => sum + amountOf(operation), 0n)
    const live = this.#amountsAt(path)
    const [only] = live
    if (before.length === 0 && live.length === 1 && only?.amount === delta) {
      this.#going.add(only.slot)
      draft.retracted.push(carrier)
      draft.count('map', name)
      return
    }
    this.#add(path, -delta)
  }

  /** The entry that holds what the transaction added: its own, or one of ours that took its place. */
  #carrier(path: Path, own: Dot | undefined): Dot | undefined {
    if (own !== undefined) return own
    const { written, later } = this.#undoing
    const holders = [written]
    const removers = new Set<number>()
    for (const next of later) {
      const isBack = next.undoes !== undefined && removers.has(next.undoes)
      const isTaken = next.removed.some((entry) => {
        return this.#isAmountAt(entry, path) && holders.some((holder) => isOf(holder, entry))
      })
      if (isTaken) removers.add(next.number)
      const isMerged = next.isUndone || onlyCounts(this.#operationsOf(next), path)
      if (isBack || (isTaken && isMerged)) holders.push(next)
    }
    return this.#amountsAt(path).find(({ dot }) => holders.some((holder) => isOf(holder, dot)))?.dot
  }

  /** What the transaction's own entry held, when a later one has taken it. */
  #amountTaken(path: Path): bigint | undefined {
    const { written, later } = this.#undoing
    const taken = later.flatMap(({ removed }) => removed)
    return taken.find((entry) => isOf(written, entry) && this.#isAmountAt(entry, path))?.amount
  }

  #isAmountAt(entry: RemovedEntry, path: Path): boolean {
    const isHere = entry.type === 'map' && entry.object === this.#part.name
    return isHere && entry.kind === 'amount' && isSame(entry.path, path)
  }

  #operationsOf({ operations }: Written): readonly MapOperation[] {
    const inMaps = operations.filter((operation) => 'path' in operation)
    return inMaps.filter(({ object }) => object === this.#part.name)
  }

  /** Brings back what stood at a path, if the transaction removed it and the place is free. */
  #bringBack(path: Path): void {
    const { draft } = this.#undoing
    const { name } = this.#part
    const old = this.#part.removed.filter((entry) => isSame(entry.path, path))
    const value = winnerOf(old.filter(({ kind }) => kind === 'value'))
    const amounts = old.filter(({ kind }) => kind === 'amount')
    const elements = distinctTexts(old.filter(({ kind }) => kind === 'element'))
    if (value !== undefined) {
      if (!this.#isFree(path, undefined)) return
      draft.operations.push({ type: 'map-set', object: name, path, json: value.text })
      draft.count('map', name)
    } else if (amounts.length > 0) {
      if (this.#uncounted.some((at) => isSame(at, path)) || !this.#isFree(path, 'amount')) return
      const sum = amounts.reduce((total, { amount }) => total + amount, 0n)
      // Nought is something, where nothing would be.
      if (sum === 0n)
        draft.operations.push({ type: 'map-counter-add', object: name, path, amount: 0n })
      this.#add(path, sum)
    } else {
      const values = elements.filter(
        (text) => (this.#tree?.elementAt(path, text).length ?? 0) === 0,
      )
      if (values.length === 0 || !this.#isFree(path, 'element')) return
      draft.operations.push({ type: 'map-set-add', object: name, path, values })
      draft.count('map', name, values.length)
    }
    this.#coming.push(path)
  }

  #add(path: Path, sum: bigint): void {
    const { draft } = this.#undoing
    const { name: object } = this.#part
    for (const amount of amountsOf(sum)) {
      draft.operations.push({ type: 'map-counter-add', object, path, amount })
    }
    if (sum !== 0n) draft.count('map', object)
  }

  /** Whether nothing lives at, above or below a path but what goes, and at the path itself entries of one kind. */
  #isFree(path: Path, kind: 'amount' | 'element' | undefined): boolean {
    if (this.#lost.some((lost) => isRelated(lost, path))) return false
    if (this.#coming.some((coming) => isRelated(coming, path))) return false
    const around = [...(this.#tree?.above(path) ?? []), ...(this.#tree?.below(path) ?? [])]
    return around.every((slot) => {
      if (this.#going.has(slot)) return true
      const content = this.#contentAt(slot)
      return content !== undefined && content.kind === kind && isSame(content.path, path)
    })
  }

  #amountsAt(
    path: Path,
  ): readonly { readonly slot: number; readonly dot: Dot; readonly amount: bigint }[] {
    const { slots } = this.#undoing.state
    return (this.#tree?.at(path) ?? []).flatMap((slot) => {
      const content = this.#contentAt(slot)
      if (content?.kind !== 'amount') return []
      const dot = { writer: slots.writerOf(slot), n: slots.dotOf(slot) }
      return [{ slot, dot, amount: content.amount }]
    })
  }

  #contentAt(slot: number): ReturnType<typeof entryContent> {
    this.#undoing.state.draftOf(slot, this.#entry)
    return entryContent(this.#entry)
  }
}

function amountOf(operation: MapOperation): bigint {
  return operation.type === 'map-counter-add' ? operation.amount : 0n
}

/** Whether operations did nothing at, above or below a path but to count at it. */
function onlyCounts(operations: readonly MapOperation[], path: Path): boolean {
  return operations.every(({ type, path: at }) => {
    return (type === 'map-counter-add' && isSame(at, path)) || !isRelated(at, path)
  })
}

function isSame(a: Path, b: Path): boolean {
  return a.length === b.length && isRelated(a, b)
}

/** Whether one path is the other, or leads to it. */
function isRelated(a: Path, b: Path): boolean {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false
  return true
}

function distinct(paths: readonly Path[]): readonly Path[] {
  return [...new Map(paths.map((path) => [JSON.stringify(path), path])).values()]
}

function distinctTexts(entries: readonly RemovedEntry[]): readonly string[] {
  return [...new Set(entries.map(({ text }) => text))]
}
