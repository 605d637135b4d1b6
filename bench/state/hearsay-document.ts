import type { Millis, StoreRow, StoreWrite } from '../../src/base/core.ts'
import type { PeerId } from '../../src/base/ids.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Operation } from '../../src/crdt/operation.ts'
import { Replication, type ReplicationInput } from '../../src/replication/replication.ts'
import { parseRow } from '../../src/replication/store/rows.ts'
import { encodeFrame } from '../../src/replication/sync/frame-codec.ts'
import { type Document, MAIN_SET } from './library.ts'

export const GROUP = 'main'
const START: Millis = Date.UTC(2026, 0, 1)
const INCREMENT: readonly Operation[] = [{ type: 'counter-add', object: 'c', amount: 1n }]
/** Transactions between two flushes: what gathers while a disk is busy with the ones before. */
const GATHERED_MAX = 1_000

/** What leaves a core. */
export interface Outlet {
  readonly onSend: (peer: PeerId, bytes: Uint8Array) => void
}

/** The replication core in memory: transactions are encoded, chained and logged, without a disk. */
export class HearsayDocument implements Document {
  now: Millis = START
  readonly peer: PeerId
  readonly #core: Replication
  readonly #view
  readonly #source: PeerId
  #isLinked = false
  #gathered = 0
  #listener: ((message: Uint8Array) => void) | undefined
  #onWrite: ((write: StoreWrite) => void) | undefined

  /** @param rows of a store, in key order */
  constructor(writer: number, rows: readonly StoreRow[]) {
    this.peer = peerIdFromPublicKey(new Uint8Array(32).fill(writer))
    this.#source = peerIdFromPublicKey(new Uint8Array(32).fill(99))
    this.#core = new Replication({ random: seededRandom([writer, 1]) })
    for (const row of rows) this.#core.load(row)
    this.#core.start(this.now)
    this.#view = this.#core.view(GROUP)
    this.settle()
  }

  readonly counter: { increment(times: number): void; value(): number } = {
    increment: (times) => {
      this.#transact(times === 1 ? INCREMENT : new Array(times).fill(INCREMENT[0]))
    },
    value: () => Number(this.#view.counter('c')),
  }

  add(key: string): void {
    this.#transact([{ type: 'set-add', object: MAIN_SET, values: [key] }])
  }

  remove(key: string): void {
    this.#transact([{ type: 'set-remove', object: MAIN_SET, values: [key] }])
  }

  change(added: readonly string[], removed: readonly string[], object: string = MAIN_SET): void {
    const operations: Operation[] = []
    if (added.length > 0) operations.push({ type: 'set-add', object, values: added })
    if (removed.length > 0) operations.push({ type: 'set-remove', object, values: removed })
    this.#transact(operations)
  }

  has(key: string): boolean {
    return this.#view.setHas(MAIN_SET, key)
  }

  keys(set: string = MAIN_SET): readonly string[] {
    return this.#view.setValues(set)
  }

  listen(listener: ((message: Uint8Array) => void) | undefined): void {
    this.settle()
    this.#listener = listener
  }

  /** From now on calls back with each row that would go to a store. */
  keepRows(onWrite: (write: StoreWrite) => void): void {
    this.#onWrite = onWrite
  }

  apply(message: Uint8Array): void {
    if (!this.#isLinked) {
      this.#isLinked = true
      this.input({ type: 'peer-up', peer: this.#source })
    }
    this.input({ type: 'frame', peer: this.#source, bytes: message })
    this.#gather()
  }

  /** Leaves whoever sent it the messages that it was told to apply. */
  leaveSource(): void {
    if (this.#isLinked) this.input({ type: 'peer-down', peer: this.#source })
    this.#isLinked = false
  }

  settle(): void {
    this.drain({ onSend: () => {} })
  }

  rest(): void {
    do this.settle()
    while (this.#core.hasUnsaved)
  }

  input(input: ReplicationInput): void {
    this.#core.handle(input, this.now)
  }

  /** Stores what has gathered and takes all outputs. */
  drain({ onSend }: Outlet): void {
    this.#gathered = 0
    if (this.#core.hasUnsaved) this.input({ type: 'flush' })
    for (;;) {
      const output = this.#core.poll()
      if (output === undefined) return
      if (output.type === 'persist') {
        for (const write of output.writes) {
          this.#onWrite?.(write)
          if (this.#listener !== undefined) tell(write, this.#listener)
        }
      } else if (output.type === 'send') onSend(output.peer, output.bytes)
      else if (output.type === 'refused') throw output.error
      else if (output.type === 'alarm') throw new Error(output.reason)
    }
  }

  nextDeadline(): Millis | undefined {
    return this.#core.nextDeadline()
  }

  digest(): string {
    return Buffer.from(this.#core.status(GROUP).digest).toString('hex')
  }

  #transact(operations: readonly Operation[]): void {
    this.input({ type: 'transact', request: 1, group: GROUP, operations })
    this.#gather()
  }

  #gather(): void {
    this.#gathered += 1
    // A listener wants each transaction in a message of its own, as an idle node sends it.
    if (this.#gathered >= GATHERED_MAX || this.#listener !== undefined) this.settle()
  }
}

function tell({ key, value }: StoreWrite, listener: (message: Uint8Array) => void): void {
  if (value === undefined) return
  const row = parseRow({ key, value })
  if (row.type !== 'log') return
  const { runs } = row
  listener(encodeFrame({ type: 'events', group: GROUP, session: 0, sentTo: [], runs }))
}
