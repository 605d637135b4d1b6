/** What a code means, wherever it comes from: the library, the HTTP API, the command line. */
export interface ErrorEntry {
  /** Exit code of a verb that ends with it; absent: 1, a failure without a code of its own. */
  readonly exit?: number
  /** Status of an HTTP answer with it; absent: it never comes over HTTP. */
  readonly status?: number
  /** What happened. */
  readonly what: string
  /** What it comes from. */
  readonly why: string
  /** What to do next. */
  readonly next: string
}
