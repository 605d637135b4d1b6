import type { Millis, StoreRow } from '../../src/base/core.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import type { ReplicationTunables } from '../../src/replication/options.ts'
import { Replication, type ReplicationInput } from '../../src/replication/replication.ts'
import { threadMs } from './case.ts'
import { GROUP } from './hearsay-document.ts'

const START: Millis = Date.UTC(2026, 0, 1)
const FOREVER = 10_000_000
/** Steps after which two cores must be equal: each is a tick or a flight of frames. */
const STEPS_MAX = 200_000

/** A long turn, when it was, and what it was for. Times of `performance.now()`. */
export interface Turn {
  readonly startMs: number
  readonly endMs: number
  /** Of it, that the thread had a processor. */
  readonly ms: number
  readonly on: string
}

/** Shorter turns are not looked at. */
const LONG_MS = 1

/**
 * A replication core whose turns are timed as a driver takes them: one input, and all that comes out. A turn's
 * time is the lesser of the clock's and the thread's: whatever else the machine does takes none of it.
 */
export class TimedCore {
  readonly peer: PeerId
  readonly rows: Map<string, Uint8Array> = new Map()
  now: Millis = START
  /** Longer than a millisecond. */
  turns: Turn[] = []
  #core: Replication
  readonly #options: Partial<ReplicationTunables>
  readonly #number: number
  #sent: { readonly to: PeerId; readonly bytes: Uint8Array }[] = []
  #request = 0

  constructor(number: number, options: Partial<ReplicationTunables> = {}) {
    this.#number = number
    this.#options = { serveBytesPerSecond: FOREVER * 1_000, ...options }
    this.peer = peerIdFromPublicKey(new Uint8Array(32).fill(number))
    this.#core = this.#start([])
  }

  get view(): ReturnType<Replication['view']> {
    return this.#core.view(GROUP)
  }

  /** Starts again from its rows. */
  restart(): void {
    const rows = [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#core = this.#start(rows.map(([key, value]) => ({ key, value })))
  }

  forget(): void {
    this.turns = []
  }

  transact(operations: readonly Operation[]): void {
    this.#request += 1
    this.input({ type: 'transact', request: this.#request, group: GROUP, operations }, 'transact')
  }

  undo(): void {
    this.#request += 1
    this.input(
      { type: 'undo', request: this.#request, group: GROUP, transaction: undefined },
      'undo',
    )
  }

  /** A turn. */
  input(input: ReplicationInput, on: string = input.type): void {
    this.turn(on, () => {
      this.#core.handle(input, this.now)
      this.#drain()
    })
  }

  turn(on: string, work: () => void): void {
    const [startMs, thread] = [performance.now(), threadMs()]
    work()
    const endMs = performance.now()
    const ms = Math.min(endMs - startMs, threadMs() - thread)
    if (ms > LONG_MS) this.turns.push({ startMs, endMs, ms, on })
  }

  /** The store takes what has gathered, and time passes. */
  pass(ms: Millis): void {
    this.flush()
    this.now += ms
    if ((this.nextDeadline() ?? Infinity) <= this.now) this.input({ type: 'tick' })
  }

  /** What the store being free leads to, a turn each. */
  flush(): boolean {
    const had = this.#core.hasUnsaved
    if (had) this.input({ type: 'flush' })
    return had
  }

  rest(): void {
    while (this.flush());
  }

  take(): readonly { readonly to: PeerId; readonly bytes: Uint8Array }[] {
    const sent = this.#sent
    this.#sent = []
    return sent
  }

  nextDeadline(): Millis | undefined {
    return this.#core.nextDeadline()
  }

  digest(): string {
    return Buffer.from(this.#core.status(GROUP).digest).toString('hex')
  }

  #start(rows: readonly StoreRow[]): Replication {
    const core = new Replication({
      random: seededRandom([this.#number, this.now]),
      tellsDiffs: true,
      ...this.#options,
    })
    for (const row of rows) core.load(row)
    core.start(this.now)
    this.#core = core
    this.#drain()
    return core
  }

  #drain(): void {
    for (;;) {
      const output = this.#core.poll()
      if (output === undefined) return
      if (output.type === 'persist') {
        for (const { key, value } of output.writes) {
          if (value === undefined) this.rows.delete(key)
          else this.rows.set(key, value)
        }
      } else if (output.type === 'send') this.#sent.push({ to: output.peer, bytes: output.bytes })
      else if (output.type === 'refused') throw output.error
      else if (output.type === 'alarm') throw new Error(output.reason)
    }
  }
}

/** Links two cores until they are equal, over virtual time. @param meanwhile once a step */
export function meet(
  a: TimedCore,
  b: TimedCore,
  meanwhile: (step: number) => void = () => {},
): void {
  const both = [a, b] as const
  a.now = b.now = Math.max(a.now, b.now)
  a.input({ type: 'peer-up', peer: b.peer })
  b.input({ type: 'peer-up', peer: a.peer })
  for (let step = 0; step < STEPS_MAX; step++) {
    meanwhile(step)
    let said = 0
    for (const from of both) {
      from.flush()
      for (const { to, bytes } of from.take()) {
        said += 1
        const target = to === a.peer ? a : b
        target.input({ type: 'frame', peer: from.peer, bytes })
      }
    }
    const now = a.now + 1
    a.now = b.now = now
    for (const core of both)
      if ((core.nextDeadline() ?? Infinity) <= now) core.input({ type: 'tick' })
    if (said === 0 && step % 16 === 0 && a.digest() === b.digest()) break
    if (step === STEPS_MAX - 1) throw new Error('two cores do not become equal')
  }
  a.input({ type: 'peer-down', peer: b.peer })
  b.input({ type: 'peer-down', peer: a.peer })
  for (const core of both) core.rest()
  for (const core of both) core.take()
}
