import { concatBytes } from '../base/bytes.ts'
import { DecodeError, type Reader, Writer } from '../base/codec.ts'
import { PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { SIGNATURE_BYTES, type Signer } from '../base/signer.ts'
import { COUNTER_MAX } from './record.ts'

/**
 * `suspect`: no answer, directly or through relays. `refused`: its host refuses connections, the
 * process is gone. `failed`: a suspicion ran out unrefuted.
 */
export type AccusationKind = 'suspect' | 'refused' | 'failed'

/** One member's signed claim about another, valid for exactly one (epoch, incarnation) of it. */
export interface Accusation {
  readonly kind: AccusationKind
  readonly subject: Uint8Array
  readonly accuser: Uint8Array
  readonly epoch: number
  readonly incarnation: number
  readonly signature: Uint8Array
}

const KINDS: readonly AccusationKind[] = ['suspect', 'refused', 'failed']

/** Order of strength: 0, 1, 2. */
export function kindRank(kind: AccusationKind): number {
  return KINDS.indexOf(kind)
}

function body(accusation: Omit<Accusation, 'signature'>): Uint8Array {
  return new Writer(96)
    .uint8(kindRank(accusation.kind) + 1)
    .raw(accusation.subject)
    .raw(accusation.accuser)
    .varint(accusation.epoch)
    .varint(accusation.incarnation)
    .finish()
}

function signedMessage(network: string, accusation: Omit<Accusation, 'signature'>): Uint8Array {
  const domain = new Writer().text('hearsay-member-accusation-1').text(network).finish()
  return concatBytes([domain, body(accusation)])
}

/** Signs an accusation of our own. */
export function signAccusation(
  signer: Signer,
  network: string,
  claim: Omit<Accusation, 'signature' | 'accuser'>,
): Accusation {
  const unsigned = { ...claim, accuser: signer.publicKey }
  return { ...unsigned, signature: signer.sign(signedMessage(network, unsigned)) }
}

export function verifyAccusation(signer: Signer, network: string, claim: Accusation): boolean {
  return signer.verify(claim.accuser, signedMessage(network, claim), claim.signature)
}

export function encodeAccusation(accusation: Accusation): Uint8Array {
  return concatBytes([body(accusation), accusation.signature])
}

/** Reads an accusation; keys and signature are views of the frame: copy before keeping. */
export function readAccusation(reader: Reader): Accusation {
  const kind = KINDS[reader.uint8() - 1]
  if (kind === undefined) throw new DecodeError('unknown accusation')
  return {
    kind,
    subject: reader.raw(PUBLIC_KEY_BYTES),
    accuser: reader.raw(PUBLIC_KEY_BYTES),
    epoch: reader.varint(COUNTER_MAX),
    incarnation: reader.varint(COUNTER_MAX),
    signature: reader.raw(SIGNATURE_BYTES),
  }
}

/** The same accusation without views of a frame. */
export function ownAccusation(accusation: Accusation): Accusation {
  return {
    ...accusation,
    subject: accusation.subject.slice(),
    accuser: accusation.accuser.slice(),
    signature: accusation.signature.slice(),
  }
}
