import type { PeerId } from '../base/ids.ts'
import type { LinkListener, LinkPort, OutboundFrame } from '../engine/ports.ts'

/**
 * Links that come later: a node reads and writes its state before it has a network. What is asked for until
 * then is done when they come; frames are dropped, for nobody is linked.
 */
export class LateLinks implements LinkPort {
  #links: LinkPort | undefined
  #listener: LinkListener | undefined
  /** By what it is about, so that there is one a peer or address: membership bounds both. */
  readonly #waiting = new Map<string, (links: LinkPort) => void>()

  /** From now on it is these. Called once, after listen(). */
  attach(links: LinkPort): void {
    this.#links = links
    if (this.#listener !== undefined) links.listen(this.#listener)
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const ask of waiting) ask(links)
  }

  listen(listener: LinkListener): void {
    this.#listener = listener
    this.#links?.listen(listener)
  }

  dial(peer: PeerId, addresses: readonly string[]): void {
    this.#ask(`dial ${peer}`, (links) => links.dial(peer, addresses))
  }

  join(address: string): void {
    this.#ask(`join ${address}`, (links) => links.join(address))
  }

  send(frame: OutboundFrame): boolean {
    return this.#links?.send(frame) === true
  }

  protect(peer: PeerId, isProtected: boolean): void {
    this.#ask(`protect ${peer}`, (links) => links.protect(peer, isProtected))
  }

  close(peer: PeerId): void {
    // There is none to close.
    this.#links?.close(peer)
  }

  #ask(about: string, ask: (links: LinkPort) => void): void {
    if (this.#links === undefined) this.#waiting.set(about, ask)
    else ask(this.#links)
  }
}
