import type { StoreRow } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Command, EngineEvent, Outcome } from '../engine/engine-types.ts'
import type { Ports } from '../engine/ports.ts'

/** One row of a node's view, as far as checks look at it. */
export interface SubjectMember {
  readonly peer: PeerId
  readonly epoch: number
  readonly incarnation: number
  readonly state: 'alive' | 'suspect' | 'degraded' | 'failed' | 'left'
}

/** A node's replicated state of group `main`, read synchronously. */
export interface SubjectState {
  counter(object: string): bigint
  setValues(object: string): readonly string[]
  register(object: string): unknown
  map(object: string): unknown
  /** Everything readable as one text: equal states have equal texts. */
  text(): string
}

/**
 * What the simulator asks of the program under test: the production driver over its engine. An interface, so
 * that the simulator's own tests can stand something small in its place.
 */
export interface Subject {
  /** Rows of the disk in key order, before start. */
  load(row: StoreRow): void
  start(): void
  join(addresses: readonly string[]): void
  request(command: Command, done: (outcome: Outcome) => void): void
  halt(): void
  members(): readonly SubjectMember[]
  /** Hex digest of the state: equal digests promise equal states. */
  digest(): string
  /** Hex hash of the member view. */
  viewHash(): string
  /** The identity that this node writes events under. */
  identity(): string
  /** Events held per writing identity. */
  vector(): ReadonlyMap<string, number>
  state(): SubjectState
}

export interface SubjectOptions {
  readonly ports: Ports
  readonly network: string
  readonly name: string
  readonly replication: number
  readonly observe: (event: EngineEvent) => void
}

export type SubjectFactory = (options: SubjectOptions) => Subject
