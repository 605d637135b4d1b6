import type { Host } from '../adapters/libp2p/host.ts'
import { HearsayError } from '../base/errors.ts'
import type { Traffic } from './node-types.ts'

const NO_TRAFFIC: Traffic = { sent: {}, received: {} }

/** A node's host, which may take longer to come than everything else: it is made and started here. */
export class Networking {
  readonly #create: () => Promise<Host>
  readonly #attach: (host: Host) => void
  #host: Host | undefined
  #started: Promise<void> | undefined
  #isEnding = false

  /** @param attach given the host before it starts */
  constructor(create: () => Promise<Host>, attach: (host: Host) => void) {
    this.#create = create
    this.#attach = attach
  }

  /** Whether it was stopped, perhaps before there was a host. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** The host once there is one. */
  get host(): Host | undefined {
    return this.#host
  }

  /** Resolves when connections are accepted. @throws {HearsayError} whatever the host throws */
  start(): Promise<void> {
    this.#started ??= this.#run()
    return this.#started
  }

  listenAddresses(): readonly string[] {
    return this.#host?.listenAddresses() ?? []
  }

  traffic(): Traffic {
    return this.#host?.traffic() ?? NO_TRAFFIC
  }

  /** Ends it, also when it is still being made. */
  stop(): Promise<void> {
    return this.#end((host) => host.stop())
  }

  /** As {@link Host.crash}. */
  crash(): Promise<void> {
    return this.#end((host) => host.crash())
  }

  async #run(): Promise<void> {
    if (this.#isEnding) throw stopped()
    const host = await this.#create()
    if (this.#isEnding) {
      await host.stop()
      throw stopped()
    }
    this.#host = host
    this.#attach(host)
    await host.start()
  }

  async #end(end: (host: Host) => Promise<void>): Promise<void> {
    this.#isEnding = true
    // Whoever started it hears why it failed.
    await this.#started?.catch(() => {})
    if (this.#host !== undefined) await end(this.#host)
  }
}

function stopped(): HearsayError {
  return new HearsayError('ERR_STOPPED', 'Cannot listen: the node has stopped')
}
