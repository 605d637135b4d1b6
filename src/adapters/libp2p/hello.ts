/**
 * The admission exchange, as a machine without I/O. One runs per connection and end, on the first
 * stream, before any other is served.
 *
 *   dialler                              acceptor
 *   open (range, network, nonce) ─────▶  refuses another network, range or a key asked for in vain
 *                                ◀─────  challenge (range, network, nonce)
 *   proof (HMAC, isLinked)       ─────▶  checks the proof: the dialler is admitted
 *                                ◀─────  admit (HMAC)
 *   checks the proof: the acceptor is admitted
 *
 * With a network key the proof is HMAC-SHA-256(key, domain, role, network, both peer ids, both
 * nonces). The dialler proves first, so an acceptor tells a stranger nothing that depends on the
 * key; role and ids keep a proof from being reflected or carried to another peer (noise has
 * authenticated the ids). Without a key both proofs are empty and the order is the same.
 *
 * An end that was invited cannot prove the key: its range begins with 4, and the last two messages are
 * present and accept, in which each end shows a capability of its peer id (src/invites/). Again the dialler
 * shows first. Two holders of the key speak as in version 3, whether they know of invites or not.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { equalBytes } from '../../base/bytes.ts'
import { Writer } from '../../base/codec.ts'
import type { PeerId } from '../../base/ids.ts'
import type { SignedCapability } from '../../invites/capability.ts'
import { REFUSALS, type Shown, type Verdict } from '../../invites/judge.ts'
import {
  decodeHello,
  encodeHello,
  type HelloMessage,
  type Introduction,
  type ProtocolRange,
} from './hello-messages.ts'
import type { InvitePort } from './invite-port.ts'

const KEY_VERSION = 3
/** Knows of capabilities. */
const INVITE_VERSION = 4
const PROOF_DOMAIN = 'hearsay/hello/1'
const INVITE_DOMAIN = 'hearsay/invite-proof/1'

export type HelloRole = 'dialler' | 'acceptor'

export interface HelloOptions {
  readonly role: HelloRole
  readonly self: PeerId
  readonly remote: PeerId
  readonly network: string
  readonly networkKey: Uint8Array | undefined
  /** Undefined: this end knows of no invites. */
  readonly invites?: InvitePort | undefined
  readonly nonce: Uint8Array
  readonly session: Uint8Array
  /** Asked once, when the dialler proves itself. */
  readonly isLinked: () => boolean
}

export type HelloOutcome =
  | {
      readonly type: 'admitted'
      readonly session: Uint8Array
      readonly isLinked: boolean
      /** What the other end was admitted for; absent: it has the network key, or there is none. */
      readonly capability?: SignedCapability
      /** The other end takes messages about invites. */
      readonly knowsInvites?: true
    }
  /** `told`: what the other end gave as its reason. */
  | { readonly type: 'rejected'; readonly reason: string; readonly told?: string }
  /** The other end broke the rules of the exchange. */
  | { readonly type: 'malformed'; readonly reason: string }

export interface HelloStep {
  readonly reply?: Uint8Array
  readonly outcome?: HelloOutcome
  /** After the outcome: the capability that the other end's one-time invite has become. */
  readonly grant?: Uint8Array
  /** Begins what must be durable first; the next step comes out of it, and no message is taken meanwhile. */
  readonly wait?: (resume: (step: HelloStep) => void) => void
}

export class Hello {
  readonly #options: HelloOptions
  #remote: Introduction | undefined
  #isLinked = false
  #isDone = false

  constructor(options: HelloOptions) {
    this.#options = options
  }

