import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Bans } from './bans.ts'
import { guardNegotiation } from './multistream-guard.ts'
import type { HostLimits } from './options.ts'

export interface GaterOptions {
  readonly limits: HostLimits
  readonly bans: Bans
  readonly inboundConnections: () => number
  readonly dropped: (reason: string) => void
}

/** Refuses connections before they cost anything, and watches the ones it lets through. */
export class Gater implements ConnectionGater {
  readonly #options: GaterOptions
  /** Handshakes under way, by address. */
  readonly #pending = new Map<string, number>()

  constructor(options: GaterOptions) {
    this.#options = options
  }

  denyDialPeer = (peer: PeerId): boolean => this.#isUnwanted(peer)

  /** Everything that is asked for may be dialled, private addresses too. */
  denyDialMultiaddr = (): boolean => false

  denyInboundConnection = (connection: MultiaddrConnection): boolean => {
    const { limits, bans, inboundConnections, dropped } = this.#options
    const address = ipOf(connection)
    if (bans.isBanned(address)) return this.#deny('connection of a banned address')
    if (inboundConnections() >= limits.inboundMax) return this.#deny('too many connections')
    const pending = this.#pending.get(address) ?? 0
    if (pending >= limits.pendingPerAddress) return this.#deny('too many handshakes at once')
    this.#pending.set(address, pending + 1)
    const release = once(() => this.#release(address))
    connection.addEventListener('close', release)
    this.#releases.set(connection, release)
    guardNegotiation(connection, () => {
      dropped('malformed negotiation')
      // A stray client on this machine must not cut off every local peer.
      if (!isLoopbackIp(address) && bans.offend(address)) dropped('address banned')
    })
    return false
  }

  denyOutboundConnection = (_peer: PeerId, connection: MultiaddrConnection): boolean => {
    guardNegotiation(connection, () => this.#options.dropped('malformed negotiation'))
    return false
  }

  denyInboundEncryptedConnection = (peer: PeerId): boolean => this.#isUnwanted(peer)

  denyOutboundEncryptedConnection = (peer: PeerId): boolean => this.#isUnwanted(peer)

  denyInboundUpgradedConnection = (_peer: PeerId, connection: MultiaddrConnection): boolean => {
    this.#releases.get(connection)?.()
    return false
  }

  readonly #releases = new WeakMap<MultiaddrConnection, () => void>()

  #isUnwanted(peer: PeerId): boolean {
    if (peer.type !== 'Ed25519') return this.#deny('identity that is not Ed25519')
    return this.#options.bans.isBanned(peer.toString()) && this.#deny('connection of a banned peer')
  }

  #deny(reason: string): true {
    this.#options.dropped(reason)
    return true
  }

  #release(address: string): void {
    const pending = (this.#pending.get(address) ?? 1) - 1
    if (pending > 0) this.#pending.set(address, pending)
    else this.#pending.delete(address)
  }
}

function ipOf(connection: MultiaddrConnection): string {
  return connection.remoteAddr.getComponents()[0]?.value ?? ''
}

function isLoopbackIp(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function once(run: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    run()
  }
}
