import { compareText } from '../../base/bytes.ts'
import { type EntryContent, entryContent } from '../../crdt/entry-content.ts'
import { hasSibling } from '../../crdt/entry-reads.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import type { LiveState } from '../../crdt/live-state.ts'
import { ObjectReader } from '../../crdt/object-view.ts'
import {
  AMOUNT_MAX,
  type CheckedOperation,
  type Dot,
  type ObjectType,
} from '../../crdt/operation.ts'
import { isOf, type RemovedEntry, type Written } from './undo-history.ts'
import { planMaps } from './undo-maps.ts'

/** Something that a transaction wrote and that undoing it left as it is. */
export interface Kept {
  readonly name: string
  readonly type: ObjectType
  /** Of a map's leaf. */
  readonly path?: readonly string[]
  /** Of a set's element. */
  readonly value?: string
  /** Somebody has written there since, or the counter only grows. */
  readonly reason: 'changed-since' | 'grow-only'
}

/** What undoing one transaction takes. */
export interface UndoPlan {
  readonly operations: readonly CheckedOperation[]
  /** How many members of each object change. */
  readonly undone: readonly {
    readonly name: string
    readonly type: ObjectType
    readonly changed: number
  }[]
  readonly kept: readonly Kept[]
}

/** An entry that the transaction wrote and that still lives. */
export interface OwnEntry extends EntryContent {
  readonly object: string
  readonly type: ObjectType
  readonly slot: number
  readonly dot: Dot
}

/** Collects what undoing takes; dots are retracted first, so that what they hid may come back. */
export class Draft {
  readonly retracted: Dot[] = []
  readonly operations: CheckedOperation[] = []
  readonly kept: Kept[] = []
  readonly #undone = new Map<string, { name: string; type: ObjectType; changed: number }>()

  retract(entry: OwnEntry): void {
    this.retracted.push(entry.dot)
  }

  /** One more member of an object changes. */
  count(type: ObjectType, name: string, members: number = 1): void {
    const key = `${type} ${name}`
    const known = this.#undone.get(key)
    if (known === undefined) this.#undone.set(key, { name, type, changed: members })
    else known.changed += members
  }

