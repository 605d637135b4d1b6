import type { StoryResult, StoryStep } from '../lab/story.ts'
import type { Context } from './context.ts'
import { formatDuration } from './duration.ts'
import { plural, printable, type Style } from './text.ts'

const DIGEST_CHARACTERS = 8
/** Names shown of one side; a demo of 200 nodes still has to fit a line. */
const NAMES_SHOWN_MAX = 8
/** Colours of the sides, which also carry a letter: colour is never alone. */
const SIDE_STYLES: readonly Style[] = ['cyan', 'magenta', 'yellow', 'blue']
const CLEAR_LINE = '\r\x1b[2K'

/** Tells the steps of the story: for people with marks and colours, with --json as one line each. */
export class StoryTeller {
  readonly #context: Context
  readonly #isLive: boolean
  #sides: readonly (readonly string[])[] = []
  #writes: { through: string; amount: number; counter: string; set: string }[] = []
  #hasPending = false

  constructor(context: Context) {
    this.#context = context
    this.#isLive = context.io.stdout.isTTY && !context.globals.json
  }

  open(nodes: number): void {
    if (this.#context.globals.json) return
    const { print } = this.#context
    const peers = plural(nodes, 'peer')
    print.line(`${print.paint('bold', 'hearsay demo')}: ${peers} in this process`)
    print.line('')
    this.#wait(`starting ${peers}`)
  }

  step(step: StoryStep): void {
    if (this.#context.globals.json) {
      const { type, ...fields } = step
      this.#context.print.json({ step: type, ...fields })
      return
    }
    this.#tell(step)
  }

  /** The last line: the number that the story is about. */
  close(result: StoryResult): void {
    this.clear()
    const { print, globals } = this.#context
    if (globals.json) {
      print.json(result)
      return
    }
    print.line('')
    const { nodes, heal } = result
    const line = `${nodes} replicas, 1 state: converged ${seconds(heal.convergedMs)} after heal, ${heal.syncBytes} bytes`
    if (result.ok) print.line(print.paint(['bold', 'green'], line))
    else print.line(print.paint(['bold', 'red'], 'the story failed'))
    print.line('')
  }

  /** Takes the line about what is being waited for off the terminal. */
  clear(): void {
    if (this.#hasPending) this.#context.io.stdout.write(CLEAR_LINE)
    this.#hasPending = false
  }

  #tell(step: StoryStep): void {
    switch (step.type) {
      case 'ready':
        this.#done(`${step.nodes} peers know each other`, step.readyMs)
        this.#wait('storing a value')
        break
      case 'put':
        this.#done(`${putText(step)} on ${step.acks} replicas: ${names(step.replicas)}`, step.putMs)
        break
      case 'got':
        this.#done(gotText(step), step.getMs)
        break
      case 'partitioned':
        this.#sides = step.sides
        this.#line('yellow', '✂', `the network is cut: ${this.#sidesText(names)}`)
        this.#wait('all of them go on writing')
        break
      case 'written':
        this.#writes.push(step)
        break
      case 'diverged':
        this.#diverged(step.digestOf)
        this.#wait('each side finds out that the other is gone')
        break
      case 'noticed':
        if (step.byAll) this.#done('each side knows that the other is gone', step.noticedMs)
        else this.#line('yellow', '!', 'not everybody has noticed the cut yet')
        break
      case 'healed':
        this.#line('green', '✓', 'the cut is healed')
        this.#wait('the sides tell each other what they missed')
        break
      case 'converged':
        this.#done(`all hold one state again: ${shortDigest(step.digest)}`, step.convergedMs)
        break
      case 'checked':
        this.#checked(step)
        break
      case 'failed':
        this.#line('red', '✗', `${step.during}: ${printable(step.reason)}`)
        break
    }
  }

  #diverged(digestOf: Readonly<Record<string, string>>): void {
    const [first] = this.#writes
    if (first !== undefined) {
      const text = this.#sidesText((side) => {
        const own = this.#writes.filter(({ through }) => side.includes(through))
        return `+${own.reduce((sum, { amount }) => sum + amount, 0)}`
      })
      this.#line('green', '✓', `both sides go on writing, ${printable(first.counter)}: ${text}`)
    }
    const text = this.#sidesText((side) => shortDigest(digestOf[side[0] ?? ''] ?? ''))
    this.#line('yellow', '≠', `they differ now: ${text}`)
  }

  #checked(step: Extract<StoryStep, { type: 'checked' }>): void {
    const { counter, sum, set, size, lost } = step
    const what = `${printable(counter)} ${sum}, ${printable(set)} ${size}`
    if (lost === 0) this.#line('green', '✓', `no write is lost: ${what} everywhere`)
    else this.#line('red', '✗', `missing: ${plural(lost, 'write')}: expected ${what} everywhere`)
  }

  #sidesText(text: (side: readonly string[]) => string): string {
    const { paint } = this.#context.print
    return this.#sides
      .map((side, index) => {
        const letter = String.fromCharCode(65 + index)
        const style = SIDE_STYLES[index % SIDE_STYLES.length] ?? 'cyan'
        return paint(style, `[${letter}] ${text(side)}`)
      })
      .join('  ')
  }

  #done(text: string, ms: number): void {
    const { paint } = this.#context.print
    this.#line('green', '✓', `${text}  ${paint('dim', formatDuration(ms))}`)
  }

  #line(style: Style, mark: string, text: string): void {
    this.clear()
    const { print } = this.#context
    print.line(`  ${print.paint(style, mark)} ${text}`)
  }

  /** What is going on right now: on a terminal only, replaced by the next line. */
  #wait(text: string): void {
    if (!this.#isLive) return
    const { io, print } = this.#context
    io.stdout.write(`  ${print.paint('dim', `… ${text}`)}`)
    this.#hasPending = true
  }
}

function names(list: readonly string[]): string {
  const shown = list.slice(0, NAMES_SHOWN_MAX).map(printable).join(', ')
  return list.length > NAMES_SHOWN_MAX ? `${shown} … ${list.length} in all` : shown
}

function quoted(text: string): string {
  return `"${printable(text)}"`
}

function putText(step: Extract<StoryStep, { type: 'put' }>): string {
  return `put ${quoted(step.key)} through ${printable(step.through)},`
}

function gotText(step: Extract<StoryStep, { type: 'got' }>): string {
  return `got ${quoted(step.value)} through ${printable(step.through)}, from ${printable(step.from)}`
}

function shortDigest(digest: string): string {
  return digest.slice(0, DIGEST_CHARACTERS)
}

/** Seconds, as the headline of the story says them: 0.8 s, 0.03 s. */
function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10 ? 3 : ms < 100 ? 2 : 1)} s`
}
