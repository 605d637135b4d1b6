import { concatBytes } from '../../base/bytes.ts'
import { DecodeError, type Reader, Writer } from '../../base/codec.ts'
import { PUBLIC_KEY_BYTES } from '../../base/ids.ts'
import { SIGNATURE_BYTES, type Signer } from '../../base/signer.ts'
import { COUNTER_MAX } from '../record.ts'
import { ANSWER_BYTES_MAX } from './cast-limits.ts'

/** `unknown`: the member has no handler for the question. `failed`: its handler threw or took too long. */
export type AnswerStatus = 'ok' | 'unknown' | 'failed'

/** One member's answer to one question, signed by that member: nobody else can make one. */
export interface Answer {
  readonly asker: Uint8Array
  readonly epoch: number
  readonly sequence: number
  readonly responder: Uint8Array
  readonly status: AnswerStatus
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

const STATUSES: readonly AnswerStatus[] = ['ok', 'unknown', 'failed']

function body(answer: Omit<Answer, 'signature'>): Uint8Array {
  return new Writer(128 + answer.payload.length)
    .raw(answer.asker)
    .varint(answer.epoch)
    .varint(answer.sequence)
    .raw(answer.responder)
    .uint8(STATUSES.indexOf(answer.status))
    .bytes(answer.payload)
    .finish()
}

function signedMessage(network: string, answer: Omit<Answer, 'signature'>): Uint8Array {
  const domain = new Writer().text('hearsay-member-answer-1').text(network).finish()
  return concatBytes([domain, body(answer)])
}

export function signAnswer(
  signer: Signer,
  network: string,
  content: Omit<Answer, 'signature' | 'responder'>,
): Answer {
  const unsigned = { ...content, responder: signer.publicKey }
  return { ...unsigned, signature: signer.sign(signedMessage(network, unsigned)) }
}

export function verifyAnswer(signer: Signer, network: string, answer: Answer): boolean {
  return signer.verify(answer.responder, signedMessage(network, answer), answer.signature)
}

export function encodeAnswer(answer: Answer): Uint8Array {
  return concatBytes([body(answer), answer.signature])
}

/** Reads an answer; its bytes are views of the frame: copy before keeping. */
export function readAnswer(reader: Reader): Answer {
  const asker = reader.raw(PUBLIC_KEY_BYTES)
  const epoch = reader.varint(COUNTER_MAX)
  const sequence = reader.varint(COUNTER_MAX)
  const responder = reader.raw(PUBLIC_KEY_BYTES)
  const status = STATUSES[reader.uint8()]
  if (status === undefined) throw new DecodeError('unknown answer')
  const payload = reader.bytes(ANSWER_BYTES_MAX)
  return {
    ...{ asker, epoch, sequence, responder, status, payload },
    signature: reader.raw(SIGNATURE_BYTES),
  }
}
