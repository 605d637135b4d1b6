import { sealedOf } from '../../crdt/entry-reads.ts'
import { EventDraft } from '../../crdt/event-draft.ts'
import { KIND_COUNTER } from '../../crdt/kinds.ts'
import type { Recorder } from '../../crdt/live-entries.ts'
import type { LiveObject } from '../../crdt/live-object.ts'
import { LiveState } from '../../crdt/live-state.ts'
import { RunReader } from '../../crdt/run-reader.ts'
import { replayNext } from '../group/apply-run.ts'
import type { Group } from '../group/group.ts'
import { adoptHead, applyItem } from './adoption.ts'
import type { BaseItem, BaseWriter } from './base.ts'
import { headOf } from './base-walk.ts'

/** Events that are left to the moment in which it takes the group's state's place. */
const LAST_EVENTS = 1_024

/** Dots of a writer to be killed. */
export interface Found {
  /** Interned in the group; states that are swapped keep the numbers. */
  readonly writer: number
  readonly dots: readonly number[]
}

/** Pieces of work: a step ends with each that is yielded. */
export type Steps<Result = void> = Generator<void, Result, void>

/**
 * The union of a group's state and a base, built beside that state while the group goes on. Readers and
 * writers see nothing of it before it takes the state's place; memory is needed for both until then.
 *
 * What it holds at any time is a state as everybody knows it: the base of the group's own events that it has
 * taken over, the base that has come, or both, and events replayed from the group's log.
 */
export class Aside {
  readonly state: LiveState = new LiveState()
  /** Objects that the base has changed. */
  readonly changed: Set<LiveObject> = new Set()
  readonly #group: Group
  readonly #stepEntries: number
  /** Its own: between two steps others read other runs. */
  readonly #runs = new RunReader()
  readonly #recorder: Recorder = {
    inserted: (object) => this.#note(object),
    removing: (object) => this.#note(object),
  }
  #last: LiveObject | undefined
  #work = 0

  /** @param stepEntries entries or events of one step, about */
  constructor(group: Group, stepEntries: number) {
    this.#group = group
    this.#stepEntries = stepEntries
  }

  /** Takes over what lives in the group now; what happens to it meanwhile is in the group's log. */
  *copy(): Steps {
    this.#group.close()
    const { state } = this.#group
    this.mirror()
    const own = headOf(state)
    for (const { replica, have } of own) {
      const writer = state.intern(replica)
      for (let n = 1; n <= have; ) {
        n = this.#copySome(writer, n, have) + 1
        if (this.#did(0)) yield
      }
    }
    adoptHead(this.state, own)
  }

  /** Kills what a base says is dead. */
  *kill(found: readonly Found[]): Steps {
    const { state } = this
    for (const { writer, dots } of found) {
      for (const n of dots) {
        if (n <= state.have(writer)) this.#recorded(() => state.kill(writer, n))
        if (this.#did(1)) yield
      }
    }
  }

  /** Takes in items that bring entries. */
  *add(items: readonly BaseItem[], head: readonly BaseWriter[]): Steps {
    for (const item of items) if (this.#did(this.addItem(item, head))) yield
  }

  /** Takes in one item. @returns entries that it may have brought */
  addItem(item: BaseItem, head: readonly BaseWriter[]): number {
    this.mirror()
    this.#recorded(() => applyItem(this.state, item, head, this.#runs))
    return item.bytes.length === 0 ? 1 : this.#runs.events
  }

  /** Takes in what a base covers, after its items. */
  adopt(head: readonly BaseWriter[]): void {
    this.mirror()
    adoptHead(this.state, head)
  }

  /** Replays what the group has seen beyond it, up to the last few events. @returns false when its log lacks them */
  *follow(): Steps<boolean> {
    for (;;) {
      // Own events are in the log when their run is over.
      this.#group.close()
      if (this.#behind() <= LAST_EVENTS) return true
      const events = this.#replay()
      if (events === undefined) return false
      if (this.#did(events)) yield
    }
  }

  /** Replays what is left, with the group's state closed. @returns false when its log lacks it */
  finish(): boolean {
    this.#group.close()
    while (this.#behind() > 0) if (this.#replay() === undefined) return false
    return true
  }

  /** Writers have the same numbers in both. */
  mirror(): void {
    const { state } = this.#group
    for (let i = this.state.replicaCount; i < state.replicaCount; i++) {
      this.state.intern(state.replicaAt(i))
    }
  }

  /** @returns the last dot looked at */
  #copySome(writer: number, from: number, to: number): number {
    const own = this.#group.state
    const draft = new EventDraft()
    let known: LiveObject | undefined
    let object: LiveObject | undefined
    return own.walk(writer, from, to, (slot, n) => {
      sealedOf(own, slot, draft)
      if (draft.object >= 0) {
        const current = own.objectAt(draft.object)
        if (current !== known || object === undefined) {
          known = current
          object = this.state.objectFor(current.type, current.name)
        }
        draft.object = object.id
      }
      if (draft.kind === KIND_COUNTER) draft.keyByWriter(writer)
      this.state.insert(writer, n, draft)
      this.#work += 1
      return this.#work < this.#stepEntries
    })
  }

  /** Events that the group has and this has not. */
  #behind(): number {
    this.mirror()
    const { state } = this.#group
    let events = 0
    for (let i = 0; i < state.replicaCount; i++) {
      events += Math.max(0, state.have(i) - this.state.have(i))
    }
    return events
  }

  #replay(): number | undefined {
    const group = this.#group
    for (let i = 0; i < group.state.replicaCount; i++) {
      if (group.state.have(i) <= this.state.have(i)) continue
      return replayNext(group, this.state, i, this.#stepEntries, this.#runs)
    }
    return 0
  }

  /** Counts work. @returns whether it is enough for one step */
  #did(entries: number): boolean {
    this.#work += entries
    if (this.#work < this.#stepEntries) return false
    this.#work = 0
    this.state.sweep()
    return true
  }

  #recorded(work: () => void): void {
    this.state.live.recorder = this.#recorder
    work()
    this.state.live.recorder = undefined
  }

  #note(object: LiveObject): void {
    if (object === this.#last) return
    this.#last = object
    this.changed.add(object)
  }
}
