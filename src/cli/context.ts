import type { Io } from './io.ts'
import { jsonLine, type Painter, painterOf } from './text.ts'

/** The flags that every verb has. */
export interface Globals {
  readonly json: boolean
  readonly api: string | undefined
  readonly apiToken: string | undefined
  readonly node: string | undefined
  readonly group: string
  /** Undefined when nobody said which: for verbs whose default is all of them. */
  readonly groupAsked: string | undefined
  readonly timeoutMs: number | undefined
  readonly curl: boolean
  readonly quiet: boolean
  readonly debug: boolean
}

/** What a verb may use: the process, the global flags, and a way to print. */
export interface Context {
  readonly io: Io
  readonly globals: Globals
  readonly print: Printer
}

/** Data to stdout, talk to stderr; JSON or text as --json says. */
export class Printer {
  readonly paint: Painter
  readonly paintNote: Painter
  readonly #io: Io
  readonly #isJson: boolean
  readonly #isQuiet: boolean

  constructor(io: Io, globals: Pick<Globals, 'json' | 'quiet'>) {
    this.#io = io
    this.#isJson = globals.json
    this.#isQuiet = globals.quiet
    this.paint = globals.json ? (_style, text) => text : painterOf(io, io.stdout)
    this.paintNote = globals.json ? (_style, text) => text : painterOf(io, io.stderr)
  }

  /** One result: the value as one line of JSON, else the lines of text. */
  result(value: unknown, lines: () => readonly string[]): void {
    if (this.#isJson) this.json(value)
    else for (const line of lines()) this.line(line)
  }

  json(value: unknown): void {
    this.line(jsonLine(value))
  }

  line(text: string): void {
    this.#io.stdout.write(`${text}\n`)
  }

  /** Talk: one line on stderr, nothing with --quiet. */
  note(text: string): void {
    if (!this.#isQuiet) this.#io.stderr.write(`${text}\n`)
  }
}
