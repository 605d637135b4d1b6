/**
 * Invites after the hello: the ledger spreads over admitted connections, and capabilities that expire or are
 * revoked end them.
 *
 * Two ends that know of invites tell each other the hash of their ledgers once they are admitted, and every
 * minute, while there is anything in it. Whoever hears another hash sends all it holds and, unless it was
 * asked by such an answer, its own hash, so that the other end does the same. What is new goes on to
 * everybody else. A ledger is small (a few entries as a rule, 8,192 at most), and differs for moments only.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Millis } from '../../base/core.ts'
import { REFUSALS } from '../../invites/judge.ts'
import { LEDGER_HASH_BYTES } from '../../invites/ledger.ts'
import { unref } from '../common/timers.ts'
import { ENTRIES_A_MESSAGE_MAX, type HelloMessage } from './hello-messages.ts'
import type { InvitePort } from './invite-port.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Wire } from './wire.ts'

/** What it needs of a connection. */
export type LedgerWire = Pick<
  Wire,
  'peer' | 'isAdmitted' | 'knowsInvites' | 'capability' | 'tell' | 'expel'
>

const COMPARE_PERIOD_MS: Millis = 60_000
/** A stream whose window is full is tried again after this. */
const RESUME_MS: Millis = 250
/** Entries of one peer that are looked at: a signature takes 0.1 ms. */
const ENTRIES_PER_SECOND = 500
const ENTRIES_BURST = 10_000
/** Times that one peer may make us send all. */
const SENDINGS_PER_SECOND = 0.2
const SENDINGS_BURST = 5

interface Peer {
  readonly entries: TokenBucket
  readonly sendings: TokenBucket
  /** Still to be sent. */
  waiting: Uint8Array[]
  isBlocked: boolean
}

export interface LedgerExchangeOptions {
  readonly invites: InvitePort
  readonly wires: () => readonly LedgerWire[]
  readonly dropped: (reason: string) => void
  readonly malformed: (wire: LedgerWire, reason: string) => void
}

export class LedgerExchange {
  readonly #options: LedgerExchangeOptions
  readonly #peers = new WeakMap<LedgerWire, Peer>()
  #comparedAt: Millis = Date.now()
  #timer: NodeJS.Timeout | undefined
  /** The wire whose entries are being learnt: it needs none of them back. */
  #source: LedgerWire | undefined
  #isStopped = false

  constructor(options: LedgerExchangeOptions) {
    this.#options = options
    options.invites.ledger.listen((entries) => this.#changed(entries))
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  admitted(wire: LedgerWire): void {
    if (this.#options.invites.ledger.hash() !== undefined) this.#tellHash(wire, false)
    this.#arm()
  }

  /** A message about invites, after admission. */
  message(wire: LedgerWire, message: HelloMessage): void {
    switch (message.type) {
      case 'grant':
        this.#options.invites.granted(message.capability)
        return
      case 'ledger':
        this.#compare(wire, message.hash, message.isReply)
        return
      case 'entries':
        this.#learn(wire, message.entries)
        return
      default:
        this.#options.malformed(wire, `unexpected control message: ${message.type}`)
    }
  }

  #changed(entries: readonly Uint8Array[]): void {
    // Whom a revocation is about hears of it before it is cut off.
    for (const wire of this.#open()) {
      if (wire !== this.#source && wire.knowsInvites) this.#send(wire, entries)
    }
    this.#enforce()
  }

  #compare(wire: LedgerWire, hash: Uint8Array, isReply: boolean): void {
    const { ledger } = this.#options.invites
    if (equalBytes(ledger.hash() ?? new Uint8Array(LEDGER_HASH_BYTES), hash)) return
    const peer = this.#peer(wire)
    if (!peer.sendings.take(performance.now())) {
      this.#options.dropped('ledger of invites asked for too often')
      return
    }
    peer.waiting = []
    this.#send(wire, ledger.entries())
    if (!isReply) this.#tellHash(wire, true)
  }

  #learn(wire: LedgerWire, entries: readonly Uint8Array[]): void {
    const { invites, dropped, malformed } = this.#options
    const { entries: allowed } = this.#peer(wire)
    this.#source = wire
    for (const entry of entries) {
      if (!allowed.take(performance.now())) {
        dropped('ledger entries above the rate')
        break
      }
      const change = invites.ledger.learn(entry)
      if (change === 'full') dropped('ledger of invites full')
      if (change === 'forged') {
        malformed(wire, 'ledger entry that the network key did not sign')
        break
      }
    }
    this.#source = undefined
  }

  #send(wire: LedgerWire, entries: readonly Uint8Array[]): void {
    const peer = this.#peer(wire)
    peer.waiting.push(...entries)
    if (!peer.isBlocked) this.#pump(wire, peer)
  }

  #pump(wire: LedgerWire, peer: Peer): void {
    while (peer.waiting.length > 0 && wire.isAdmitted) {
      const entries = peer.waiting.splice(0, ENTRIES_A_MESSAGE_MAX)
      if (wire.tell({ type: 'entries', entries })) continue
      peer.isBlocked = true
      const resume = (): void => {
        peer.isBlocked = false
        this.#pump(wire, peer)
      }
      unref(setTimeout(resume, RESUME_MS))
      return
    }
  }

  /** At the next expiry, and every minute. */
  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    let at = this.#comparedAt + COMPARE_PERIOD_MS
    for (const { capability } of this.#open()) {
      at = Math.min(at, capability?.expiresAt ?? Number.POSITIVE_INFINITY)
    }
    // Never at once again: the clock that decides may be a little behind this one.
    const waitMs = Math.max(at - Date.now(), 50)
    this.#timer = setTimeout(() => this.#due(), Math.min(waitMs, COMPARE_PERIOD_MS))
    unref(this.#timer)
  }

  #due(): void {
    const now = Date.now()
    const isMinute = now - this.#comparedAt >= COMPARE_PERIOD_MS || now < this.#comparedAt
    if (isMinute) this.#comparedAt = now
    if (isMinute && this.#options.invites.ledger.hash() !== undefined) {
      for (const wire of this.#open()) if (wire.knowsInvites) this.#tellHash(wire, false)
    }
    this.#enforce()
  }

  #enforce(): void {
    for (const wire of this.#open()) {
      const { capability } = wire
      if (capability === undefined) continue
      const refusal = this.#options.invites.standing(wire.peer, capability)
      if (refusal !== undefined) wire.expel(REFUSALS[refusal])
    }
    this.#arm()
  }

  #open(): readonly LedgerWire[] {
    return this.#options.wires().filter((wire) => wire.isAdmitted)
  }

  #tellHash(wire: LedgerWire, isReply: boolean): void {
    if (!wire.knowsInvites) return
    const { ledger } = this.#options.invites
    const hash = ledger.hash() ?? new Uint8Array(LEDGER_HASH_BYTES)
    wire.tell({ type: 'ledger', hash, isReply })
  }

  #peer(wire: LedgerWire): Peer {
    const known = this.#peers.get(wire)
    if (known !== undefined) return known
    const peer = {
      entries: new TokenBucket(ENTRIES_PER_SECOND, ENTRIES_BURST),
      sendings: new TokenBucket(SENDINGS_PER_SECOND, SENDINGS_BURST),
      waiting: [],
      isBlocked: false,
    }
    this.#peers.set(wire, peer)
    return peer
  }
}
