import { createWriteStream, readFileSync, type WriteStream } from 'node:fs'
import type { MemberEvent } from '../../test/e2e/member-events.ts'
import type { FleetNode } from './fleet.ts'

/** Processes are asked for their processor time this often: longer than most waits, shorter than a suspicion. */
const SAMPLE_MS = 250

interface Processor {
  readonly ranMs: number
  /** It could have run, and another one did. */
  readonly waitedMs: number
}

/**
 * What happened, in order, for whoever asks why somebody died: a line of JSON for each fault, for what each node told
 * of each other, and for how long each had to wait for a processor. Waits are summed up whether it is written or not.
 */
export class Chronicle {
  readonly #nodes: readonly FleetNode[]
  readonly #file: WriteStream | undefined
  readonly #last = new Map<number, Processor>()
  #timer: NodeJS.Timeout | undefined
  #sampledAt = performance.now()
  #waitedMs = 0
  #passedMs = 0
  #longestMs = 0

  constructor(nodes: readonly FleetNode[], path: string | undefined) {
    this.#nodes = nodes
    this.#file = path === undefined ? undefined : createWriteStream(path)
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#sample(), SAMPLE_MS)
  }

  async end(): Promise<void> {
    clearInterval(this.#timer)
    await new Promise<void>((resolve) => {
      if (this.#file === undefined) resolve()
      else this.#file.end(resolve)
    })
  }

  /** The share of the time in which a node could have run and did not, and the longest such time between two looks. */
  get waits(): { readonly nodesWaited: number; readonly longestWaitMs: number } {
    const share = this.#passedMs === 0 ? 0 : this.#waitedMs / this.#passedMs
    return {
      nodesWaited: Math.round(100 * share) / 100,
      longestWaitMs: Math.round(this.#longestMs),
    }
  }

  heard(observer: FleetNode, event: MemberEvent): void {
    this.#tell({ ...event, observer: observer.name })
  }

  fault(what: string, who: readonly FleetNode[]): void {
    this.#tell({ at: Date.now(), fault: what, who: who.map(({ name }) => name) })
  }

  #sample(): void {
    const now = performance.now()
    const passedMs = now - this.#sampledAt
    this.#sampledAt = now
    for (const { name, pid } of this.#nodes) {
      const processor = pid === undefined ? undefined : processorOf(pid)
      if (pid === undefined || processor === undefined) continue
      const before = this.#last.get(pid)
      this.#last.set(pid, processor)
      if (before === undefined) continue
      const waitedMs = processor.waitedMs - before.waitedMs
      this.#waitedMs += waitedMs
      this.#passedMs += passedMs
      this.#longestMs = Math.max(this.#longestMs, waitedMs)
      const ranMs = processor.ranMs - before.ranMs
      this.#tell({ at: Date.now(), node: name, ...rounded({ passedMs, ranMs, waitedMs }) })
    }
  }

  #tell(line: object): void {
    this.#file?.write(`${JSON.stringify(line)}\n`)
  }
}

/** Of its main thread, since it runs; undefined where nobody counts, or it is gone. */
function processorOf(pid: number): Processor | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')
    const [ran = 0, waited = 0] = text.split(' ').map(Number)
    return { ranMs: ran / 1e6, waitedMs: waited / 1e6 }
  } catch {
    return undefined
  }
}

function rounded(numbers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, Math.round(value)]),
  )
}
