import { relative } from 'node:path'

/** One output of the process, or of a test. */
export interface OutputStream {
  readonly isTTY: boolean
  /** Width of the terminal in columns; 80 when there is none. */
  readonly columns: number
  /** Its height in lines; 24 when there is none. */
  readonly rows: number
  write(data: string | Uint8Array): void
  /** Resolves when everything written has been handed to the system. */
  flush(): Promise<void>
}

/** Everything the command line touches of the process, so that tests can run it inside theirs. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: Readonly<Record<string, string | undefined>>
  /** How the caller named this program, for commands to copy: `hearsay`, `./bin/hearsay.js`. */
  readonly program: string
  /** Aborted when nobody reads stdout any more (EPIPE): end quietly, with 0. */
  readonly closed: AbortSignal
  /** Calls back on every SIGINT, SIGTERM and SIGHUP until the returned function is called. */
  onStop(listener: () => void): () => void
  /** Calls back on every key of a terminal at stdin, which shows none of them meanwhile; not at all without one. */
  onKey(listener: (key: string) => void): () => void
}

const COLUMNS_DEFAULT = 80
const ROWS_DEFAULT = 24
/** EIO: the terminal itself is gone. */
const CLOSED_CODES: ReadonlySet<string> = new Set(['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'])
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The real process. Call it once: it listens for errors of stdout and stderr. */
export function processIo(): Io {
  const closed = new AbortController()
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!CLOSED_CODES.has(error.code ?? '')) throw error
    closed.abort(error)
  })
  // Talk that nobody hears any more is no reason to fail.
  process.stderr.on('error', () => undefined)
  return {
    stdin: process.stdin,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    program: programName(process.argv[1]),
    closed: closed.signal,
    onStop(listener) {
      for (const signal of STOP_SIGNALS) process.on(signal, listener)
      return () => {
        for (const signal of STOP_SIGNALS) process.off(signal, listener)
      }
    },
    onKey,
  }
}

function onKey(listener: (key: string) => void): () => void {
  const { stdin } = process
  if (!stdin.isTTY) return () => {}
  const told = (data: Buffer): void => listener(data.toString())
  stdin.setRawMode(true)
  stdin.on('data', told)
  stdin.resume()
  return () => {
    stdin.off('data', told)
    stdin.pause()
    stdin.setRawMode(false)
  }
}

/** An installed command is found by its name, a script in a checkout by its path. */
function programName(script: string | undefined): string {
  if (script === undefined || !script.endsWith('.js')) return 'hearsay'
  const path = relative(process.cwd(), script)
  return path.startsWith('..') ? script : `./${path}`
}

function outputOf(stream: NodeJS.WriteStream): OutputStream {
  return {
    get isTTY() {
      return stream.isTTY === true
    },
    get columns() {
      return stream.columns ?? COLUMNS_DEFAULT
    },
    get rows() {
      return stream.rows ?? ROWS_DEFAULT
    },
    write(data) {
      stream.write(data)
    },
    flush() {
      return new Promise((resolve) => {
        if (stream.destroyed) resolve()
        else stream.write('', () => resolve())
      })
    },
  }
}
