import type { HearsayNode, PeerId } from '../index.ts'

/** Faults that can be injected by node name; every method is idempotent. */
export interface ChaosControl {
  /**
   * Cuts the network into sides. Nodes that no side names form one side of their own.
   * @throws {HearsayError} ERR_NOT_FOUND for an unknown name, ERR_INVALID for a name on two sides
   */
  partition(sides: readonly (readonly string[])[]): Promise<void>
  /** Takes back partition, loss, latency and pauses; killed nodes stay dead. */
  heal(): Promise<void>
  /** Share of frames that vanish, 0 … 1. */
  loss(share: number): Promise<void>
  /** Extra one-way delay. */
  latency(ms: number): Promise<void>
  /** Ends a node as a crash would. */
  kill(name: string): Promise<void>
  /** Starts a killed node again with the same identity and data. */
  restart(name: string): Promise<void>
  /** Freezes a node's network, as SIGSTOP would. */
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>
}

export type LabNodeState = 'running' | 'paused' | 'killed'

/** One node of a lab, as `GET /v1/lab` shows it. */
export interface LabNodeInfo {
  readonly name: string
  readonly peerId: PeerId
  readonly state: LabNodeState
  /** Index into `sides` while the network is partitioned. */
  readonly side?: number
  /** Digest of the group `main`; empty for a killed node. */
  readonly digest: string
  readonly viewHash: string
  /** Members that this node sees alive, itself included. */
  readonly alive: number
  readonly members: readonly { readonly name: string; readonly state: string }[]
}

export interface LabInfo {
  readonly nodes: readonly LabNodeInfo[]
  /** Empty when the network is whole. */
  readonly sides: readonly (readonly string[])[]
  readonly loss: number
  readonly latencyMs: number
  /** Distinct digests among the nodes that run: 1 means converged. */
  readonly digests: number
}

/** What a lab tells. `at` is Unix ms. */
export type LabEvent = { readonly at: number } & (
  | { readonly type: 'started'; readonly name: string }
  | { readonly type: 'killed'; readonly name: string }
  | { readonly type: 'restarted'; readonly name: string }
  | { readonly type: 'paused'; readonly name: string }
  | { readonly type: 'resumed'; readonly name: string }
  | { readonly type: 'partitioned'; readonly sides: readonly (readonly string[])[] }
  | { readonly type: 'healed' }
  | { readonly type: 'loss'; readonly share: number }
  | { readonly type: 'latency'; readonly ms: number }
  | { readonly type: 'stopped' }
)

/** A lab as the HTTP API drives it. */
export interface LabControl extends ChaosControl {
  info(): LabInfo
  /** The running node of that name; undefined when it is unknown or killed. A restart makes a new one. */
  running(name: string): HearsayNode | undefined
  subscribe(listener: (event: LabEvent) => void): () => void
}
