import { unreachable } from '../../base/assert.ts'
import type { Operation } from '../../crdt/operation.ts'
import type { Replication } from '../../replication/replication.ts'
import type { Body } from './message.ts'

/** Those that an eventually consistent store is for. */
export const MAELSTROM_WORKLOADS = [
  'broadcast',
  'g-set',
  'g-counter',
  'pn-counter',
  'unique-ids',
  'echo',
] as const
export type MaelstromWorkload = (typeof MAELSTROM_WORKLOADS)[number]

/** What a request asks for; `unknown-read` where nobody has said yet what is to be read. */
export type Wish =
  | { readonly type: 'write'; readonly operation: Operation; readonly done: string }
  | { readonly type: 'answer'; readonly body: Body }
  | { readonly type: 'refusal'; readonly code: number; readonly text: string }

/** Error codes of Maelstrom's protocol. */
export const NOT_SUPPORTED = 10
export const UNAVAILABLE = 11
export const MALFORMED = 12

const GROUP = 'main'
const MESSAGES = 'messages'
const ELEMENTS = 'elements'
const SUM = 'sum'

type State = Pick<Replication, 'view' | 'replica'>

/**
 * Maelstrom's requests in terms of replicated objects: messages and elements are values of sets, sums are counters.
 * A node that was not told which workload it serves learns it from the first request that only one of them has.
 */
export class Workload {
  readonly #state: State
  #kind: MaelstromWorkload | undefined
  #ids = 0

  constructor(state: State, kind: MaelstromWorkload | undefined) {
    this.#state = state
    this.#kind = kind
  }

  wish(body: Body): Wish {
    switch (body.type) {
      case 'echo':
        return answer({ type: 'echo_ok', echo: body.echo })
      case 'generate':
        this.#ids += 1
        return answer({ type: 'generate_ok', id: `${this.#state.replica}-${this.#ids}` })
      case 'topology':
        // The overlay is our own.
        this.#kind ??= 'broadcast'
        return answer({ type: 'topology_ok' })
      case 'broadcast':
        this.#kind ??= 'broadcast'
        return write({ ...add(MESSAGES, body.message) }, 'broadcast_ok')
      case 'add':
        return this.#add(body)
      case 'read':
        return this.#read()
      default:
        return refusal(NOT_SUPPORTED, `no such request: ${body.type.slice(0, 100)}`)
    }
  }

  #add({ element, delta }: Body): Wish {
    if (element !== undefined) {
      this.#kind ??= 'g-set'
      return write(add(ELEMENTS, element), 'add_ok')
    }
    if (!Number.isSafeInteger(delta)) return refusal(MALFORMED, 'expected an element or a delta')
    this.#kind ??= 'pn-counter'
    const amount = BigInt(Number(delta))
    return write({ type: 'counter-add', object: SUM, amount }, 'add_ok')
  }

  #read(): Wish {
    const view = this.#state.view(GROUP)
    const kind = this.#kind ?? this.#seen()
    switch (kind) {
      case 'broadcast':
        return answer({ type: 'read_ok', messages: view.setValues(MESSAGES).map(parsed) })
      case 'g-set':
        return answer({ type: 'read_ok', value: view.setValues(ELEMENTS).map(parsed) })
      case 'g-counter':
      case 'pn-counter':
        return answer({ type: 'read_ok', value: Number(view.counter(SUM)) })
      case 'unique-ids':
      case 'echo':
        return refusal(NOT_SUPPORTED, `nothing to read in ${kind}`)
      case undefined:
        return refusal(UNAVAILABLE, 'no request has told the workload yet: name it at the start')
      default:
        return unreachable(kind)
    }
  }

  /** What others have written tells the workload too. */
  #seen(): MaelstromWorkload | undefined {
    const names = new Set(
      this.#state
        .view(GROUP)
        .objects()
        .map(({ name }) => name),
    )
    if (names.has(MESSAGES)) return 'broadcast'
    if (names.has(ELEMENTS)) return 'g-set'
    return names.has(SUM) ? 'pn-counter' : undefined
  }
}

/** Values are any JSON: as texts, so that 1 and "1" stay two. */
function add(object: string, value: unknown): Operation {
  return { type: 'set-add', object, values: [JSON.stringify(value ?? null)] }
}

function parsed(text: string): unknown {
  return JSON.parse(text)
}

function write(operation: Operation, done: string): Wish {
  return { type: 'write', operation, done }
}

function answer(body: Body): Wish {
  return { type: 'answer', body }
}

function refusal(code: number, text: string): Wish {
  return { type: 'refusal', code, text }
}
