import type { Libp2p, PeerId as Libp2pPeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../../base/ids.ts'
import type { Admissions } from './admissions.ts'
import { type DialEnd, dialEnd, NotAdmittedError } from './dial-end.ts'
import { DialSlots } from './dial-slots.ts'
import type { HostPlatform } from './host-platform.ts'
import { parseJoinAddress } from './join-address.ts'
import type { HostLimits } from './options.ts'
import type { Wire } from './wire.ts'

export interface DialerOptions {
  readonly self: PeerId
  readonly libp2p: Libp2p
  readonly limits: HostLimits
  readonly admissions: Admissions
  readonly lookupName: HostPlatform['lookupName']
}

/** A place to dial: without `peer` whoever answers there. */
interface Target {
  readonly address: string
  readonly peer: PeerId | undefined
}

/** Dials and waits for admission, so many at once. Every failure is a {@link DialEnd}. */
export class Dialer {
  readonly #options: DialerOptions
  readonly #slots: DialSlots
  readonly #stop = new AbortController()
  readonly #start: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #joins = new Set<string>()
  #own: ReadonlySet<string> = new Set()

  constructor(options: DialerOptions) {
    this.#options = options
    this.#slots = new DialSlots(options.limits.dialsMax)
  }

  /** @param own our own addresses: never dialled */
  started(own: readonly string[]): void {
    this.#own = new Set(own)
    this.#start.resolve()
  }

  stop(): void {
    this.#stop.abort()
    this.#start.resolve()
  }

  libp2pId(peer: PeerId): Libp2pPeerId | undefined {
    try {
      return peerIdFromString(peer)
    } catch {
      return undefined
    }
  }

  /** Resolves when the peer is admitted. @throws {DialEnd} */
  async dial(peer: PeerId, addresses: readonly string[]): Promise<void> {
    try {
      if (peer === this.#options.self) throw new NotAdmittedError('closed', 'self')
      const targets: Multiaddr[] = []
      for (const address of addresses) {
        const target = this.#target({ address, peer })
        if (target !== undefined && !this.#own.has(address)) targets.push(target)
      }
      await this.#reach(targets.slice(0, this.#options.limits.addressesMax))
    } catch (error) {
      throw dialEnd(error)
    }
  }

  /**
   * Resolves when every answer of the address has been tried and one was admitted.
   * @param onAdmitted called for each peer that was admitted
   * @throws {DialEnd}
   */
  async join(address: string, onAdmitted: (wire: Wire) => void): Promise<void> {
    if (this.#joins.has(address)) return
    this.#joins.add(address)
    try {
      await this.#start.promise
      await this.#tryAll(address, onAdmitted)
    } catch (error) {
      throw dialEnd(error)
    } finally {
      this.#joins.delete(address)
    }
  }

  async #tryAll(address: string, onAdmitted: (wire: Wire) => void): Promise<void> {
    const parsed = parseJoinAddress(address)
    if (parsed.type === 'multiaddr') {
      onAdmitted(await this.#visit({ address: parsed.multiaddr, peer: parsed.peer }, address))
      return
    }
    const max = this.#options.limits.addressesMax
    const answers = await this.#options.lookupName(parsed.name, { port: parsed.port, max })
    const errors: unknown[] = []
    let admitted = 0
    const visit = async (answer: string): Promise<void> => {
      try {
        onAdmitted(await this.#visit({ address: answer, peer: undefined }, address))
        admitted += 1
      } catch (error) {
        errors.push(error)
      }
    }
    if (parsed.isMany) await Promise.all(answers.map(visit))
    else for (const answer of answers) if (admitted === 0) await visit(answer)
    if (admitted === 0) throw new AggregateError(errors, 'No answer worked')
  }

  async #visit(target: Target, via: string): Promise<Wire> {
    if (target.peer === this.#options.self || this.#own.has(target.address)) {
      throw new NotAdmittedError('closed', 'self')
    }
    const address = this.#target(target)
    if (address === undefined) throw new NotAdmittedError('closed', 'no address')
    return await this.#reach([address], via)
  }

  async #reach(targets: Multiaddr[], via?: string): Promise<Wire> {
    await this.#start.promise
    if (targets.length === 0) throw new NotAdmittedError('timeout', 'no address known')
    const { libp2p, limits, admissions } = this.#options
    return await this.#slots.run(async () => {
      this.#stop.signal.throwIfAborted()
      const timeout = AbortSignal.timeout(limits.dialTimeoutMs)
      const signal = AbortSignal.any([timeout, this.#stop.signal])
      // Forced: libp2p would hand out a connection that is just being closed.
      const connection = await libp2p.dial(targets, { signal, force: true })
      const wire = admissions.of(connection)
      if (wire !== undefined && !wire.isAdmitted) wire.via = via
      return await admissions.admitted(connection)
    })
  }

  #target({ address, peer }: Target): Multiaddr | undefined {
    try {
      const parsed = multiaddr(address)
      return peer === undefined ? parsed : parsed.encapsulate(`/p2p/${peer}`)
    } catch {
      return undefined
    }
  }
}
