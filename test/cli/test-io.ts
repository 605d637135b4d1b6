import type { Io, OutputStream } from '../../src/cli/io.ts'

export interface TestIo extends Io {
  /** Everything written so far. */
  out(): string
  err(): string
  outBytes(): Uint8Array
  /** As a signal would. */
  stop(): void
  /** As somebody at the keyboard. */
  press(key: string): void
  /** As a reader that goes away. */
  closeStdout(): void
  /** Resolves when stdout holds this text. */
  until(text: string): Promise<void>
}

class Recorder implements OutputStream {
  readonly isTTY: boolean
  readonly columns = 80
  readonly rows = 24
  readonly chunks: Uint8Array[] = []
  readonly #watchers = new Set<() => void>()

  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }

  write(data: string | Uint8Array): void {
    this.chunks.push(typeof data === 'string' ? Buffer.from(data) : data)
    for (const watcher of this.#watchers) watcher()
  }

  flush(): Promise<void> {
    return Promise.resolve()
  }

  text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  until(text: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.text().includes(text)) return
        this.#watchers.delete(look)
        resolve()
      }
      this.#watchers.add(look)
      look()
    })
  }
}

/** A process for tests: no terminal, no environment but the given one, an empty stdin. */
export function testIo(
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly stdin?: string
    readonly isTTY?: boolean
  } = {},
): TestIo {
  const stdout = new Recorder(options.isTTY === true)
  const stderr = new Recorder(options.isTTY === true)
  const closed = new AbortController()
  const listeners = new Set<() => void>()
  const keys = new Set<(key: string) => void>()
  return {
    stdin: stdinOf(options.stdin ?? ''),
    stdout,
    stderr,
    env: options.env ?? {},
    program: 'hearsay',
    closed: closed.signal,
    onStop(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onKey(listener) {
      keys.add(listener)
      return () => keys.delete(listener)
    },
    press: (key) => {
      for (const listener of keys) listener(key)
    },
    out: () => stdout.text(),
    err: () => stderr.text(),
    outBytes: () => Buffer.concat(stdout.chunks),
    stop: () => {
      for (const listener of listeners) listener()
    },
    closeStdout: () => closed.abort(),
    until: (text) => stdout.until(text),
  }
}

async function* stdinOf(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield Buffer.from(text)
}
