import { DecodeError } from '../../../src/base/codec.ts'
import { Adopting, mayBuildAside } from '../../../src/replication/base/adopting.ts'
import { decodeFrame } from '../../../src/replication/sync/frame-codec.ts'
import type { SyncFrame, VectorEntry } from '../../../src/replication/sync/frames.ts'
import { serve } from '../../../src/replication/sync/serve.ts'
import { Fault } from './model.ts'
import type { Replica, World } from './replica.ts'

type Frame<Type extends SyncFrame['type']> = Extract<SyncFrame, { type: Type }>

/** Answers after which a pull must have ended. */
const ROUNDS_MAX = 64
/** More steps than any merge takes. */
const STEPS_ALL = 10_000

/**
 * A pull as SyncSessions leads it: asked with the vector of the moment; a base on its way survives the loss
 * of frames and goes on from its cursor while everybody writes on; whoever could get all of it again cheaply
 * asks for that instead of a merge.
 */
export class Pull {
  readonly to: Replica
  readonly from: Replica
  readonly #world: World
  #session = 1
  #asked: readonly VectorEntry[] = []
  #wantsWhole = false
  #adopting: Adopting | undefined
  /** The base is complete: what is left are steps of merging it. */
  #isMerging = false
  #isOver = false

  constructor(to: Replica, from: Replica, world: World) {
    this.to = to
    this.from = from
    this.#world = world
  }

  /**
   * Asks and takes in answers until all has come or `frames` frames have, then merges a base.
   * @param mergeSteps of that at most
   * @returns false when it was cut and would go on where it was
   */
  run(frames: number, credit: number, mergeSteps: number = STEPS_ALL): boolean {
    let left = frames
    if (this.#isMerging) return this.#merge(mergeSteps)
    this.#world.counts.pulls += 1
    if (this.#adopting !== undefined) this.#world.counts.resumedBases += 1
    for (let round = 0; round < ROUNDS_MAX; round++) {
      for (const frame of this.#ask(credit)) {
        // What is lost here may still come, long after.
        if (frame.type === 'events')
          for (const bytes of whole(frame.runs)) this.#world.publish(bytes)
        if (left === 0) continue
        left -= 1
        this.#take(frame)
      }
      if (this.#isMerging) return this.#merge(mergeSteps)
      if (this.#isOver) return true
      if (left > 0) continue
      this.#world.counts.cutPulls += 1
      return this.#adopting === undefined && !this.#wantsWhole
    }
    throw new Fault('a pull does not end')
  }

  /** Frames of one answer, parts of bases one item each: where it is cut is for the network to say. */
  #ask(credit: number): readonly SyncFrame[] {
    const { group } = this.to
    const adopting = this.#adopting
    if (adopting === undefined) this.#asked = this.#wantsWhole ? [] : group.vector()
    // Asking tells our vector, answering the events: both are on the disk first.
    this.to.commit()
    this.from.commit()
    const answer = serve(
      this.from.group,
      {
        type: 'pull',
        group: group.name,
        session: this.#session,
        credit,
        vector: this.#asked,
        partials: [],
        base: adopting?.request(),
      },
      { credit },
      this.#world.runs,
    )
    const frames: SyncFrame[] = []
    for (const bytes of answer.frames) {
      const frame = decodeFrame(bytes)
      if (!frame.ok) throw new Fault(`an unreadable frame is served: ${frame.reason}`)
      if (frame.value.type === 'base') frames.push(...parts(frame.value))
      else frames.push(frame.value)
    }
    return frames
  }

  #take(frame: SyncFrame): void {
    switch (frame.type) {
      case 'base':
        if (frame.session === this.#session && !this.#isMerging) this.#takeBase(frame)
        return
      case 'events':
        if (frame.session === this.#session && this.#adopting !== undefined) {
          for (const bytes of whole(frame.runs)) this.#adopting.addTail(bytes)
          return
        }
        this.#world.counts.logAnswers += 1
        for (const bytes of whole(frame.runs)) this.to.receive(bytes)
        return
      case 'end':
        if (frame.session === this.#session) this.#end(frame)
        return
      default:
        throw new Fault(`an answer holds a frame ${frame.type}`)
    }
  }

  #takeBase(frame: Frame<'base'>): void {
    if (frame.head !== undefined) this.#begin(frame.head)
    try {
      for (const item of frame.items) this.#adopting?.add(item)
    } catch (error) {
      // The log no longer reached what followed a complete base: the next pull begins anew.
      if (!(error instanceof DecodeError)) throw error
      this.#world.counts.givenUpBases += 1
      this.#adopting = undefined
      this.#isOver = true
    }
  }

  #begin(head: Frame<'base'>['head'] & {}): void {
    const { group, self } = this.to
    for (const { replica, have, chain } of head) {
      if (replica === self && have > group.state.haveOf(self)) {
        throw new Fault(`${self} hears of own events that it never wrote`)
      }
      const writer = group.state.indexOf(replica)
      if (writer === undefined || have !== group.state.have(writer)) continue
      const own = group.state.chainOf(writer)
      if (own.high !== chain.high || own.low !== chain.low) {
        throw new Fault(`a fork of ${replica} is seen in a base`)
      }
    }
    this.#world.counts.bases += 1
    const adopting = new Adopting({
      group,
      head,
      vector: this.#asked,
      runs: this.#world.runs,
      limits: this.#world.limits,
    })
    if (adopting.hasKnown && mayBuildAside(group)) {
      this.#world.counts.wholeBases += 1
      this.#wantsWhole = true
      this.#adopting = undefined
      // The rest of this answer belongs to a session that is over.
      this.#session += 1
      return
    }
    this.#adopting = adopting
  }

  #end(frame: Frame<'end'>): void {
    const adopting = this.#adopting
    if (adopting === undefined) {
      this.#isOver = !frame.hasMore
      return
    }
    if (!adopting.isComplete || frame.hasMore || frame.cursor !== undefined) return
    this.#isMerging = true
  }

  /** @returns false when it was cut and would go on where it was */
  #merge(steps: number): boolean {
    const adopting = this.#adopting
    if (adopting === undefined) throw new Error('a base to merge')
    for (let left = steps; adopting.step(); left--) {
      if (left > 0) continue
      this.#world.counts.cutMerges += 1
      return false
    }
    this.to.adopt(adopting)
    return true
  }
}

/** Answers to pulls leave no ids out. */
function whole(runs: Frame<'events'>['runs']): readonly Uint8Array[] {
  return runs.map((run) => {
    if (run instanceof Uint8Array) return run
    throw new Fault('a pull is answered by runs without ids')
  })
}

function parts(frame: Frame<'base'>): readonly SyncFrame[] {
  if (frame.items.length < 2) return [frame]
  return frame.items.map((item, i) => ({
    ...frame,
    head: i === 0 ? frame.head : undefined,
    items: [item],
  }))
}
