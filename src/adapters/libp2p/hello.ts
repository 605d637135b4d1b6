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
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { Writer } from '../../base/codec.ts'
import type { PeerId } from '../../base/ids.ts'
import {
  decodeHello,
  encodeHello,
  type HelloMessage,
  type Introduction,
  type ProtocolRange,
} from './hello-messages.ts'

export const PROTOCOL_RANGE: ProtocolRange = { min: 3, max: 3 }
const PROOF_DOMAIN = 'hearsay/hello/1'

export type HelloRole = 'dialler' | 'acceptor'

export interface HelloOptions {
  readonly role: HelloRole
  readonly self: PeerId
  readonly remote: PeerId
  readonly network: string
  readonly networkKey: Uint8Array | undefined
  readonly nonce: Uint8Array
  readonly session: Uint8Array
  /** Asked once, when the dialler proves itself. */
  readonly isLinked: () => boolean
}

export type HelloOutcome =
  | { readonly type: 'admitted'; readonly session: Uint8Array; readonly isLinked: boolean }
  | { readonly type: 'rejected'; readonly reason: string }
  /** The other end broke the rules of the exchange. */
  | { readonly type: 'malformed'; readonly reason: string }

export interface HelloStep {
  readonly reply?: Uint8Array
  readonly outcome?: HelloOutcome
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
      return { outcome: { type: 'rejected', reason } }
    }
    return this.#options.role === 'dialler' ? this.#asDialler(message) : this.#asAcceptor(message)
  }

  #asDialler(message: HelloMessage): HelloStep {
    if (message.type === 'challenge' && this.#remote === undefined) {
      const refusal = this.#refusal(message)
      if (refusal !== undefined) return this.#reject(refusal)
      this.#remote = message
      this.#isLinked = this.#options.isLinked()
      const proof = this.#proof('dialler', message)
      return { reply: encodeHello({ type: 'proof', proof, isLinked: this.#isLinked }) }
    }
    if (message.type === 'admit' && this.#remote !== undefined) {
      return this.#admit(message.proof, 'acceptor', this.#remote)
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
    if (message.type === 'proof' && this.#remote !== undefined) {
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
    this.#isDone = true
    return {
      outcome: { type: 'admitted', session: remote.session, isLinked: this.#isLinked },
    }
  }

  /** Why the other end cannot be admitted, before any proof. */
  #refusal(remote: Introduction): string | undefined {
    const { network, networkKey } = this.#options
    if (remote.network !== network) return 'another network'
    if (remote.range.max < PROTOCOL_RANGE.min || remote.range.min > PROTOCOL_RANGE.max) {
      return `protocol ${PROTOCOL_RANGE.min} to ${PROTOCOL_RANGE.max} is spoken here`
    }
    if (remote.isKeyed && networkKey === undefined) return 'one end asks for a network key'
    if (!remote.isKeyed && networkKey !== undefined) return 'this network asks for a key'
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
    const { network, networkKey, nonce, session } = this.#options
    return { range: PROTOCOL_RANGE, network, nonce, session, isKeyed: networkKey !== undefined }
  }

  #proof(prover: HelloRole, remote: Introduction): Uint8Array {
    const { networkKey, network, self, role, nonce } = this.#options
    if (networkKey === undefined) return new Uint8Array(0)
    const isDialler = role === 'dialler'
    const message = new Writer()
      .text(PROOF_DOMAIN)
      .uint8(prover === 'dialler' ? 0 : 1)
      .text(network)
      .text(isDialler ? self : this.#options.remote)
      .text(isDialler ? this.#options.remote : self)
      .raw(isDialler ? nonce : remote.nonce)
      .raw(isDialler ? remote.nonce : nonce)
      .finish()
    return hmac(sha256, networkKey, message)
  }
}

/** Takes the same time wherever the bytes differ. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
