import type { NoiseInit } from '@chainsafe/libp2p-noise'
import type { Transport } from '@libp2p/interface'
import type { WebSocketsComponents } from '@libp2p/websockets'
import type { Bans } from './bans.ts'
import type { HostLimits } from './options.ts'

/** What a host takes from where it runs. */
export interface HostPlatform {
  /** How it dials and listens. May load them now: it is waited for. */
  transports(wanted: TransportsWanted): Promise<readonly TransportFactory[]>
  /** What noise encrypts with. @default what noise brings for the platform */
  readonly crypto?: NoiseInit['crypto']
  /** Multiaddrs of every answer for a name, at most `max`. @throws errors of the platform */
  lookupName(
    name: string,
    options: { readonly port: number; readonly max: number },
  ): Promise<readonly string[]>
  /** The components of libp2p whose own log is wanted, as in DEBUG. @default none */
  readonly debug?: string | undefined
}

export interface TransportsWanted {
  readonly listen: readonly string[]
  /** Whose pages may connect, see {@link isAllowedOrigin}. */
  readonly origins: readonly string[]
  readonly limits: HostLimits
  readonly bans: Pick<Bans, 'isBanned'>
  readonly dropped: (reason: string) => void
}

export type TransportFactory = (components: WebSocketsComponents) => Transport
