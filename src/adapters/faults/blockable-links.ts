import type { PeerId } from '../../base/ids.ts'
import type {
  LinkDetails,
  LinkEnd,
  LinkListener,
  LinkPort,
  OutboundFrame,
} from '../../engine/ports.ts'
import type { FaultTimers } from './fault-timers.ts'

/** How long a dial into nothing takes to fail. Real ones take 5 s, which nobody wants to watch. */
export const BLOCKED_DIAL_MS = 1_000

interface Peer {
  /** The link below, when there is one. */
  below: LinkDetails | undefined
  /** Whether the last thing the listener heard of a link is that it is up. */
  isShown: boolean
  /** How a shown link ended below while its end was hidden. */
  lostEnd: LinkEnd | undefined
  /** A dial whose outcome the listener waits for. */
  dial: Dial | undefined
}

interface Dial {
  readonly addresses: readonly string[]
  /** Set while the dial goes into nothing. */
  cancel: (() => void) | undefined
}

/**
 * Links of which some lead to peers behind a cut cable. An established link stays up on both sides
 * until somebody gives it up; its frames vanish and dials time out. What happens to the link below
 * meanwhile is hidden, and told when the cable is back: a link that came is announced, one that went
 * is ended.
 */
export class BlockableLinks implements LinkPort, LinkListener {
  readonly #inner: LinkPort
  readonly #timers: FaultTimers
  readonly #peers = new Map<PeerId, Peer>()
  #blocked: ReadonlySet<PeerId> = new Set()
  #listener: LinkListener | undefined

  constructor(inner: LinkPort, timers: FaultTimers) {
    this.#inner = inner
    this.#timers = timers
  }

  /** Makes these peers, and no others, unreachable. */
  block(peers: readonly PeerId[]): void {
    const before = this.#blocked
    this.#blocked = new Set(peers)
    for (const peer of this.#blocked) {
      const state = this.#peers.get(peer)
      if (state?.dial !== undefined) this.#failDialLater(peer, state, state.dial)
    }
    for (const peer of before) {
      // Later: whoever heals may be inside a reaction of the listener.
      if (!this.#blocked.has(peer)) this.#timers.after(0, () => this.#settle(peer))
    }
  }

  get isBlocking(): boolean {
    return this.#blocked.size > 0
  }

  listen(listener: LinkListener): void {
    this.#listener = listener
    this.#inner.listen(this)
  }

  dial(peer: PeerId, addresses: readonly string[]): void {
    const state = this.#peer(peer)
    if (state.isShown || state.dial !== undefined) return
    state.dial = { addresses, cancel: undefined }
    if (this.#blocked.has(peer)) this.#failDialLater(peer, state, state.dial)
    else this.#inner.dial(peer, addresses)
  }

  join(address: string): void {
    this.#inner.join(address)
  }

  send(frame: OutboundFrame): boolean {
    if (!this.#blocked.has(frame.peer)) return this.#inner.send(frame)
    const state = this.#peers.get(frame.peer)
    // It vanishes, and the sender of a frame that vanishes learns nothing.
    return state !== undefined && (state.isShown || state.dial !== undefined)
  }

  protect(peer: PeerId, isProtected: boolean): void {
    this.#inner.protect(peer, isProtected)
  }

  close(peer: PeerId): void {
    const state = this.#peers.get(peer)
    if (state?.isShown === true && this.#blocked.has(peer)) {
      // The end of the link below will be hidden, so the listener is told of this one.
      this.#timers.after(0, () => this.#end(peer, state, 'closed'))
    }
    this.#inner.close(peer)
  }

  linkUp(peer: PeerId, details: LinkDetails): void {
    const state = this.#peer(peer)
    state.below = details
    if (!this.#blocked.has(peer)) {
      this.#show(peer, state, details)
      return
    }
    const { via, ...rest } = details
    if (via === undefined) return
    // The join came out at a peer that cannot be reached: that is its outcome.
    state.below = rest
    this.#timers.after(BLOCKED_DIAL_MS, () =>
      this.#listener?.joinFailed(via, 'timeout', 'no answer'),
    )
  }

  linkDown(peer: PeerId, end: LinkEnd): void {
    const state = this.#peer(peer)
    state.below = undefined
    if (!this.#blocked.has(peer)) this.#end(peer, state, end)
    else if (state.isShown) state.lostEnd ??= end
    this.#forgetIdle(peer, state)
  }

  dialFailed(peer: PeerId, end: LinkEnd): void {
    const state = this.#peers.get(peer)
    // Without a waiting dial it has failed already; a blocked one fails when its time is up.
    if (state?.dial === undefined || this.#blocked.has(peer)) return
    this.#failDial(peer, state, end)
  }

  joinFailed(address: string, end: LinkEnd, reason: string): void {
    this.#listener?.joinFailed(address, end, reason)
  }

  frame(peer: PeerId, protocol: OutboundFrame['protocol'], bytes: Uint8Array): void {
    if (this.#blocked.has(peer)) return
    this.#settle(peer)
    this.#listener?.frame(peer, protocol, bytes)
  }

  addresses(addresses: readonly string[]): void {
    this.#listener?.addresses(addresses)
  }

  dropped(reason: string): void {
    this.#listener?.dropped(reason)
  }

  #peer(peer: PeerId): Peer {
    const known = this.#peers.get(peer)
    if (known !== undefined) return known
    const state = { below: undefined, isShown: false, lostEnd: undefined, dial: undefined }
    this.#peers.set(peer, state)
    return state
  }

  /** Tells what was hidden, once a peer is reachable again. */
  #settle(peer: PeerId): void {
    const state = this.#peers.get(peer)
    if (state === undefined || this.#blocked.has(peer)) return
    if (state.lostEnd !== undefined) this.#end(peer, state, state.lostEnd)
    if (state.below !== undefined && !state.isShown) this.#show(peer, state, state.below)
    if (state.dial?.cancel !== undefined) {
      // The next try of a dial that was going into nothing would succeed: so does this one.
      state.dial.cancel()
      state.dial.cancel = undefined
      this.#inner.dial(peer, state.dial.addresses)
    }
  }

  #show(peer: PeerId, state: Peer, details: LinkDetails): void {
    if (state.lostEnd !== undefined) this.#end(peer, state, state.lostEnd)
    state.dial?.cancel?.()
    state.dial = undefined
    state.isShown = true
    // Again after an end in this very call, which may have forgotten the peer.
    this.#peers.set(peer, state)
    this.#listener?.linkUp(peer, details)
  }

  #end(peer: PeerId, state: Peer, end: LinkEnd): void {
    if (!state.isShown) return
    state.isShown = false
    state.lostEnd = undefined
    this.#forgetIdle(peer, state)
    this.#listener?.linkDown(peer, end)
  }

  #failDialLater(peer: PeerId, state: Peer, dial: Dial): void {
    if (dial.cancel !== undefined) return
    dial.cancel = this.#timers.after(BLOCKED_DIAL_MS, () => this.#failDial(peer, state, 'timeout'))
  }

  #failDial(peer: PeerId, state: Peer, end: LinkEnd): void {
    state.dial?.cancel?.()
    state.dial = undefined
    this.#forgetIdle(peer, state)
    this.#listener?.dialFailed(peer, end)
  }

  #forgetIdle(peer: PeerId, state: Peer): void {
    const isIdle = state.below === undefined && !state.isShown && state.dial === undefined
    // The listener may have dialled again from inside its reaction: that is another state.
    if (isIdle && this.#peers.get(peer) === state) this.#peers.delete(peer)
  }
}
