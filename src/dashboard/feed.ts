import type { Client } from '../http/client.ts'
import type { StreamedEvent } from '../http/shapes.ts'
import { ApiError } from '../http/transport.ts'
import type { LabInfo } from '../lab/lab-types.ts'
import { snapshotOf } from './snapshot.ts'
import type { Store } from './store.ts'
import { entryOf, type NewEntry } from './timeline.ts'

/** Pictures of all nodes are taken this often when nothing happens, and at most so often when much does. */
const PERIOD_MS = 1_000
const PERIOD_MS_MIN = 100
/** A picture of n nodes costs the demo more the more there are. */
const PERIOD_MS_PER_NODE = 10
/** Events are shown together. */
const GATHER_MS = 100
/** A node that was cut off or refused the stream is asked again this much later, so that it is not pressed. */
const RETRY_MS = 1_000
/** Numbers about the node itself change slowly. */
const STATUS_EVERY = 5

/** Brings everything that the page shows: pictures of all nodes by asking, and the event stream. */
export class Feed {
  readonly #client: Client
  readonly #store: Store
  readonly #ending: AbortController = new AbortController()
  #isLab: boolean | undefined
  #turn = 0
  #isAsking = false
  #isWanted = false
  #askedAt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastEventId: string | undefined
  #gathered: NewEntry[] = []

  constructor(options: { readonly client: Client; readonly store: Store }) {
    this.#client = options.client
    this.#store = options.store
  }

  start(): void {
    this.wake()
    void this.#listen()
    document.addEventListener('visibilitychange', this.#onVisible)
  }

  stop(): void {
    this.#ending.abort()
    clearTimeout(this.#timer)
    document.removeEventListener('visibilitychange', this.#onVisible)
  }

  /** Something has happened: a picture is wanted soon. */
  wake(): void {
    if (this.#ending.signal.aborted) return
    this.#isWanted = true
    if (this.#isAsking) return
    const due = this.#askedAt + this.#pauseMs() - performance.now()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#ask(), Math.max(0, due))
  }

  readonly #onVisible = (): void => {
    if (!document.hidden) this.wake()
  }

  #pauseMs(): number {
    const count = this.#store.state.snapshot?.peers.length ?? 0
    return Math.max(PERIOD_MS_MIN, count * PERIOD_MS_PER_NODE)
  }

  async #ask(): Promise<void> {
    this.#isAsking = true
    this.#isWanted = false
    this.#askedAt = performance.now()
    try {
      await this.#take()
    } catch (error) {
      this.#fail(error)
    }
    this.#isAsking = false
    if (this.#ending.signal.aborted || this.#store.state.phase === 'sign-in') return
    if (this.#isWanted || this.#store.convergence.isHealing) return this.wake()
    clearTimeout(this.#timer)
    const wait = Math.max(PERIOD_MS, this.#pauseMs())
    this.#timer = setTimeout(() => void this.#ask(), document.hidden ? wait * 5 : wait)
  }

  async #take(): Promise<void> {
    const { signal } = this.#ending
    const turn = this.#turn++
    const [members, lab, status] = await Promise.all([
      this.#client.members({ signal }),
      this.#lab(),
      turn % STATUS_EVERY === 0 ? this.#client.status({ signal }) : undefined,
    ])
    if (status !== undefined) this.#store.set({ status })
    this.#store.show(snapshotOf(members, lab, Date.now()))
  }

  /** A plain node says once that it is none. */
  async #lab(): Promise<LabInfo | undefined> {
    if (this.#isLab === false) return undefined
    try {
      const lab = await this.#client.lab({ members: false, signal: this.#ending.signal })
      this.#isLab = true
      return lab
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error
      this.#isLab = false
      return undefined
    }
  }

  #fail(error: unknown): void {
    if (this.#ending.signal.aborted) return
    if (error instanceof ApiError && error.status === 401) this.#store.set({ phase: 'sign-in' })
    else this.#store.set({ trouble: error instanceof Error ? error.message : String(error) })
  }

  /** The event stream for ever. The client resumes after cuts; its position is kept here for refusals as well. */
  async #listen(): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted && this.#store.state.phase !== 'sign-in') {
      const from = this.#lastEventId
      try {
        const resume = from === undefined ? {} : { lastEventId: from }
        for await (const event of this.#client.events({ signal, ...resume })) this.#hear(event)
      } catch (error) {
        this.#fail(error)
      }
      // Whatever ended the stream, the node is not asked again at once.
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  #hear(streamed: StreamedEvent): void {
    this.#lastEventId = streamed.id
    this.wake()
    const entry = entryOf(streamed, (peerId) => this.#store.nameOf(peerId))
    if (entry === undefined) return
    if (this.#gathered.length === 0) setTimeout(() => this.#flush(), GATHER_MS)
    this.#gathered.push(entry)
  }

  #flush(): void {
    const entries = this.#gathered
    this.#gathered = []
    this.#store.tell(entries)
  }
}
