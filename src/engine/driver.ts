/**
 * The driver: the only loop. It feeds the engine with what ports report, carries its outputs to the
 * ports and arms the one timer.
 *
 * Its one delicate rule: what a crash could make us repeat is durable before a peer or a caller
 * may see it. Outputs with a gate wait, in order, until every earlier `persist` of that gate's
 * source is on disk. Membership has no gate: a slow disk must not make a live node look dead.
 */
import { assert, unreachable } from '../base/assert.ts'
import type { Millis, StoreRow, StoreWrite } from '../base/core.ts'
import { HearsayError } from '../base/errors.ts'
import { Engine } from './engine.ts'
import type { DriverOptions } from './engine-options.ts'
import type {
  Command,
  EngineEvent,
  EngineInput,
  EngineOutput,
  Gate,
  Outcome,
} from './engine-types.ts'
import { internalFailure, storeFailure } from './failures.ts'
import { FrameCounter } from './frame-counter.ts'
import { asksForState, bringsState } from './full-store.ts'
import type { DiskRoom, Ports } from './ports.ts'
import { refusal } from './refusal.ts'

interface Waiting {
  readonly commit: number
  readonly output: EngineOutput
}

export class Driver {
  readonly engine: Engine
  readonly #ports: Ports
  readonly #observe: (event: EngineEvent) => void
  readonly #inputs: (EngineInput | EngineInput[])[] = []
  readonly #callers: Map<number, (outcome: Outcome) => void> = new Map()
  readonly #waiting: Record<Gate, Waiting[]> = { replication: [], kv: [] }
  /** Number of the last commit issued by each source. */
  readonly #issued: Record<Gate | 'membership', number> = { replication: 0, kv: 0, membership: 0 }
  #commits = 0
  #durable = 0
  #requests = 0
  /** Requests to be taken up together. */
  #gathered: EngineInput[] | undefined
  #isRunning = false
  #isHalted = false
  #isBusy = false
  #isFull = false
  #flush: 'none' | 'asked' | 'due' = 'none'
  #failure: HearsayError | undefined
  #armed: Millis | undefined
  readonly #frames = new FrameCounter()
  #last: Millis = 0
  #clockOffsetMs: Millis = 0

  constructor(options: DriverOptions) {
    const { ports, observe, ...rest } = options
    this.#ports = ports
    this.#observe = observe
    this.engine = new Engine({
      ...rest,
      signer: ports.signer,
      random: ports.random,
      hasKademlia: ports.searches !== undefined,
    })
  }

  /** Rows of the store in key order, before start(). @throws {HearsayError} ERR_STORE on damaged rows */
  load(row: StoreRow): void {
    assert(!this.#isRunning, 'rows are loaded before the start')
    this.engine.load(row)
  }

  /** A row whose bytes the disk changed, instead of load(). @throws {HearsayError} ERR_STORE: see Engine */
  damaged(key: string): void {
    assert(!this.#isRunning, 'rows are loaded before the start')
    this.engine.damaged(key)
  }

  /** After the last row does a part of what start() would do of it. @returns whether there is more */
  loadSome(): boolean {
    return this.engine.replication.loadSome()
  }

  start(): void {
    this.#isRunning = true
    const room = this.#ports.disk.watch?.((changed) => this.#roomChanged(changed))
    if (room !== undefined) this.#roomChanged(room)
    this.#ports.links.listen({
      linkUp: (peer, details) => {
        this.#frames.linkUp(peer)
        this.#input({ type: 'link-up', peer, details })
      },
      linkDown: (peer, end) => {
        this.#frames.linkDown(peer)
        this.#input({ type: 'link-down', peer, end })
      },
      dialFailed: (peer, end) => this.#input({ type: 'dial-failed', peer, end }),
      joinFailed: (address, _end, reason) => this.#input({ type: 'join-failed', address, reason }),
      frame: (peer, protocol, bytes) => {
        this.#frames.came(peer, protocol)
        if (this.#isFull && bringsState(protocol, bytes)) {
          this.#input({ type: 'dropped', reason: 'store-full' })
        } else this.#input({ type: 'frame', peer, protocol, bytes })
      },
      addresses: (addresses) => this.#input({ type: 'addresses', addresses }),
      dropped: (reason) => this.#input({ type: 'dropped', reason }),
    })
    this.engine.start(this.now())
    this.#step(undefined)
  }

