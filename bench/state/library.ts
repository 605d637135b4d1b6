/** The set that calls without a name are about. */
export const MAIN_SET = 's'

/** What a library under measurement can do; what it lacks is absent, and its cells show "–". */
export interface Library {
  readonly name: string
  /** Whether a transaction of one operation costs it milliseconds: it then gets smaller counts. */
  readonly isSlow: boolean
  /** Whether a snapshot leaves out what is needed to catch up with a replica that has older state. */
  readonly isShallow?: boolean
  /** Whether state lives in memory of WebAssembly, which only the resident set size shows. */
  readonly isForeign: boolean
  /** An empty document. @param writer small number, another for each document that writes */
  create(writer: number): Document
  /** A document as bytes that need nothing else. */
  snapshot(document: Document): Uint8Array
  /** A document from a snapshot, as after a restart. */
  load(snapshot: Uint8Array, writer: number): Document
  /** The document with its state alone, after it dropped its log. @default it has no log beside its state */
  readonly forget?: (document: Document, writer: number) => Document
  /** The messages of many transactions, packed as the library would send them to a newcomer. */
  pack(document: Document, messages: readonly Uint8Array[]): readonly Uint8Array[]
  /** Brings both documents to one state over a link of their own, by the library's own protocol. */
  sync(a: Document, b: Document): Promise<Exchange>
  /** Bytes of all that a change costs between documents with a link: it, its acknowledgement, heads of frames. */
  live?(a: Document, b: Document, write: () => void): number
  /** Compares equal documents over a link that stands. @default `sync` */
  readonly idle?: (a: Document, b: Document) => Promise<Exchange>
}

/** One replica with sets and one counter. */
export interface Document {
  /** One transaction. */
  add(key: string): void
  /** One transaction. */
  remove(key: string): void
  /** One transaction of many operations. @param set @default MAIN_SET */
  change(added: readonly string[], removed: readonly string[], set?: string): void
  has(key: string): boolean
  keys(set?: string): readonly string[]
  readonly counter?: {
    /** `times` increments by one, in one transaction. */
    increment(times: number): void
    value(): number
  }
  /** From now on calls back with the message of each transaction, as one would send it to a peer. */
  listen(listener: ((message: Uint8Array) => void) | undefined): void
  /** Takes in a message of another replica. */
  apply(message: Uint8Array): void
  /** Ends work that gathers across transactions. Measured with them. */
  readonly settle?: () => void
  /** Ends work in the background too, before something else is measured. */
  readonly rest?: () => void
}

/** Cost of one sync: payload of messages in both directions, without the transport's framing. */
export interface Exchange {
  readonly bytes: number
  /** One-way flights that had to wait for each other: two are one round trip. */
  readonly flights: number
}
