import { assert } from '../../base/assert.ts'
import { HearsayError } from '../../base/errors.ts'
import type { ReplicaId } from '../../base/ids.ts'
import { type EntryContent, entryContent } from '../../crdt/entry-content.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import type { Recorder } from '../../crdt/live-entries.ts'
import type { LiveObject } from '../../crdt/live-object.ts'
import type { CheckedOperation, Dot, ObjectType } from '../../crdt/operation.ts'
import type { Group } from '../group/group.ts'
import type { OwnHistory } from '../group/own-history.ts'
import type { WaitingChanges } from '../group/waiting-changes.ts'
import { LatestIncrements } from './latest-increments.ts'
import type { Undoable } from './undo.ts'
import { undoables } from './undoables.ts'

/** Transactions a group remembers, for as long as the process lives. */
export const UNDO_TRANSACTIONS_MAX = 100
/** And bytes of what they wrote and removed, about. A transaction beyond it cannot be undone. */
export const UNDO_BYTES_MAX: number = 1 << 20

/** An entry that a transaction removed, and that was there before it. */
export interface RemovedEntry extends EntryContent {
  readonly object: string
  readonly type: ObjectType
  readonly replica: ReplicaId
  readonly writer: number
  readonly n: number
}

/** Who writes, and when. */
export interface Writing {
  readonly self: ReplicaId
  readonly stamp: number
}

/** One own transaction: what undoing it needs to know. */
export interface Written {
  /** Its place among the own transactions of the group in this process, from 1. */
  readonly number: number
  readonly writer: number
  /** Its first and last event. */
  readonly n0: number
  readonly n1: number
  readonly operations: readonly CheckedOperation[]
  readonly removed: readonly RemovedEntry[]
  /** Whether it removed what it had written itself. */
  readonly isPassing: boolean
  /** Undefined when it is too large to be remembered. */
  readonly bytes: number | undefined
  /** The transaction that it undid: what it wrote stands for what that had removed. */
  readonly undoes: number | undefined
  isUndone: boolean
  /** The transaction that has undone it; undefined also when there was nothing to take back. */
  undoneBy: number | undefined
}

const NOTHING: readonly never[] = []
const WRITTEN_BYTES = 256
const ENTRY_BYTES = 128

/**
 * The latest transactions that this process wrote in a group. What they wrote is found by their dots as long
 * as it lives; what they removed is copied before it dies.
 */
export class UndoHistory implements OwnHistory, Recorder {
  readonly increments: LatestIncrements = new LatestIncrements(UNDO_TRANSACTIONS_MAX)
  readonly #group: Group
  #written: Written[] = []
  /** Those before it are forgotten: moving up all the others at each write would cost more than the write. */
  #head = 0
  readonly #draft = new EventDraft()
  #bytes = 0
  #count = 0
  #self: ReplicaId | undefined
  /** Whether `#writer` is the number of `#self`: it stays. */
  #isNumbered = false
  /** Of the transaction under way. */
  #writer = 0
  #n0 = 0
  #undoes: number | undefined
  #removed: RemovedEntry[] = []
  #removedBytes = 0
  #isPassing = false

  constructor(group: Group) {
    this.#group = group
  }

  /** Oldest first. */
  get written(): readonly Written[] {
    return this.#written.slice(this.#head)
  }

  undoables(): readonly Undoable[] {
    return undoables(this.written)
  }

  /**
   * Applies operations as one transaction, as Group.write() does, and remembers it when it changed anything.
   * @param undoes the transaction that these operations undo
   */
  write(
    operations: readonly CheckedOperation[],
    { self, stamp }: Writing,
    undoes?: Written,
  ): readonly number[] {
    const group = this.#group
    const { state } = group
    // What waits becomes events of transactions before this one.
    group.settle()
    this.#begin(self, undoes?.number)
    state.live.recorder = this
    let changed: readonly number[]
    try {
      changed = group.write(self, operations, stamp)
    } finally {
      state.live.recorder = group.changes
    }
    // One that changed nothing may still have put its entries in the place of an earlier one's.
    const isVisible = hasChanged(changed)
    if (isVisible || this.#replacedKnown()) {
      this.#keep(operations, state.have(this.#writer), isVisible)
      if (undoes !== undefined) {
        undoes.isUndone = true
        undoes.undoneBy = this.#count
      }
    }
    return changed
  }

