import { type Client, createClient } from '../http/client.ts'
import type { ChaosAction, ObjectOperation } from '../http/shapes.ts'
import { ApiError } from '../http/transport.ts'
import type { Feed } from './feed.ts'
import type { Session } from './session.ts'
import type { Store } from './store.ts'
import { shown } from './text.ts'

/** Everything that the page can do. What fails is told to the user and resolves to false. */
export class Actions {
  readonly #session: Session
  readonly #store: Store
  readonly #feed: Feed

  constructor(parts: { readonly session: Session; readonly store: Store; readonly feed: Feed }) {
    this.#session = parts.session
    this.#store = parts.store
    this.#feed = parts.feed
  }

  /** A client that speaks as if another node of the demo were asked. */
  client(name: string): Client {
    const isSelf = name === this.#store.state.snapshot?.self
    const path = isSelf ? '' : `/v1/lab/nodes/${encodeURIComponent(name)}`
    return createClient({ url: `${location.origin}${path}`, token: this.#session.token })
  }

  partition(sides: readonly (readonly string[])[]): Promise<boolean> {
    const parted = sides.filter((side) => side.length > 0)
    const text = parted.map((side) => named(side)).join(' | ')
    return this.#chaos({ action: 'partition', sides: parted }, `The network is cut: ${text}`)
  }

  heal(): Promise<boolean> {
    this.#store.convergence.heal(Date.now())
    return this.#chaos({ action: 'heal' }, 'The network is whole again')
  }

  fault(action: 'kill' | 'restart' | 'pause' | 'resume', name: string): Promise<boolean> {
    const done = { kill: 'killed', restart: 'restarted', pause: 'paused', resume: 'resumed' }
    return this.#chaos({ action, name }, `${shown(name, 40)} is ${done[action]}`, name)
  }

  change(through: string, object: string, operation: ObjectOperation): Promise<boolean> {
    return this.#run(`Written through ${shown(through, 40)}: ${shown(object, 40)}`, async () => {
      await this.client(through).change(object, operation)
    })
  }

  async put(through: string, key: string, value: string): Promise<boolean> {
    return this.#run('', async () => {
      const put = await this.client(through).put(key, value)
      const answered = put.replicas
      this.#store.set({ lookup: { key, through, act: 'put', answered } })
      return `Stored on ${put.acks} of ${put.required} needed: ${named(answered)}`
    })
  }

  /** @returns the value; undefined when there is none or it could not be read */
  async get(through: string, key: string): Promise<string | undefined> {
    let value: string | undefined
    await this.#run('', async () => {
      const found = await this.client(through).get(key)
      if (found === undefined) return `There is no value under ${shown(key, 40)}`
      value = found.encoding === 'utf8' ? found.value : '(bytes)'
      this.#store.set({ lookup: { key, through, act: 'get', answered: [found.from] } })
      return `${shown(key, 40)} is ${shown(value, 60)}, from ${shown(found.from, 40)}`
    })
    return value
  }

  #chaos(action: ChaosAction, done: string, who = ''): Promise<boolean> {
    return this.#run(done, async () => {
      await this.client(this.#store.state.snapshot?.self ?? '').chaos(action)
      this.#store.tell([{ at: Date.now(), id: '', kind: 'lab', who, text: done }])
    })
  }

  async #run(done: string, act: () => Promise<unknown>): Promise<boolean> {
    let isDone = true
    try {
      const answer = await act()
      const text = typeof answer === 'string' ? answer : done
      this.#store.set({ notice: { text, isError: false } })
    } catch (error) {
      isDone = false
      this.#store.set({ notice: { text: reasonOf(error), isError: true } })
    }
    this.#feed.wake()
    return isDone
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const hint = error instanceof ApiError && error.hint !== '' ? `. ${error.hint}` : ''
  return shown(`${error.message}${hint}`, 300)
}

/** Names of some nodes; of many only the first, and how many more there are. */
export function named(names: readonly string[]): string {
  const first = names.slice(0, 8).map((name) => shown(name, 24))
  const more = names.length - first.length
  return first.join(', ') + (more > 0 ? ` and ${more} more` : '')
}