  /** The dialler's first message; the acceptor begins with nothing. */
  start(): HelloStep {
    if (this.#options.role === 'acceptor') return {}
    return { reply: encodeHello({ type: 'open', ...this.#introduction() }) }
  }

  receive(bytes: Uint8Array): HelloStep {
    if (this.#isDone) return this.#malformed('hello message after the outcome')
    const decoded = decodeHello(bytes)
    if (!decoded.ok) return this.#malformed(decoded.reason)
    const message = decoded.value
    if (message.type === 'reject') {
      this.#isDone = true
      const reason = `The peer refused: ${message.reason}`
      return { outcome: { type: 'rejected', reason, told: message.reason } }
    }
    return this.#options.role === 'dialler' ? this.#asDialler(message) : this.#asAcceptor(message)
  }

  #asDialler(message: HelloMessage): HelloStep {
    if (message.type === 'challenge' && this.#remote === undefined) {
      const refusal = this.#refusal(message)
      if (refusal !== undefined) return this.#reject(refusal)
      this.#remote = message
      this.#isLinked = this.#options.isLinked()
      if (this.#isByInvite(message)) {
        const shown = this.#shown('dialler', message)
        return { reply: encodeHello({ type: 'present', shown, isLinked: this.#isLinked }) }
      }
      const proof = this.#proof('dialler', message)
      return { reply: encodeHello({ type: 'proof', proof, isLinked: this.#isLinked }) }
    }
    if (message.type === 'admit' && this.#hasSpoken(this.#remote, 'key')) {
      return this.#admit(message.proof, 'acceptor', this.#remote)
    }
    if (message.type === 'accept' && this.#hasSpoken(this.#remote, 'invite')) {
      return this.#judge(message.shown, 'acceptor', this.#remote)
    }
    return this.#malformed(`unexpected hello message: ${message.type}`)
  }

  #asAcceptor(message: HelloMessage): HelloStep {
    if (message.type === 'open' && this.#remote === undefined) {
      const refusal = this.#refusal(message)
      if (refusal !== undefined) return this.#reject(refusal)
      this.#remote = message
      return { reply: encodeHello({ type: 'challenge', ...this.#introduction() }) }
    }
    if (message.type === 'present' && this.#hasSpoken(this.#remote, 'invite')) {
      this.#isLinked = message.isLinked
      return this.#judge(message.shown, 'dialler', this.#remote)
    }
    if (message.type === 'proof' && this.#hasSpoken(this.#remote, 'key')) {
      this.#isLinked = message.isLinked
      const step = this.#admit(message.proof, 'dialler', this.#remote)
      if (step.outcome?.type !== 'admitted') return step
      const proof = this.#proof('acceptor', this.#remote)
      return { ...step, reply: encodeHello({ type: 'admit', proof }) }
    }
    return this.#malformed(`unexpected hello message: ${message.type}`)
  }

  #admit(proof: Uint8Array, prover: HelloRole, remote: Introduction): HelloStep {
    if (!isSame(proof, this.#proof(prover, remote))) return this.#reject('another network key')
    return this.#admitted(remote)
  }

  #admitted(remote: Introduction, capability?: SignedCapability): HelloStep {
    this.#isDone = true
    const knows = this.#options.invites !== undefined && remote.range.max >= INVITE_VERSION
    return {
      outcome: {
        type: 'admitted',
        session: remote.session,
        isLinked: this.#isLinked,
        ...(capability === undefined ? {} : { capability }),
        ...(knows ? { knowsInvites: true } : {}),
      },
    }
  }

  #judge(shown: Shown, prover: HelloRole, remote: Introduction): HelloStep {
    const { invites, remote: peer } = this.#options
    if (invites === undefined) return this.#malformed('invite shown to an end without invites')
    const statement = this.#statement(INVITE_DOMAIN, prover, remote)
    const verdict = invites.judge(peer, shown, statement)
    if (verdict.type !== 'redeemable') return this.#sentence(verdict, shown, remote)
    this.#isDone = true
    return {
      wait: (resume) =>
        invites.redeem(peer, verdict.capability, (final) => {
          resume(this.#sentence(final, shown, remote))
        }),
    }
  }

  #sentence(verdict: Verdict, shown: Shown, remote: Introduction): HelloStep {
    if (verdict.type !== 'admitted') {
      return this.#reject(REFUSALS[verdict.type === 'refused' ? verdict.refusal : 'failed'])
    }
    const { capability } = verdict
    const isNew = !equalBytes(capability.bytes, shown.capability)
    const step = {
      ...this.#admitted(remote, capability),
      ...(isNew ? { grant: capability.bytes } : {}),
    }
    if (this.#options.role === 'dialler') return step
    return {
      ...step,
      reply: encodeHello({ type: 'accept', shown: this.#shown('acceptor', remote) }),
    }
  }

  #shown(prover: HelloRole, remote: Introduction): Shown {
    const statement = this.#statement(INVITE_DOMAIN, prover, remote)
    const nothing = { capability: new Uint8Array(0), signature: new Uint8Array(0) }
    return this.#options.invites?.show(statement) ?? nothing
  }

  /** Whether either end cannot prove the key. */
  #isByInvite(remote: Introduction): boolean {
    return Math.max(this.#range().min, remote.range.min) >= INVITE_VERSION
  }

  #hasSpoken(remote: Introduction | undefined, way: 'key' | 'invite'): remote is Introduction {
    return remote !== undefined && this.#isByInvite(remote) === (way === 'invite')
  }

  #range(): ProtocolRange {
    const { invites } = this.#options
    if (invites === undefined) return { min: KEY_VERSION, max: KEY_VERSION }
    return { min: invites.isHolder ? KEY_VERSION : INVITE_VERSION, max: INVITE_VERSION }
  }

  #isKeyed(): boolean {
    return this.#options.networkKey !== undefined || this.#options.invites !== undefined
  }

  /** Why the other end cannot be admitted, before any proof. */
  #refusal(remote: Introduction): string | undefined {
    const { min, max } = this.#range()
    if (remote.network !== this.#options.network) return 'another network'
    if (remote.range.max < min || remote.range.min > max) {
      return `protocol ${min} to ${max} is spoken here`
    }
    if (remote.isKeyed && !this.#isKeyed()) return 'one end asks for a network key'
    if (!remote.isKeyed && this.#isKeyed()) return 'this network asks for a key'
    return undefined
  }

  #reject(reason: string): HelloStep {
    this.#isDone = true
    return {
      reply: encodeHello({ type: 'reject', reason }),
      outcome: { type: 'rejected', reason: `We refused the peer: ${reason}` },
    }
  }

  #malformed(reason: string): HelloStep {
    this.#isDone = true
    return { outcome: { type: 'malformed', reason } }
  }

  #introduction(): Introduction {
    const { network, nonce, session } = this.#options
    return { range: this.#range(), network, nonce, session, isKeyed: this.#isKeyed() }
  }

  #proof(prover: HelloRole, remote: Introduction): Uint8Array {
    const { networkKey } = this.#options
    if (networkKey === undefined) return new Uint8Array(0)
    return hmac(sha256, networkKey, this.#statement(PROOF_DOMAIN, prover, remote))
  }

  /** What a proof is about: this exchange of these two ends, and who of them proves. */
  #statement(domain: string, prover: HelloRole, remote: Introduction): Uint8Array {
    const { network, self, role, nonce } = this.#options
    const isDialler = role === 'dialler'
    return new Writer()
      .text(domain)
      .uint8(prover === 'dialler' ? 0 : 1)
      .text(network)
      .text(isDialler ? self : this.#options.remote)
      .text(isDialler ? this.#options.remote : self)
      .raw(isDialler ? nonce : remote.nonce)
      .raw(isDialler ? remote.nonce : nonce)
      .finish()
  }
}

/** Takes the same time wherever the bytes differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