  /** Remembers changes of a set that waited and have become the latest events; adds are of new elements. */
  waited(waiting: WaitingChanges, from: number, to: number): void {
    const { self, object } = waiting
    if (from === to || self === undefined) return
    this.#begin(self, undefined)
    let first = to
    let kept = 0
    while (first > from && kept < UNDO_TRANSACTIONS_MAX) {
      first -= 1
      if (waiting.hasChanged(first)) kept += 1
    }
    // Those that the last ones would have forgotten count and leave nothing else.
    for (let i = from; i < first; i++) if (waiting.hasChanged(i)) this.#count += 1
    this.#n0 -= kept
    for (let i = first; i < to; i++) {
      if (!waiting.hasChanged(i)) continue
      const operation = waiting.operation(i)
      if (operation.type === 'set-remove') {
        const writer = waiting.killWriters[i] ?? 0
        const replica = this.#group.state.replicaAt(writer)
        const [text] = operation.values
        const content = { kind: 'element', path: NOTHING, text, amount: 0n, stamp: 0 } as const
        const n = waiting.killDots[i] ?? 0
        this.#removed = [{ ...content, object, type: 'set', replica, writer, n }]
        this.#removedBytes = ENTRY_BYTES + 2 * text.length
      } else {
        this.#removed = []
        this.#removedBytes = 0
      }
      this.#keep([operation], this.#n0, true)
      this.#n0 += 1
    }
  }

  /** Remembers increments that waited, before they become events. */
  counted(self: ReplicaId): void {
    this.#begin(self, undefined)
    this.#count += Math.max(0, this.increments.count - UNDO_TRANSACTIONS_MAX)
    // Their events are running totals: there is nothing to look at.
    for (const operation of this.increments.take()) this.#keep([operation], this.#n0 - 1, true)
  }

