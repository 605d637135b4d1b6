import type { PeerId } from '../../base/ids.ts'
import type {
  LinkDetails,
  LinkEnd,
  LinkListener,
  LinkPort,
  OutboundFrame,
} from '../../engine/ports.ts'
import type { FaultTimers } from './fault-timers.ts'

/** What a kernel holds for a stopped process; frames beyond it are lost and counted. */
export const HELD_BYTES_MAX: number = 4 * 1_048_576

interface Held {
  readonly peer: PeerId | undefined
  readonly type: 'link-up' | 'frame' | 'other'
  readonly bytes: number
  deliver(listener: LinkListener): void
}

/**
 * Links of a process that can be stopped as by SIGSTOP: what comes in waits and is delivered after
 * SIGCONT, in order; frames out are lost, since a stopped process would not have sent them; dials
 * and joins start when it goes on.
 */
export class PausableLinks implements LinkPort, LinkListener {
  readonly #inner: LinkPort
  readonly #timers: FaultTimers
  #listener: LinkListener | undefined
  #isPaused = false
  #isDelivering = false
  #held: Held[] = []
  #heldBytes = 0
  readonly #dials = new Map<PeerId, readonly string[]>()
  readonly #joins = new Set<string>()

  constructor(inner: LinkPort, timers: FaultTimers) {
    this.#inner = inner
    this.#timers = timers
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#timers.after(0, () => this.#goOn())
  }

  listen(listener: LinkListener): void {
    this.#listener = listener
    this.#inner.listen(this)
  }

  dial(peer: PeerId, addresses: readonly string[]): void {
    if (this.#isPaused) this.#dials.set(peer, addresses)
    else this.#inner.dial(peer, addresses)
  }

  join(address: string): void {
    if (this.#isPaused) this.#joins.add(address)
    else this.#inner.join(address)
  }

  send(frame: OutboundFrame): boolean {
    return this.#isPaused || this.#inner.send(frame)
  }

  protect(...parameters: Parameters<LinkPort['protect']>): void {
    this.#inner.protect(...parameters)
  }

  close(...parameters: Parameters<LinkPort['close']>): void {
    this.#inner.close(...parameters)
  }

  linkUp(peer: PeerId, details: LinkDetails): void {
    this.#accept({ peer, type: 'link-up', bytes: 0, deliver: (to) => to.linkUp(peer, details) })
  }

  linkDown(peer: PeerId, end: LinkEnd): void {
    const isUpHeld = this.#held.some((held) => held.peer === peer && held.type === 'link-up')
    // A link that came and went meanwhile never was: flapping peers cannot fill the memory.
    if (isUpHeld) this.#forgetLastLink(peer)
    else this.#accept({ peer, type: 'other', bytes: 0, deliver: (to) => to.linkDown(peer, end) })
  }

  dialFailed(peer: PeerId, end: LinkEnd): void {
    this.#accept({
      peer: undefined,
      type: 'other',
      bytes: 0,
      deliver: (to) => to.dialFailed(peer, end),
    })
  }

  joinFailed(address: string, end: LinkEnd, reason: string): void {
    this.#accept({
      peer: undefined,
      type: 'other',
      bytes: 0,
      deliver: (to) => to.joinFailed(address, end, reason),
    })
  }

  frame(peer: PeerId, protocol: OutboundFrame['protocol'], bytes: Uint8Array): void {
    if (this.#heldBytes + bytes.length > HELD_BYTES_MAX) {
      this.#listener?.dropped('fault-pause-overflow')
      return
    }
    this.#accept({
      peer,
      type: 'frame',
      bytes: bytes.length,
      deliver: (to) => to.frame(peer, protocol, bytes),
    })
  }

  addresses(addresses: readonly string[]): void {
    this.#listener?.addresses(addresses)
  }

  dropped(reason: string): void {
    this.#listener?.dropped(reason)
  }

  #accept(event: Held): void {
    // Behind what is held, also after resume(), until that has been delivered.
    if (this.#isPaused || this.#isDelivering || this.#held.length > 0) {
      this.#held.push(event)
      this.#heldBytes += event.bytes
    } else if (this.#listener !== undefined) {
      event.deliver(this.#listener)
    }
  }

  #forgetLastLink(peer: PeerId): void {
    const up = this.#held.findLastIndex((held) => held.peer === peer && held.type === 'link-up')
    this.#held = this.#held.filter((held, at) => {
      const isGone = held.peer === peer && at >= up
      if (isGone) this.#heldBytes -= held.bytes
      return !isGone
    })
  }

  #goOn(): void {
    this.#isDelivering = true
    // A listener's reaction may pause again.
    while (!this.#isPaused) {
      const event = this.#held.shift()
      if (event === undefined) break
      this.#heldBytes -= event.bytes
      if (this.#listener !== undefined) event.deliver(this.#listener)
    }
    this.#isDelivering = false
    if (this.#isPaused) return
    for (const [peer, addresses] of this.#dials) this.#inner.dial(peer, addresses)
    this.#dials.clear()
    for (const address of this.#joins) this.#inner.join(address)
    this.#joins.clear()
  }
}
