import type { PeerId } from '../../../src/base/ids.ts'
import { peerIdFromPublicKey } from '../../../src/base/peer-id.ts'
import type {
  LinkDetails,
  LinkEnd,
  LinkListener,
  LinkPort,
  OutboundFrame,
} from '../../../src/engine/ports.ts'

export const [A, B, C]: readonly [PeerId, PeerId, PeerId] = [peer(1), peer(2), peer(3)]

function peer(number: number): PeerId {
  return peerIdFromPublicKey(new Uint8Array(32).fill(number))
}

const INBOUND: LinkDetails = { direction: 'inbound', remoteAddress: '/ip4/127.0.0.1/tcp/1' }
const OUTBOUND: LinkDetails = { direction: 'outbound', remoteAddress: '/ip4/127.0.0.1/tcp/2' }

/** A LinkPort whose other ends are the test. It keeps the rules of a LinkPort. */
export class FakeLinks implements LinkPort {
  readonly sent: OutboundFrame[] = []
  readonly links = new Set<PeerId>()
  readonly dials = new Set<PeerId>()
  readonly joins: string[] = []
  readonly closing = new Set<PeerId>()
  #listener: LinkListener | undefined

  get listener(): LinkListener {
    if (this.#listener === undefined) throw new Error('nobody listens')
    return this.#listener
  }

  listen(listener: LinkListener): void {
    this.#listener = listener
  }

  dial(to: PeerId): void {
    if (!this.links.has(to)) this.dials.add(to)
  }

  join(address: string): void {
    this.joins.push(address)
  }

  send(frame: OutboundFrame): boolean {
    const isTaken = this.links.has(frame.peer) || this.dials.has(frame.peer)
    if (isTaken) this.sent.push(frame)
    return isTaken
  }

  protect(): void {}

  close(to: PeerId): void {
    if (this.links.has(to)) this.closing.add(to)
  }

  // What the test makes happen.

  comeUp(from: PeerId, via?: string): void {
    if (this.links.has(from)) return
    const isDial = this.dials.delete(from)
    this.links.add(from)
    const details = isDial || via !== undefined ? OUTBOUND : INBOUND
    this.listener.linkUp(from, via === undefined ? details : { ...details, via })
  }

  goDown(from: PeerId, end: LinkEnd = 'reset'): void {
    this.closing.delete(from)
    if (this.links.delete(from)) this.listener.linkDown(from, end)
  }

  failDial(to: PeerId, end: LinkEnd = 'refused'): void {
    if (this.dials.delete(to)) this.listener.dialFailed(to, end)
  }

  finishCloses(): void {
    for (const to of [...this.closing]) this.goDown(to, 'closed')
  }

  receive(from: PeerId, text: string): void {
    if (this.links.has(from)) this.listener.frame(from, 'member', new TextEncoder().encode(text))
  }

  get sentTexts(): readonly string[] {
    return this.sent.map((frame) => new TextDecoder().decode(frame.bytes))
  }
}

/** Writes down what it hears, one line each. */
export class RecordingListener implements LinkListener {
  readonly lines: string[] = []
  readonly #names: ReadonlyMap<string, string> = new Map<string, string>([
    [A, 'a'],
    [B, 'b'],
    [C, 'c'],
  ])

  #note(what: string, from: string, more = ''): void {
    this.lines.push(`${what} ${this.#names.get(from) ?? from}${more === '' ? '' : ` ${more}`}`)
  }

  linkUp(from: PeerId, details: LinkDetails): void {
    this.#note('up', from, details.via ?? '')
  }

  linkDown(from: PeerId, end: LinkEnd): void {
    this.#note('down', from, end)
  }

  dialFailed(to: PeerId, end: LinkEnd): void {
    this.#note('dial-failed', to, end)
  }

  joinFailed(address: string, end: LinkEnd): void {
    this.#note('join-failed', address, end)
  }

  frame(from: PeerId, _protocol: string, bytes: Uint8Array): void {
    this.#note(
      'frame',
      from,
      bytes.length > 100 ? `${bytes.length}` : new TextDecoder().decode(bytes),
    )
  }

  addresses(addresses: readonly string[]): void {
    this.#note('addresses', addresses.join())
  }

  dropped(reason: string): void {
    this.#note('dropped', reason)
  }

  /** What was heard since the last call. */
  take(): readonly string[] {
    return this.lines.splice(0)
  }
}

export function frameTo(to: PeerId, text: string): OutboundFrame {
  return { peer: to, protocol: 'member', lane: 'control', bytes: new TextEncoder().encode(text) }
}
