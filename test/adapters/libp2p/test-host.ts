import { randomBytes } from 'node:crypto'
import {
  createHost,
  type Host,
  type HostOptions,
} from '../../../src/adapters/libp2p/nodejs-host.ts'
import type { Protocol } from '../../../src/base/core.ts'
import type { PeerId } from '../../../src/base/ids.ts'
import type { LinkDetails, LinkEnd } from '../../../src/engine/ports.ts'

/** What a listener heard, in order. */
export type Heard =
  | { readonly type: 'up'; readonly peer: PeerId; readonly details: LinkDetails }
  | { readonly type: 'down'; readonly peer: PeerId; readonly end: LinkEnd }
  | { readonly type: 'dial-failed'; readonly peer: PeerId; readonly end: LinkEnd }
  | {
      readonly type: 'join-failed'
      readonly address: string
      readonly end: LinkEnd
      readonly reason: string
    }
  | {
      readonly type: 'frame'
      readonly peer: PeerId
      readonly protocol: Protocol
      readonly bytes: Uint8Array
    }
  | { readonly type: 'addresses'; readonly addresses: readonly string[] }
  | { readonly type: 'dropped'; readonly reason: string }

const DEADLINE_MS = 10_000

/** A host on loopback with everything its listener heard. */
export class TestHost {
  readonly host: Host
  readonly heard: Heard[] = []
  readonly #waiting = new Set<() => void>()
  #slow: () => void = () => {}

  constructor(host: Host) {
    this.host = host
    const hear = (heard: Heard): void => {
      this.heard.push(heard)
      for (const check of [...this.#waiting]) check()
    }
    host.links.listen({
      linkUp: (peer, details) => hear({ type: 'up', peer, details }),
      linkDown: (peer, end) => hear({ type: 'down', peer, end }),
      dialFailed: (peer, end) => hear({ type: 'dial-failed', peer, end }),
      joinFailed: (address, end, reason) => hear({ type: 'join-failed', address, end, reason }),
      frame: (peer, protocol, bytes) => {
        this.#slow()
        hear({ type: 'frame', peer, protocol, bytes })
      },
      addresses: (addresses) => hear({ type: 'addresses', addresses }),
      dropped: (reason) => hear({ type: 'dropped', reason }),
    })
  }

  /** Makes the listener work for 6 ms on every frame, and look at something. */
  slow(look: () => void): void {
    this.#slow = () => {
      look()
      const until = performance.now() + 6
      while (performance.now() < until);
    }
  }

  get peer(): PeerId {
    return this.host.peerId
  }

  get address(): string {
    const [address] = this.host.listenAddresses()
    if (address === undefined) throw new Error('The host does not listen')
    return address
  }

  get port(): number {
    return Number(this.address.split('/')[4])
  }

  ofType<T extends Heard['type']>(type: T): Extract<Heard, { type: T }>[] {
    return this.heard.filter((each): each is Extract<Heard, { type: T }> => each.type === type)
  }

  dropped(): string[] {
    return this.ofType('dropped').map(({ reason }) => reason)
  }

  /** Resolves as soon as what was heard satisfies a condition. */
  until(condition: () => boolean, what: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const check = (): void => {
      if (!condition()) return
      clearTimeout(timer)
      this.#waiting.delete(check)
      resolve()
    }
    const timer = setTimeout(() => {
      this.#waiting.delete(check)
      const last = this.heard.slice(-5).map(({ type }) => type)
      reject(new Error(`Waited in vain: ${what}; heard ${this.heard.length}, last ${last}`))
    }, DEADLINE_MS)
    this.#waiting.add(check)
    check()
    return promise
  }

  async up(peer: PeerId): Promise<LinkDetails> {
    const find = () => this.ofType('up').find((each) => each.peer === peer)
    await this.until(() => find() !== undefined, `link up with ${peer}`)
    const found = find()
    if (found === undefined) throw new Error('unreachable')
    return found.details
  }

  async ups(count: number): Promise<void> {
    await this.until(() => this.ofType('up').length >= count, `${count} links up`)
  }

  async down(peer: PeerId): Promise<LinkEnd> {
    const find = () => this.ofType('down').find((each) => each.peer === peer)
    await this.until(() => find() !== undefined, `link down with ${peer}`)
    return find()?.end ?? 'closed'
  }

  async frames(count: number): Promise<Extract<Heard, { type: 'frame' }>[]> {
    await this.until(() => this.ofType('frame').length >= count, `${count} frames`)
    return this.ofType('frame')
  }
}

export class TestHosts implements AsyncDisposable {
  readonly #hosts: TestHost[] = []

  async create(options: Partial<HostOptions> = {}): Promise<TestHost> {
    const test = await this.createStopped(options)
    await test.host.start()
    return test
  }

  /** A host that has not been started. */
  async createStopped(options: Partial<HostOptions> = {}): Promise<TestHost> {
    const host = await createHost({
      seed: new Uint8Array(randomBytes(32)),
      network: 'test',
      profile: 'local',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      version: '0.0.0',
      records: { lookup: () => undefined, offer: async () => 'refused' },
      ...options,
    })
    const test = new TestHost(host)
    this.#hosts.push(test)
    return test
  }

  /** Two hosts with a link, dialled by the first. */
  async pair(options: Partial<HostOptions> = {}): Promise<[TestHost, TestHost]> {
    const a = await this.create(options)
    const b = await this.create(options)
    a.host.links.dial(b.peer, [b.address])
    await Promise.all([a.up(b.peer), b.up(a.peer)])
    return [a, b]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#hosts.map(({ host }) => host.stop()))
  }
}
