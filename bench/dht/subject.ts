/** One DHT over real sockets of this process, as a benchmark uses it. */
export interface Subject {
  readonly name: string
  /** Whether values may be larger than a packet. */
  readonly hasLargeValues: boolean
  put(node: number, key: string, value: Uint8Array): Promise<void>
  /** Undefined: not found. */
  get(node: number, key: string): Promise<Uint8Array | undefined>
  /** Requests that a node has sent so far; undefined where nobody counts them. */
  requests?(node: number): number | undefined
  /** From here on these nodes neither send nor receive. */
  stall?(nodes: readonly number[]): void
  /** A new node joins. */
  add?(): Promise<void>
  /** Ends a node as a crash does. */
  kill?(node: number): Promise<void>
  close(): Promise<void>
}

export interface SubjectOptions {
  readonly nodes: number
  /** One way, on every link; 0: none. */
  readonly delayMs: number
}
