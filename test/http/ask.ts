import { createHttpApi, type HttpApi, type HttpApiOptions } from '../../src/http/api.ts'
import { type Description, describedBy, expectDescribed } from './described.ts'
import { type MemoryNode, memoryNode } from './memory-node.ts'

export const TOKEN = 'a'.repeat(43)
export const BASE = 'http://localhost:7400'

export interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The JSON body; undefined when it is none. */
  readonly body: Record<string, unknown>
}

export interface Fixture {
  readonly node: MemoryNode
  readonly api: HttpApi
  /** A request with the token. `body` objects are sent as JSON. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Asked>
}

/** An API over a node in memory, without sockets. */
export function fixture(
  options: Partial<HttpApiOptions> & { readonly chaos?: boolean } = {},
): Fixture {
  const { chaos = false, ...rest } = options
  const node = memoryNode({ chaos })
  const api = createHttpApi(node, { token: TOKEN, ...rest })
  let description: Description | undefined
  return {
    node,
    api,
    ask: async (method, path, body, headers = {}) => {
      const init: RequestInit = {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      }
      if (typeof body === 'string' || body instanceof Uint8Array)
        init.body = new Uint8Array(Buffer.from(body))
      else if (body !== undefined) {
        init.body = JSON.stringify(body)
        init.headers = { 'content-type': 'application/json', ...init.headers }
      }
      const response = await api.fetch(new Request(`${BASE}${path}`, init))
      const asked = await answer(response)
      // A stream never ends; HEAD brings nothing.
      if (method !== 'HEAD') {
        description ??= await describedBy(api)
        const type = asked.headers.get('content-type') ?? ''
        expectDescribed(description, { method, path }, { ...asked, type })
      }
      return asked
    },
  }
}

export async function answer(response: Response): Promise<Asked> {
  const text = await response.text()
  let body: Record<string, unknown> = {}
  try {
    body = JSON.parse(text)
  } catch {
    // Not every answer is JSON.
  }
  return { status: response.status, headers: response.headers, text, body }
}
