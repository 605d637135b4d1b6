import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../src/cli/main.ts'
import { openRegistry, type RegistryEntry } from '../../src/cli/registry.ts'
import { type TestIo, testIo } from './test-io.ts'

export interface SeenRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly token: string | undefined
  readonly body: string
  readonly headers: IncomingMessage['headers']
}

export interface FakeAnswer {
  readonly status?: number
  readonly body: unknown
  /** Sent as it is, with this content type; the connection stays open. */
  readonly stream?: string
  /** Sent as it is, to its end. */
  readonly text?: string | Uint8Array
  /** Sent as it is; then the connection breaks. */
  readonly cut?: string | Uint8Array
}

/** A server that answers `METHOD /path` with what the test says, and the registry that names it. */
export class FakeApi {
  readonly seen: SeenRequest[] = []
  readonly answers: Map<string, FakeAnswer> = new Map()
  readonly #server: Server
  url = ''
  runtimeDir = ''

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(Buffer.from(chunk))
      const { method = '', url = '' } = request
      this.seen.push({
        method,
        target: url,
        token: request.headers.authorization,
        body: Buffer.concat(chunks).toString(),
        headers: request.headers,
      })
      const answer = this.answers.get(`${method} ${url.replace(/\?.*/, '')}`)
      if (answer?.stream !== undefined) {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(answer.stream)
        return
      }
      if (answer?.text !== undefined) {
        response.end(answer.text)
        return
      }
      if (answer?.cut !== undefined) {
        response.write(answer.cut, () => request.socket.destroy())
        return
      }
      const missing = { detail: 'nothing there', code: 'ERR_NOT_FOUND', hint: '' }
      response.writeHead(answer === undefined ? 404 : (answer.status ?? 200))
      response.end(JSON.stringify(answer === undefined ? missing : answer.body))
    })
  }

  async start(): Promise<void> {
    this.runtimeDir = await mkdtemp(join(tmpdir(), 'hearsay-test-'))
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    this.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    await this.register()
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await rm(this.runtimeDir, { recursive: true })
  }

  /** Adds an entry to the registry: node `a` unless the fields say otherwise. */
  async register(fields: Partial<RegistryEntry> = {}): Promise<void> {
    const registry = openRegistry({ path: this.runtimeDir, forbiddenMode: 0o077 })
    await registry.register(
      {
        name: 'a',
        peerId: 'peer-a',
        pid: process.pid,
        api: this.url,
        network: 'hearsay',
        addresses: [],
        startedAt: '2026-01-01T00:00:00.000Z',
        chaos: false,
        ...fields,
      },
      `token-of-${fields.name ?? 'a'}`,
    )
  }

  answer(route: string, body: unknown, status = 200): void {
    this.answers.set(route, { status, body })
  }

  /** Runs a command line against this API. */
  async run(
    argv: readonly string[],
    options: Parameters<typeof testIo>[0] = {},
  ): Promise<{ readonly code: number; readonly io: TestIo }> {
    const io = testIo({
      ...options,
      env: { HEARSAY_RUNTIME_DIR: this.runtimeDir, ...options.env },
    })
    return { code: await run(argv, io), io }
  }
}
