import type { PeerId } from '../base/ids.ts'
import type { LinkListener, OutboundFrame } from '../engine/ports.ts'
import type { Link } from './link.ts'
import { type LaneTraffic, noTraffic } from './network-conditions.ts'
import type { Process } from './process.ts'

/** A dial under way; frames for the peer wait in it. */
export interface Dial {
  readonly frames: OutboundFrame[]
  bytes: number
}

/**
 * A machine on the simulated network: it keeps its identity, while processes on it come and go.
 * `refusing`: the machine runs and the process does not. `silent`: nothing answers at all.
 */
export class Host {
  readonly index: number
  readonly peer: PeerId
  address: string
  /** Name of the hearsay network it admits. */
  readonly network: string
  readonly links: Map<PeerId, Link> = new Map()
  readonly dials: Map<PeerId, Dial> = new Map()
  readonly joins: Set<string> = new Set()
  readonly isProtected: Set<PeerId> = new Set()
  /** What its processes sent, over all their runs. */
  readonly sent: LaneTraffic = noTraffic()
  state: 'running' | 'refusing' | 'silent' = 'refusing'
  run = 0
  process: Process | undefined
  listener: LinkListener | undefined

  constructor(options: {
    readonly index: number
    readonly peer: PeerId
    readonly address: string
    readonly network: string
  }) {
    this.index = options.index
    this.peer = options.peer
    this.address = options.address
    this.network = options.network
  }

  /** True when a process listens: a connection to it would be answered. */
  get isListening(): boolean {
    return this.state === 'running' && this.listener !== undefined
  }
}
