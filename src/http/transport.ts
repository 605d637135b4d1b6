import type { ApiErrorCode, Problem } from './shapes.ts'

/** Codes that the client itself makes: nothing answered, or an answer broke off. */
type LostCode = 'ERR_UNREACHABLE' | 'ERR_CUT'

/** A request that failed: refused by the node, or (status 0) never answered, or not to the end. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  readonly code: ApiErrorCode | LostCode
  readonly hint: string
  /** The problem as sent; undefined when the answer was none. */
  readonly body: Problem | undefined

  constructor(
    message: string,
    options: {
      readonly status: number
      readonly code: ApiErrorCode | LostCode
      readonly hint?: string
      readonly body?: Problem
      readonly cause?: unknown
    },
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.status = options.status
    this.code = options.code
    this.hint = options.hint ?? ''
    this.body = options.body
  }
}

export interface ClientOptions {
  /**
   * Base of the API, such as `http://127.0.0.1:7400`; in a demo also that of another of its nodes, such as
   * `http://127.0.0.1:7400/v1/lab/nodes/b`.
   */
  readonly url: string
  readonly token: string
  /** @default the global fetch */
  readonly fetch?: (request: Request) => Promise<Response>
}

export type Query = Readonly<Record<string, string | number | undefined>>

/** One request. */
export interface Sending {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: Query
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is. */
  readonly value?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Statuses that are answers, not errors. */
  readonly accept?: readonly number[]
}

/** Sends requests and turns every refusal into an {@link ApiError}. */
export class Transport {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
  }

  async send(sending: Sending): Promise<Response> {
    sending.signal?.throwIfAborted()
    const request = this.#request(sending)
    const ask = this.#options.fetch ?? fetch
    let response: Response
    try {
      response = await ask(request)
    } catch (error) {
      sending.signal?.throwIfAborted()
      const { origin } = new URL(request.url)
      throw new ApiError(`Cannot reach the node at ${origin}: ${causeOf(error)}`, {
        status: 0,
        code: 'ERR_UNREACHABLE',
        hint: 'Check that the node runs and that the address is right',
        cause: error,
      })
    }
    if (response.ok || sending.accept?.includes(response.status) === true) return response
    throw await errorOf(response)
  }

  /** The caller says what the route answers; the server is the same version of this package. */
  async json<T>(sending: Sending): Promise<T> {
    return (await (await this.send(sending)).json()) as T
  }

  /** As `json`; undefined on 404. */
  async found<T>(sending: Sending): Promise<T | undefined> {
    const response = await this.send({ ...sending, accept: [404] })
    if (response.status !== 404) return (await response.json()) as T
    await response.body?.cancel()
    return undefined
  }

  /** The body of an answer, piece by piece. @throws {ApiError} ERR_CUT when the connection breaks */
  async *read(
    body: ReadableStream<Uint8Array>,
    { signal }: Pick<Sending, 'signal'>,
  ): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* chunks(body)
    } catch (error) {
      signal?.throwIfAborted()
      const { origin } = new URL(this.#options.url)
      throw new ApiError(`Cannot read on from the node at ${origin}: ${causeOf(error)}`, {
        status: 0,
        code: 'ERR_CUT',
        hint: 'What came so far is not whole: try again',
        cause: error,
      })
    }
  }

  #request(sending: Sending): Request {
    const url = new URL(`${this.#options.url.replace(/\/+$/, '')}${sending.path}`)
    for (const [name, value] of Object.entries(sending.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const headers = new Headers(sending.headers)
    if (this.#options.token !== '') headers.set('authorization', `Bearer ${this.#options.token}`)
    const { value, body } = sending
    const init: RequestInit = { method: sending.method ?? 'GET', headers }
    if (sending.signal !== undefined) init.signal = sending.signal
    if (value !== undefined) {
      headers.set('content-type', 'application/octet-stream')
      init.body = typeof value === 'string' ? value : new Uint8Array(value)
    } else if (body !== undefined) {
      headers.set('content-type', 'application/json')
      init.body = JSON.stringify(body)
    }
    return new Request(url, init)
  }
}

/** What a stream brings. By its reader: not every browser iterates streams. */
export async function* chunks(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const reader = body.getReader()
  let isOver = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      isOver = done
      if (done) return
      yield value
    }
  } finally {
    // Left early: the connection is not wanted any more.
    if (!isOver) await reader.cancel().catch(() => undefined)
  }
}

/** A name as one segment of a path. @throws {ApiError} for the two names that every URL parser takes for directories */
export function segment(name: string): string {
  if (name !== '.' && name !== '..' && name.isWellFormed()) return encodeURIComponent(name)
  throw new ApiError(`Cannot send this name in a URL: ${JSON.stringify(name)}`, {
    status: 400,
    code: 'ERR_INVALID',
    hint: 'Choose another name',
  })
}

async function errorOf(response: Response): Promise<ApiError> {
  const { status } = response
  const problem = problemIn(await response.text().catch(() => ''))
  if (problem === undefined) {
    const hint = 'Check that the address is that of a hearsay node'
    return new ApiError(`The node answered ${status}`, { status, code: 'ERR_INTERNAL', hint })
  }
  const { detail, code, hint } = problem
  return new ApiError(detail, { status, code, hint, body: problem })
}

function problemIn(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isProblem =
      typeof value === 'object' && value !== null && 'code' in value && 'detail' in value
    return isProblem ? (value as Problem) : undefined
  } catch {
    return undefined
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message
}