  /** @returns a number for cancel(); `done` is called once, perhaps before this returns */
  request(command: Command, done: (outcome: Outcome) => void): number {
    this.#requests += 1
    const request = this.#requests
    this.#callers.set(request, done)
    const [isHalted, isFull, failure] = [this.#isHalted, this.#isFull, this.#failure]
    const state = { isHalted, isFull, failure, isObserver: this.engine.observers.isSelf }
    const fault = refusal(command, { ...state, requests: this.#callers.size })
    const input = { type: 'command', request, command } as const
    if (fault === undefined && this.#gathered !== undefined) this.#gathered.push(input)
    else if (fault === undefined) this.#input(input)
    else this.#reply(request, { ok: false, error: fault })
    return request
  }

  /** What is asked for inside `ask` is taken up together, so that what it sends to one peer shares frames. */
  together<Result>(ask: () => Result): Result {
    if (this.#gathered !== undefined) return ask()
    const gathered: EngineInput[] = []
    this.#gathered = gathered
    try {
      return ask()
    } finally {
      this.#gathered = undefined
      if (gathered.length > 0) this.#input(gathered)
    }
  }

  /** Forgets the caller; what the command began may still happen. */
  cancel(request: number): void {
    if (this.#callers.delete(request)) this.#input({ type: 'cancel', request })
  }

  join(addresses: readonly string[]): void {
    this.#input({ type: 'join', addresses })
  }

  /** Members that were invited to read only, all of them, whenever they change. */
  observers(peers: Engine['observers']['all']): void {
    this.#input({ type: 'observers', peers })
  }

  /** Nothing enters or leaves from here on; waiting callers are told. */
  halt(): void {
    if (this.#isHalted) return
    this.#isHalted = true
    this.#ports.clock.arm(undefined, () => {})
    this.#refuseAll(new HearsayError('ERR_STOPPED', 'Cannot finish: the node has stopped'))
  }

  #refuseAll(error: HearsayError): void {
    const callers = [...this.#callers.values()]
    this.#callers.clear()
    for (const done of callers) done({ ok: false, error })
  }

  /** Set after a failed commit, when writes are refused from then on, and by a bug of ours, when all is. */
  get failure(): HearsayError | undefined {
    return this.#failure
  }

  /** Whether the disk has no room: writes are refused until it has. */
  get isFull(): boolean {
    return this.#isFull
  }

  get frames(): FrameCounter {
    return this.#frames
  }

  /** The node's time: never goes back, whatever the wall clock does. Unix ms. */
  now(): Millis {
    const wall = this.#ports.clock.now()
    if (wall + this.#clockOffsetMs < this.#last) this.#clockOffsetMs = this.#last - wall
    this.#last = wall + this.#clockOffsetMs
    return this.#last
  }

  #input(input: EngineInput | EngineInput[]): void {
    if (this.#isHalted) return
    this.#inputs.push(input)
    // An observer or caller may ask for more from inside a step: it is taken up after the step.
    if (!this.#isBusy && this.#isRunning) this.#step(this.#inputs.shift())
  }

  #step(first: EngineInput | EngineInput[] | undefined): void {
    this.#guarded(() => this.#takeUp(first))
  }

  /** What a bug of ours leaves behind is no state to go on from: nothing enters or leaves after one. */
  #guarded(work: () => void): void {
    try {
      work()
    } catch (cause) {
      if (this.#isHalted) throw cause
      this.#isHalted = true
      this.#failure = internalFailure(cause)
      this.#ports.clock.arm(undefined, () => {})
      this.#observe({ type: 'fatal', error: this.#failure })
      this.#refuseAll(this.#failure)
    }
  }

  #takeUp(first: EngineInput | EngineInput[] | undefined): void {
    this.#isBusy = true
    let input = first
    for (;;) {
      if (Array.isArray(input)) this.engine.handleAll(input, this.now())
      else if (input !== undefined) this.engine.handle(input, this.now())
      for (;;) {
        const output = this.engine.poll()
        if (output === undefined || this.#isHalted) break
        this.#carry(output)
      }
      input = this.#inputs.shift() ?? this.#flushed()
      if (input === undefined || this.#isHalted) break
    }
    this.#isBusy = false
    this.#arm()
  }

  /**
   * While a commit is under way events gather, so that load makes commits fuller instead of more. So do those
   * of one turn: a thousand callers who were answered together write again together.
   */
  #flushed(): EngineInput | undefined {
    // After a failure nothing more is written, and whoever waits is told at once.
    const isFree = this.#failure !== undefined || this.#issued.replication <= this.#durable
    if (!isFree || !this.engine.hasUnsaved) return undefined
    const { disk } = this.#ports
    if (disk.soon !== undefined && this.#flush !== 'due' && this.#failure === undefined) {
      if (this.#flush === 'none') disk.soon(() => this.#flushNow())
      this.#flush = 'asked'
      return undefined
    }
    this.#flush = 'none'
    return { type: 'flush' }
  }

  #flushNow(): void {
    if (this.#isHalted) return
    this.#flush = 'due'
    this.#step(this.#inputs.shift())
    // What it was for may have been saved meanwhile.
    if (this.#flush === 'due') this.#flush = 'none'
  }

  #carry(output: EngineOutput): void {
    if (output.type === 'persist') {
      this.#persist(output.source, output.writes)
      return
    }
    const gate = 'gate' in output ? output.gate : undefined
    if (gate === undefined) this.#perform(output)
    else if (this.#failure !== undefined) this.#abandon(output, this.#failure)
    else if (this.#issued[gate] <= this.#durable) this.#perform(output)
    else this.#waiting[gate].push({ commit: this.#issued[gate], output })
  }

  #perform(output: EngineOutput): void {
    const { links } = this.#ports
    switch (output.type) {
      case 'send': {
        const { peer, protocol, lane, bytes } = output
        if (this.#isFull && asksForState(protocol, bytes)) return
        const isQueued = links.send({ peer, protocol, lane, bytes })
        if (isQueued) this.#frames.sent += 1
        if (!isQueued) this.#inputs.push({ type: 'dropped', reason: `unsent ${protocol} frame` })
        return
      }
      case 'feedback':
        this.#inputs.push(output.input)
        return
      case 'outcome':
        this.#reply(output.request, output.outcome)
        return
      case 'dial':
        links.dial(output.peer, output.addresses)
        return
      case 'protect':
        links.protect(output.peer, output.isProtected)
        return
      case 'close':
        links.close(output.peer)
        return
      case 'join':
        links.join(output.address)
        return
      case 'search': {
        const { search } = output
        this.#ports.searches?.search(output, (result) => {
          this.#input({ type: 'searched', search, ...result })
        })
        return
      }
      case 'event':
        this.#observe(output.event)
        return
      case 'persist':
        return
      default:
        unreachable(output)
    }
  }

  #persist(source: Gate | 'membership', writes: readonly StoreWrite[]): void {
    if (this.#failure !== undefined) return
    this.#commits += 1
    const commit = this.#commits
    this.#issued[source] = commit
    this.#ports.disk.commit(writes, (failure) => {
      if (this.#isHalted) return
      this.#guarded(() => {
        if (failure === undefined) this.#committed(commit)
        else {
          this.#fail(failure)
          this.#step(this.#inputs.shift())
        }
      })
    })
  }

  #committed(commit: number): void {
    assert(commit > this.#durable, 'commits become durable in order')
    this.#durable = commit
    this.#isBusy = true
    for (const gate of ['replication', 'kv'] as const) {
      const waiting = this.#waiting[gate]
      let released = 0
      for (const item of waiting) {
        if (item.commit > commit) break
        released += 1
      }
      for (const item of waiting.splice(0, released)) this.#perform(item.output)
    }
    this.#isBusy = false
    if (!this.#isHalted) this.#step(this.#inputs.shift())
  }

  /** A failed commit is final: nobody may be told of what it held, and nothing is retried. */
  #fail(cause: Error): void {
    if (this.#failure !== undefined) return
    const error = storeFailure(cause)
    this.#failure = error
    this.#observe({ type: 'fatal', error })
    for (const gate of ['replication', 'kv'] as const) {
      for (const { output } of this.#waiting[gate].splice(0)) this.#abandon(output, error)
    }
  }

  #roomChanged({ isFull, freeBytes, reserveBytes }: DiskRoom): void {
    if (isFull === this.#isFull || this.#isHalted) return
    this.#isFull = isFull
    this.engine.kv.isFull = isFull
    this.engine.replication.isFull = isFull
    const bytes = `${freeBytes} bytes free, ${reserveBytes} are kept in reserve`
    const reason = isFull
      ? `store-full: ${bytes}: writes are refused, reads go on`
      : `store-room: ${bytes}: writes go on`
    this.#observe({ type: 'alarm', reason })
  }

  /** What depended on a commit that failed never leaves; only the caller hears why. */
  #abandon(output: EngineOutput, error: HearsayError): void {
    if (output.type === 'outcome') this.#reply(output.request, { ok: false, error })
  }

  #reply(request: number, outcome: Outcome): void {
    const done = this.#callers.get(request)
    if (done === undefined) return
    this.#callers.delete(request)
    done(outcome)
  }

  #arm(): void {
    if (this.#isHalted) return
    const at = this.engine.nextDeadline()
    if (at === this.#armed) return
    this.#armed = at
    const wall = at === undefined ? undefined : at - this.#clockOffsetMs
    this.#ports.clock.arm(wall, () => {
      this.#armed = undefined
      this.#input({ type: 'tick' })
    })
  }
}