  /**
   * The last transaction, or one by its number.
   * @throws {HearsayError} ERR_NOT_FOUND: there is none · ERR_INVALID: undone already · ERR_LIMIT: too large
   */
  find(number: number | undefined, self: ReplicaId): Written {
    if (self !== this.#self) this.#forget(self)
    const group = JSON.stringify(this.#group.name)
    const found =
      number === undefined
        ? this.written.findLast((written) => !written.isUndone)
        : this.written.find((written) => written.number === number)
    if (found === undefined) {
      const what =
        number === undefined ? 'nothing was written' : `transaction ${number} is not known`
      throw new HearsayError('ERR_NOT_FOUND', `Cannot undo in group ${group}: ${what} here`, {
        hint: `A node remembers its own last ${UNDO_TRANSACTIONS_MAX} transactions, and none from before its start`,
      })
    }
    const what = `Cannot undo transaction ${found.number} of group ${group}`
    if (found.isUndone) {
      const by = found.undoneBy
      const hint = by === undefined ? '' : `Undo transaction ${by} to have it again`
      throw new HearsayError('ERR_INVALID', `${what}: it is undone`, { hint })
    }
    if (found.bytes === undefined) {
      throw new HearsayError('ERR_LIMIT', `${what}: it changed above ${UNDO_BYTES_MAX} bytes`, {
        hint: 'Write the old values again; earlier transactions are undone by their numbers',
      })
    }
    return found
  }

  inserted(object: LiveObject, slot: number): void {
    this.#group.changes.inserted(object, slot)
  }

  removing(object: LiveObject, slot: number): void {
    this.#group.changes.removing(object, slot)
    // A counter's entry is a running total: what was added is taken back instead.
    if (object.type === 'counter' || this.#removedBytes > UNDO_BYTES_MAX) return
    const { state } = this.#group
    const writer = state.slots.writerOf(slot)
    const n = state.slots.dotOf(slot)
    if (writer === this.#writer && n >= this.#n0) {
      this.#isPassing = true
      return
    }
    state.draftOf(slot, this.#draft)
    const content = entryContent(this.#draft)
    if (content === undefined) return
    const replica = state.replicaAt(writer)
    const { type, name } = object
    const { kind, path, text, amount, stamp } = content
    // Not spread: an object that grows beyond what it began with takes twice the memory.
    this.#removed.push({ kind, path, text, amount, stamp, object: name, type, replica, writer, n })
    this.#removedBytes += ENTRY_BYTES + 2 * content.text.length
    for (const component of content.path) this.#removedBytes += 2 * component.length
    if (this.#removedBytes > UNDO_BYTES_MAX) this.#removed = []
  }

  /** Dots of another identity mean nothing under this one. */
  #forget(self: ReplicaId): void {
    this.#written = []
    this.#head = 0
    this.#bytes = 0
    this.#self = self
    this.#isNumbered = false
  }

  #begin(self: ReplicaId, undoes: number | undefined): void {
    if (this.#self !== self) this.#forget(self)
    const { state } = this.#group
    if (!this.#isNumbered) {
      const writer = state.indexOf(self)
      // One that has never written here gets the next number.
      this.#writer = writer ?? state.replicaCount
      this.#isNumbered = writer !== undefined
    }
    this.#n0 = this.#isNumbered ? state.have(this.#writer) + 1 : 1
    this.#undoes = undoes
    if (this.#removed.length > 0) this.#removed = []
    this.#removedBytes = 0
    this.#isPassing = false
  }

  #replacedKnown(): boolean {
    const oldest = this.#written[this.#head]?.n0 ?? this.#n0
    return this.#removed.some(({ writer, n }) => writer === this.#writer && n >= oldest)
  }

  #keep(operations: readonly CheckedOperation[], n1: number, isVisible: boolean): void {
    this.#count += 1
    const size = WRITTEN_BYTES + this.#removedBytes + bytesOf(operations)
    const bytes = size > UNDO_BYTES_MAX ? undefined : size
    this.#written.push({
      number: this.#count,
      writer: this.#writer,
      n0: this.#n0,
      n1,
      operations: bytes === undefined ? NOTHING : operations,
      removed: bytes === undefined || this.#removed.length === 0 ? NOTHING : this.#removed,
      isPassing: this.#isPassing,
      bytes,
      undoes: this.#undoes,
      isUndone: !isVisible,
      undoneBy: undefined,
    })
    this.#bytes += bytes ?? WRITTEN_BYTES
    while (this.#written.length - this.#head > UNDO_TRANSACTIONS_MAX) this.#forgetOldest()
    while (this.#bytes > UNDO_BYTES_MAX) this.#forgetOldest()
  }

  #forgetOldest(): void {
    this.#bytes -= this.#written[this.#head]?.bytes ?? WRITTEN_BYTES
    this.#head += 1
    const isLarge = this.#bytes > UNDO_BYTES_MAX / 2
    if (!isLarge && this.#head < UNDO_TRANSACTIONS_MAX) return
    this.#written = this.#written.slice(this.#head)
    this.#head = 0
  }
}

function hasChanged(changed: readonly number[]): boolean {
  for (const members of changed) if (members > 0) return true
  return false
}

/** Whether an entry was written by a transaction. */
export function isOf({ writer, n0, n1 }: Written, entry: Dot): boolean {
  return entry.writer === writer && entry.n >= n0 && entry.n <= n1
}

function bytesOf(operations: readonly CheckedOperation[]): number {
  let units = 0
  for (const operation of operations) {
    units += 32 + operation.object.length
    switch (operation.type) {
      case 'counter-add':
        break
      case 'register-set':
        units += operation.json.length
        break
      case 'retract':
        units += 16 * operation.dots.length
        break
      case 'set-add':
      case 'set-remove':
        units += lengthOf(operation.values)
        break
      default:
        units += lengthOf(operation.path)
        if (operation.type === 'map-set') units += operation.json.length
        else if ('values' in operation) units += lengthOf(operation.values)
    }
  }
  return 2 * units
}

function lengthOf(texts: readonly string[]): number {
  let units = 0
  for (const text of texts) units += text.length + 8
  return units
}

/** What a node's group remembers. */
export function rememberedBy({ history }: Pick<Group, 'history'>): UndoHistory {
  assert(history instanceof UndoHistory, 'a group of a node remembers what it wrote')
  return history
}
