import type { Io } from './io.ts'

const WIDTH = 24
const CLEAR_LINE = '\r\u001b[2K'

/** A bar on standard error while it is a terminal; elsewhere nothing. */
export class ProgressBar {
  readonly #io: Io
  readonly #isShown: boolean
  readonly #total: number
  #done = 0

  constructor(io: Io, options: { readonly total: number; readonly isQuiet: boolean }) {
    this.#io = io
    this.#isShown = io.stderr.isTTY && !options.isQuiet
    this.#total = options.total
  }

  /** One more is done; `label` says what comes. */
  step(label: string): void {
    this.#done += 1
    if (!this.#isShown) return
    const filled = Math.round((WIDTH * this.#done) / this.#total)
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
    const text = `${bar} ${this.#done}/${this.#total} ${label}`
    this.#io.stderr.write(CLEAR_LINE + text.slice(0, this.#io.stderr.columns - 1))
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#isShown) this.#io.stderr.write(CLEAR_LINE)
  }
}
