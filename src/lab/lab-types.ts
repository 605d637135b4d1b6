import type { FrameCounts, HearsayNode, NodeOptions, PeerId, Traffic, Waiting } from '../index.ts'

/** Faults that can be injected by node name. Unknown names reject with ERR_NOT_FOUND. */
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
  /** Starts a node again with the same identity and data; one that runs is killed first. */
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
  /** Peer ids of the members that it has a link to. */
  readonly links: readonly PeerId[]
  /** What came over each of `links`, in their order. */
  readonly heard: readonly FrameCounts[]
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

export interface LabOptions {
  /** How many, 1 … 200. */
  readonly nodes: number
  /** One per node. @default a, b, … z, n27, n28, … */
  readonly names?: readonly string[]
  /** Where each node gets a directory. @default a temporary one, removed by `stop` */
  readonly dataDir?: string
  /** Options of every node; name, directory, joining and chaos are the lab's. */
  readonly node?: Omit<NodeOptions, 'name' | 'dataDir' | 'join' | 'chaos' | 'privateKey'>
  /** What starts a node. @default createNodeStarter() */
  readonly createNode?: (options: NodeOptions) => Promise<HearsayNode>
}

/** Many nodes in one process, on real loopback sockets, with injectable faults. */
export interface Lab extends LabControl, AsyncDisposable {
  /** All names, in order. */
  readonly names: readonly string[]
  /** The nodes that run, in order. */
  readonly nodes: readonly HearsayNode[]
  /** `performance.now()` when the first node began to start. */
  readonly startedAt: number
  /** A running node. @throws {HearsayError} ERR_NOT_FOUND, or ERR_STOPPED while it is killed */
  node(name: string): HearsayNode
  /** Resolves when every running node sees exactly the running nodes alive, and all views are equal. */
  ready(options?: Waiting): Promise<void>
  /** Resolves when `condition` holds; it is asked again whenever a node tells something. */
  until(condition: () => boolean, options?: Waiting): Promise<void>
  /** Digest of a group (default `main`) by name of each running node. */
  digests(group?: string): ReadonlyMap<string, string>
  /** Bytes of all nodes together, by protocol, those of killed ones included. */
  traffic(): Traffic
  /** Stops all nodes and removes the temporary directory. Idempotent. */
  stop(): Promise<void>
}