  plan(): UndoPlan {
    const { retracted: dots, operations, kept } = this
    const retract = { type: 'retract', object: '', dots } as const
    return {
      operations: dots.length === 0 ? operations : [retract, ...operations],
      undone: [...this.#undone.values()],
      kept,
    }
  }
}

/**
 * How to take back one own transaction in the state as it is now. What it wrote goes where it is still the
 * same entry; what that replaced, or what it removed, comes back where nobody has written since. Counters
 * are compensated. Whatever others did meanwhile stands.
 *
 * @param later own transactions after it, oldest first
 */
export function planUndo(state: LiveState, written: Written, later: readonly Written[]): UndoPlan {
  const draft = new Draft()
  const own = ownEntries(state, written, later)
  planSets(state, written, own, draft)
  planRegisters(state, written, own, draft)
  planMaps({ state, written, later, own, draft })
  planCounters(state, written, draft)
  return draft.plan()
}

/** A sum as amounts that one operation each may add. */
export function* amountsOf(sum: bigint): Generator<bigint, void, void> {
  let rest = sum
  while (rest !== 0n) {
    const part = rest > AMOUNT_MAX ? AMOUNT_MAX : rest < -AMOUNT_MAX ? -AMOUNT_MAX : rest
    yield part
    rest -= part
  }
}

/** The one of concurrent values that readers saw. */
export function winnerOf(entries: readonly RemovedEntry[]): RemovedEntry | undefined {
  return entries.toSorted(
    (a, b) => b.stamp - a.stamp || compareText(b.replica, a.replica) || b.n - a.n,
  )[0]
}

/**
 * Live entries of a transaction, and those of later ones that stand in their place: what an undo brought back,
 * and elements that were added again by a transaction that was undone.
 */
function ownEntries(
  state: LiveState,
  written: Written,
  later: readonly Written[],
): readonly OwnEntry[] {
  const own = entriesOf(state, written)
  const standIns: { readonly by: Written; readonly key: string }[] = []
  for (const by of later) {
    const undone = later.find(({ number }) => number === by.undoes)?.removed ?? []
    const again = !by.isUndone ? [] : by.removed.filter(isElement)
    const keys = [...undone, ...again]
      .filter((entry) => {
        const isStandIn = standIns.some((one) => isOf(one.by, entry) && one.key === keyOf(entry))
        return isStandIn || isOf(written, entry)
      })
      .map(keyOf)
    if (keys.length === 0) continue
    for (const key of keys) standIns.push({ by, key })
    own.push(...entriesOf(state, by).filter((entry) => keys.includes(keyOf(entry))))
  }
  return own
}

function isElement({ kind }: EntryContent): boolean {
  return kind === 'element'
}

/** Live entries by their dots. */
function entriesOf(state: LiveState, { writer, n0, n1 }: Written): OwnEntry[] {
  const own: OwnEntry[] = []
  const draft = new EventDraft()
  state.walk(writer, n0, n1, (slot, n) => {
    state.draftOf(slot, draft)
    const content = entryContent(draft)
    if (content === undefined) return true
    const { name, type } = state.objectAt(draft.object)
    own.push({ ...content, object: name, type, slot, dot: { writer, n } })
    return true
  })
  return own
}

/** Equal for entries of which one may stand in the place of another. */
function keyOf({ type, object, kind, path, text }: OwnEntry | RemovedEntry): string {
  return JSON.stringify([type, object, kind, path, kind === 'element' ? text : ''])
}

function planSets(
  state: LiveState,
  { operations, removed, isPassing }: Written,
  own: readonly OwnEntry[],
  draft: Draft,
): void {
  const before = removed.filter(({ type }) => type === 'set')
  const wasThere = new Set(before.map(({ object, text }) => elementKey(object, text)))
  const after = own.filter(({ type }) => type === 'set')
  const isOwn = new Set(after.map(({ object, text }) => elementKey(object, text)))
  const scratch = new EventDraft()
  for (const entry of after) {
    const { object, text, slot } = entry
    if (wasThere.has(elementKey(object, text))) continue
    draft.retract(entry)
    if (hasSibling(state, slot, scratch)) draft.kept.push(keptElement(object, text))
    else draft.count('set', object)
  }
  const reader = new ObjectReader(state)
  const has = (object: string, text: string): boolean => reader.setHas(object, text)
  const back = before.filter(({ object, text }) => {
    return !isOwn.has(elementKey(object, text)) && !has(object, text)
  })
  for (const [object, entries] of Map.groupBy(back, (entry) => entry.object)) {
    const values = [...new Set(entries.map(({ text }) => text))]
    draft.operations.push({ type: 'set-add', object, values })
    draft.count('set', object, values.length)
  }
  if (isPassing) return
  for (const operation of operations) {
    if (operation.type !== 'set-add') continue
    for (const value of operation.values) {
      const key = elementKey(operation.object, value)
      const isAnothers = !isOwn.has(key) && !wasThere.has(key) && has(operation.object, value)
      if (isAnothers) draft.kept.push(keptElement(operation.object, value))
    }
  }
}

function planRegisters(
  state: LiveState,
  { operations, removed }: Written,
  own: readonly OwnEntry[],
  draft: Draft,
): void {
  const before = removed.filter(({ type }) => type === 'register')
  const set = operations.filter((operation) => operation.type === 'register-set')
  const names = new Set([...set, ...before].map(({ object }) => object))
  for (const object of names) {
    const entry = own.find((one) => one.type === 'register' && one.object === object)
    const live = state.object('register', object)?.entries ?? 0
    const old = winnerOf(before.filter((one) => one.object === object))
    const isWritten = set.some((operation) => operation.object === object)
    if (isWritten ? entry === undefined : live > 0) {
      draft.kept.push({ name: object, type: 'register', reason: 'changed-since' })
      continue
    }
    // Beside what others wrote at the same time there is nothing to bring back: theirs is seen then.
    if (old !== undefined && live <= 1) {
      draft.operations.push({ type: 'register-set', object, json: old.text })
    } else if (entry !== undefined) draft.retract(entry)
    draft.count('register', object)
  }
}

function planCounters(state: LiveState, { operations }: Written, draft: Draft): void {
  const sums = new Map<string, bigint>()
  for (const operation of operations) {
    if (operation.type !== 'counter-add') continue
    sums.set(operation.object, (sums.get(operation.object) ?? 0n) + operation.amount)
  }
  for (const [object, sum] of sums) {
    if (sum > 0n && state.object('counter', object)?.isGrowOnly === true) {
      draft.kept.push({ name: object, type: 'counter', reason: 'grow-only' })
      continue
    }
    for (const amount of amountsOf(-sum)) {
      draft.operations.push({ type: 'counter-add', object, amount, growOnly: false })
    }
    if (sum !== 0n) draft.count('counter', object)
  }
}

function keptElement(name: string, value: string): Kept {
  return { name, type: 'set', value, reason: 'changed-since' }
}

function elementKey(object: string, text: string): string {
  return `${object.length} ${object}${text}`
}
