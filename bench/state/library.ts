/** What a library under measurement can do; what it lacks is absent, and its cells show "–". */
export interface Library {
  readonly name: string
  /** How it keeps a set and what its messages are, for the reader of the figures. */
  readonly note: string
  /** Whether a transaction of one operation costs it milliseconds: it then gets smaller counts. */
  readonly isSlow: boolean
  /** Whether state lives in memory of WebAssembly, which only the resident set size shows. */
  readonly isForeign: boolean
  /** An empty document. @param writer small number, another for each document that writes */
  create(writer: number): Document
  /** A document from the bytes of `snapshot()`, as after a restart. */
  readonly load?: (snapshot: Uint8Array, writer: number) => Document
  /** The messages of many transactions, packed as the library would send them to a newcomer. */
  readonly pack: (document: Document, messages: readonly Uint8Array[]) => readonly Uint8Array[]
  /** Brings both documents to one state over a link of their own, by the library's own protocol. */
  readonly sync?: (a: Document, b: Document) => Promise<Exchange>
}

/** One replica with one set and one counter. */
export interface Document {
  /** One transaction. */
  add(key: string): void
  /** One transaction. */
  remove(key: string): void
  /** One transaction of many operations. */
  change(added: readonly string[], removed: readonly string[]): void
  has(key: string): boolean
  keys(): readonly string[]
  readonly counter?: {
    /** `times` increments by one, in one transaction. */
    increment(times: number): void
    value(): number
  }
  /** From now on calls back with the message of each transaction, as one would send it to a peer. */
  listen(listener: ((message: Uint8Array) => void) | undefined): void
  /** Takes in a message of another replica. */
  apply(message: Uint8Array): void
  readonly snapshot?: () => Uint8Array
  /** Ends work that gathers across transactions. Measured with them. */
  readonly settle?: () => void
}

/** Cost of one sync: payload of messages in both directions, without the transport's framing. */
export interface Exchange {
  readonly bytes: number
  /** One-way flights that had to wait for each other: two are one round trip. */
  readonly flights: number
}
