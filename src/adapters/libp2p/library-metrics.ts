import type { MetricOptions, Metrics } from '@libp2p/interface'

/** What libp2p or one of its parts counts, as it is now. */
export interface LibraryMetric {
  readonly name: string
  readonly help: string
  /** Only grows. */
  readonly isCounter: boolean
  /** The name of the label; undefined where there is one value, that of ''. */
  readonly label: string | undefined
  readonly values: ReadonlyMap<string, number>
}

/** Labels of one metric; what comes beyond is told together: names of errors are others' to choose. */
const LABELS_MAX = 64
const OTHERS = 'others'
const NO_NAME = /[^a-zA-Z0-9_]/g

type Changes = Readonly<Record<string, number | true | undefined>>
type Calculated = number | Readonly<Record<string, number>>

interface Registration extends MetricOptions {
  readonly calculate?: () => Calculated | Promise<Calculated>
}

interface KeptOptions extends Registration {
  readonly isCounter: boolean
  /** Whether it has a value by label. */
  readonly isGroup: boolean
}

/**
 * What libp2p and its parts tell of themselves, kept until somebody reads it. It counts and does nothing else: no
 * stream is watched and no call is traced, so that it costs an addition where something happens.
 */
export class LibraryMetrics implements Metrics {
  readonly registerMetric = this.#register.bind(this, false, false) as Metrics['registerMetric']
  readonly registerMetricGroup = this.#register.bind(
    this,
    false,
    true,
  ) as Metrics['registerMetricGroup']
  readonly registerCounter = this.#register.bind(this, true, false) as Metrics['registerCounter']
  readonly registerCounterGroup = this.#register.bind(
    this,
    true,
    true,
  ) as Metrics['registerCounterGroup']
  // No part of libp2p that runs here registers these four kinds; one that did would have its sums told.
  readonly registerHistogram = this.#register.bind(
    this,
    true,
    false,
  ) as Metrics['registerHistogram']
  readonly registerHistogramGroup = this.#register.bind(
    this,
    true,
    true,
  ) as Metrics['registerHistogramGroup']
  readonly registerSummary = this.#register.bind(this, true, false) as Metrics['registerSummary']
  readonly registerSummaryGroup = this.#register.bind(
    this,
    true,
    true,
  ) as Metrics['registerSummaryGroup']
  readonly #kept = new Map<string, Kept>()

  /** All that anything is known of, by name. A metric whose calculation fails is left out. */
  async read(): Promise<readonly LibraryMetric[]> {
    const all = [...this.#kept.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    const read = await Promise.all(all.map((kept) => kept.read().catch(() => undefined)))
    return read.filter(
      (metric) => metric !== undefined && metric.values.size > 0,
    ) as LibraryMetric[]
  }

  // Bytes are counted where frames are.
  trackMultiaddrConnection(): void {}
  trackProtocolStream(): void {}

  traceFunction<F>(_name: string, fn: F): F {
    return fn
  }

  createTrace(): undefined {
    return undefined
  }

  #register(isCounter: boolean, isGroup: boolean, text: string, options: Registration = {}): Kept {
    const name = text.replaceAll(NO_NAME, '_')
    const known = this.#kept.get(name)
    if (known !== undefined && options.calculate === undefined) return known
    const kept = new Kept(name, { isCounter, isGroup, ...options })
    this.#kept.set(name, kept)
    return kept
  }
}

/** One metric: each of libp2p's kinds uses a part of its methods, groups with an object of labels. */
class Kept {
  readonly name: string
  readonly #options: KeptOptions
  readonly #values = new Map<string, number>()

  constructor(name: string, options: KeptOptions) {
    this.name = name
    this.#options = options
  }

  async read(): Promise<LibraryMetric> {
    const { help = `${this.name} of libp2p`, label = 'kind', isCounter, isGroup } = this.#options
    const calculated = await this.#options.calculate?.()
    if (calculated !== undefined) {
      this.#values.clear()
      this.update(calculated)
    }
    return {
      ...{ name: this.name, help, isCounter, values: new Map(this.#values) },
      label: isGroup ? label.replaceAll(NO_NAME, '_') : undefined,
    }
  }

  update(change: number | Changes): void {
    this.#each(change, (_, value) => value)
  }

  increment(change: number | Changes = 1): void {
    this.#each(change, (before, value) => before + value)
  }

  decrement(change: number | Changes = 1): void {
    this.#each(change, (before, value) => before - value)
  }

  observe(change: number | Changes): void {
    this.increment(change)
  }

  reset(): void {
    this.#values.clear()
  }

  timer(key = ''): () => void {
    const start = performance.now()
    return () => this.#set(key, () => (performance.now() - start) / 1_000)
  }

  #each(change: number | Changes, next: (before: number, value: number) => number): void {
    // Once a packet: without an object.
    if (typeof change === 'number') {
      this.#set('', (before) => next(before, change))
      return
    }
    for (const [key, value] of Object.entries(change)) {
      if (value !== undefined) this.#set(key, (before) => next(before, Number(value)))
    }
  }

  #set(key: string, next: (before: number) => number): void {
    const isKnown = this.#values.has(key) || this.#values.size < LABELS_MAX
    const place = isKnown ? key : OTHERS
    const value = next(this.#values.get(place) ?? 0)
    if (Number.isFinite(value)) this.#values.set(place, value)
  }
}
