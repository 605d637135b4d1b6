import { randomBytes } from '../../base/random.ts'
import { SIGNATURE_BYTES } from '../../base/signer.ts'
import { type AccusationKind, signAccusation } from '../../membership/accusation.ts'
import {
  encodeAccusationClaim,
  encodeClaimsHeader,
  encodeRecordClaim,
  withClaims,
} from '../../membership/frame.ts'
import { signRecord } from '../../membership/record.ts'
import type { SimulatedNode } from '../cluster.ts'
import type { Stage } from './stage.ts'

/** What a liar says of another: under its own name, or with a signature that it cannot make. */
export type Lie = AccusationKind | 'forged-alive' | 'forged-left' | 'forged-accusation'

/** A node that runs the program and says more than the program would. */
export class Liar {
  readonly #stage: Stage
  readonly #node: SimulatedNode

  constructor(stage: Stage, node: SimulatedNode) {
    this.#stage = stage
    this.#node = node
  }

  /** Tells all its peers at once. */
  tell(lie: Lie, victim: SimulatedNode): void {
    const claim = this.#claim(lie, victim)
    const bytes = withClaims(encodeClaimsHeader(), [claim])
    const { host } = this.#node
    for (const [peer, link] of host.links) {
      link.at(host).pipe.send({ peer, protocol: 'member', lane: 'control', bytes })
    }
  }

  #claim(lie: Lie, victim: SimulatedNode): Uint8Array {
    const { record } = this.#stage.subjectOf(victim).introduce().claims
    const { signer, host } = this.#node
    const { epoch, incarnation, publicKey: subject } = record
    if (lie === 'suspect' || lie === 'refused' || lie === 'failed') {
      const claim = { kind: lie, subject, epoch, incarnation }
      return encodeAccusationClaim(signAccusation(signer, host.network, claim))
    }
    if (lie === 'forged-accusation') {
      const accuser = this.#stage.pick(victim, this.#node).signer.publicKey
      const signature = randomBytes(this.#stage.random, SIGNATURE_BYTES)
      const forged = { kind: 'failed', subject, accuser, epoch, incarnation, signature } as const
      return encodeAccusationClaim(forged)
    }
    const status = lie === 'forged-left' ? 'left' : 'alive'
    const { bootNonce, protocol, name, addresses, tags } = record
    const body = { bootNonce, protocol, name, addresses, tags }
    const forged = {
      publicKey: subject,
      epoch,
      incarnation: incarnation + 1,
      status,
      ...body,
    } as const
    // Signed, but not by the key that the record names.
    return encodeRecordClaim(signRecord(signer, host.network, forged).bytes)
  }
}
