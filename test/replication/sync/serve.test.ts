import { describe, expect, test } from 'vitest'
import { hex } from '../../../src/base/bytes.ts'
import { RunReader } from '../../../src/crdt/run-reader.ts'
import { Adopting } from '../../../src/replication/base/adopting.ts'
import { REPLICATION_DEFAULTS } from '../../../src/replication/options.ts'
import { decodeFrame } from '../../../src/replication/sync/frame-codec.ts'
import type { BaseRequest, SyncFrame } from '../../../src/replication/sync/frames.ts'
import type { Rest } from '../../../src/replication/sync/packer.ts'
import { serve } from '../../../src/replication/sync/serve.ts'
import { replicaOf } from '../../crdt/encoded.ts'
import { Pen } from '../pen.ts'

const [A, B] = [replicaOf('a'), replicaOf('b')]
const CREDIT = 1 << 20
const TURN = 500
const FROM_THE_START = { covered: [], cursor: { writer: 0, n: 1 }, blocks: [] }

/** Many elements, of which every second one is removed in bulk. */
function written(): Pen {
  const pen = new Pen(A)
  for (let i = 0; i < 12_000; i += 100) {
    const values = Array.from({ length: 100 }, (_, j) => `element ${i + j}`)
    pen.write({ type: 'set-add', object: 's', values })
    const removed = values.filter((_, j) => j % 2 === 0)
    pen.write({ type: 'set-remove', object: 's', values: removed })
  }
  return pen
}

/** The frames of each turn. */
function turns(
  pen: Pen,
  base: BaseRequest | undefined,
  turnEvents: number,
  between?: () => void,
): readonly (readonly SyncFrame[])[] {
  const parts: SyncFrame[][] = []
  const runs = new RunReader()
  const first = { type: 'pull', group: 'main', session: 1, credit: CREDIT } as const
  let pull = { ...first, vector: [], partials: [], base } as Parameters<typeof serve>[1]
  let rest: Rest | undefined
  for (;;) {
    const answer = serve(pen.group, pull, { credit: CREDIT, turnEvents, rest }, runs)
    parts.push(
      answer.frames.map((bytes) => {
        const frame = decodeFrame(bytes)
        if (!frame.ok) throw new Error(frame.reason)
        return frame.value
      }),
    )
    rest = answer.rest
    if (rest === undefined) return parts
    pull = rest.pull
    between?.()
  }
}

describe('an answer in turns', () => {
  test('brings the same events as one at once, a bounded part each, and ends once', () => {
    const pen = written()
    const parts = turns(pen, undefined, TURN)
    expect(parts.length).toBeGreaterThan(3)
    expect(parts.flat().filter(({ type }) => type === 'end')).toHaveLength(1)
    expect(parts.at(-1)?.at(-1)?.type).toBe('end')
    const reader = new Pen(B)
    const read = new RunReader()
    for (const part of parts) {
      let work = 0
      for (const frame of part) {
        if (frame.type !== 'events') continue
        for (const run of frame.runs) {
          if (!(run instanceof Uint8Array)) throw new Error('a run without ids')
          expect(read.read(run).ok).toBe(true)
          work += read.events + read.kills
          reader.receive(run)
        }
      }
      // The run with which the budget is reached goes, too.
      expect(work).toBeLessThanOrEqual(TURN + 2 * 4_096)
    }
    expect(hex(reader.group.digest())).toBe(hex(pen.group.digest()))
  })

  test('does not bring what comes meanwhile, which may be from the puller itself', () => {
    const pen = written()
    const puller = new Pen(B)
    puller.write({ type: 'set-add', object: 's', values: ['theirs'] })
    const before = turns(written(), undefined, TURN).flat()
    const parts = turns(pen, undefined, TURN, () => pen.receive(...puller.packed(0)))
    expect(pen.group.state.haveOf(B)).toBe(1)
    const runsOf = (frames: readonly SyncFrame[]) => frames.filter(({ type }) => type === 'events')
    expect(parts.length).toBeGreaterThan(3)
    expect(runsOf(parts.flat())).toEqual(runsOf(before))
  })

  test('brings the same base as one at once', () => {
    const pen = written()
    const parts = turns(pen, FROM_THE_START, TURN)
    expect(parts.length).toBeGreaterThan(1)
    const reader = new Pen(B)
    let adopting: Adopting | undefined
    for (const frame of parts.flat()) {
      if (frame.type !== 'base') continue
      const { head, items } = frame
      if (head !== undefined) {
        expect(adopting).toBeUndefined()
        const limits = REPLICATION_DEFAULTS
        const runs = new RunReader()
        adopting = new Adopting({ group: reader.group, head, vector: [], runs, limits })
      }
      adopting?.beginPart()
      for (const item of items) expect(adopting?.add(item)).toBe(true)
    }
    expect(adopting?.isComplete).toBe(true)
    adopting?.apply()
    expect(hex(reader.group.digest())).toBe(hex(pen.group.digest()))
  })

  test('ends in the middle of a long item and goes on there, unless it is another one by then', () => {
    const pen = new Pen(A)
    pen.write({ type: 'register-set', object: 'r', value: 'x'.repeat((1 << 20) - 2) })
    const [cursor, covered] = [{ writer: 0, n: 1 }, [{ replica: A, n: 1 }]]
    /** Types and indexes of an answer, and its end. */
    const answer = (base: BaseRequest): readonly [string, readonly SyncFrame[]] => {
      const [frames = []] = turns(pen, base, TURN)
      const told = frames.map((frame) => (frame.type === 'base-piece' ? frame.index : frame.type))
      return [told.join(' '), frames]
    }
    const [first, frames] = answer(FROM_THE_START)
    expect(first).toBe('base 0 1 2 3 end')
    expect(frames.at(-1)).toMatchObject({ hasMore: true, cursor })
    const piece = frames.find(({ type }) => type === 'base-piece')
    if (piece?.type !== 'base-piece') throw new Error('a piece')
    const { hash } = piece
    const rest = { covered, cursor, blocks: [] }
    const [second, more] = answer({ ...rest, held: { hash, count: 4 } })
    expect(second).toBe('4 5 6 7 end')
    expect(more.at(-1)).toMatchObject({ hasMore: true, cursor })
    const [last, all] = answer({ ...rest, held: { hash, count: 8 } })
    expect(last).toBe('8 end')
    expect(all.at(-1)).toMatchObject({ hasMore: false, cursor: undefined })
    const [other] = answer({ ...rest, held: { hash: { ...hash, low: hash.high }, count: 4 } })
    expect(other).toBe('0 1 2 3 end')
    // More than there is.
    expect(answer({ ...rest, held: { hash, count: 64 } })[0]).toBe('end')
  })

  test('ends where the log has gone meanwhile: what is left is asked for anew', () => {
    const pen = written()
    const runs = new RunReader()
    const pull = { type: 'pull', group: 'main', session: 1, credit: CREDIT } as const
    const asked = { ...pull, vector: [], partials: [], base: undefined }
    const { rest } = serve(pen.group, asked, { credit: CREDIT, turnEvents: TURN }, runs)
    if (rest === undefined) throw new Error('more than one turn')
    const { state, log } = pen.group
    log.truncate(state.intern(A), state.haveOf(A), state.chainOf(state.intern(A)))
    const answer = serve(pen.group, rest.pull, { credit: CREDIT, turnEvents: TURN, rest }, runs)
    const frames = answer.frames.map((bytes) => decodeFrame(bytes))
    expect(frames).toMatchObject([{ value: { type: 'end', hasMore: true, cursor: undefined } }])
  })
})
