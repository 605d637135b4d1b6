import type { Millis } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import type { CastContext, CastMember } from './cast-context.ts'
import { REMIND_FOR_MS } from './cast-limits.ts'
import { Sender } from './sender.ts'

/** More than a table holds of members: what is kept of those that left it is dropped. */
const SENDERS_MAX = 16_384

/** The members that sent anything, and those of them about whom there is something to do. */
export class Senders {
  readonly #context: CastContext
  readonly #byPeer: Map<PeerId, Sender> = new Map()
  readonly #active: Set<Sender> = new Set()

  constructor(context: CastContext) {
    this.#context = context
  }

  /** The sender that a member is; undefined for whom membership does not know and for this node. */
  of(publicKey: Uint8Array, now: Millis): Sender | undefined {
    const member = this.#context.memberOf(publicKey)
    if (member === undefined || member.peerId === this.#context.self().peerId) return undefined
    const sender = this.#byPeer.get(member.peerId) ?? this.add(member, publicKey, now)
    if (member.epoch > sender.epoch) sender.renew(member.epoch)
    return sender
  }

  /** What is known of a member as a sender, this node included. */
  known(publicKey: Uint8Array): Sender | undefined {
    const member = this.#context.memberOf(publicKey)
    return member === undefined ? undefined : this.#byPeer.get(member.peerId)
  }

  add(member: CastMember, publicKey: Uint8Array, now: Millis): Sender {
    if (this.#byPeer.size >= SENDERS_MAX) this.#forgetGone()
    const sender = new Sender(member, publicKey, now)
    this.#byPeer.set(member.peerId, sender)
    return sender
  }

  /** Something is to be done about it from now on. */
  touch(sender: Sender): void {
    this.#active.add(sender)
  }

  /** Those with news, gaps or questions to neighbours. */
  active(now: Millis): Iterable<Sender> {
    for (const sender of this.#active) {
      const isQuiet = sender.wantAt === undefined && sender.staged.size === 0
      if (isQuiet && now - sender.activeAt > REMIND_FOR_MS) {
        sender.holders.clear()
        this.#active.delete(sender)
      }
    }
    return this.#active
  }

  get isIdle(): boolean {
    return this.#active.size === 0
  }

  linkDown(peer: PeerId): void {
    for (const sender of this.#active) sender.holders.delete(peer)
  }

  #forgetGone(): void {
    for (const [peerId, sender] of this.#byPeer) {
      if (this.#context.memberOf(sender.publicKey) !== undefined) continue
      this.#byPeer.delete(peerId)
      this.#active.delete(sender)
    }
  }
}
