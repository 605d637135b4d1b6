import type { Random } from '../base/random.ts'
import type { Signer } from '../base/signer.ts'
import type { MembershipOptions } from '../membership/membership.ts'
import type { EngineEvent } from './engine-types.ts'
import type { Ports } from './ports.ts'

export interface EngineOptions {
  readonly signer: Signer
  readonly random: Random
  readonly network: string
  readonly name: string
  readonly tags?: Readonly<Record<string, string>>
  /** Range of protocol versions spoken. */
  readonly protocol: { readonly min: number; readonly max: number }
  /** Replicas of a DHT value. */
  readonly replication: number
  /** Members above which the DHT searches Kademlia for replicas. @default 4,000 */
  readonly oneHopMembersMax?: number | undefined
  /** This node was invited to read only. @default false */
  readonly isObserver?: boolean
  /** Whether `search` outputs are answered. */
  readonly hasKademlia?: boolean
  /** Whether loopback addresses told by peers may be dialled: only when we listen there ourselves. */
  readonly dialLoopback: boolean
  readonly records?: MembershipOptions['records'] | undefined
  /** Where the store lies: see ReplicationOptions. */
  readonly place?: string | undefined
}

export interface DriverOptions extends Omit<EngineOptions, 'signer' | 'random' | 'hasKademlia'> {
  readonly ports: Ports
  /** Called for every fact, after the step that caused it; must not throw. */
  readonly observe: (event: EngineEvent) => void
}
