import { concatBytes } from '../base/bytes.ts'
import { Writer } from '../base/codec.ts'
import { SIGNATURE_BYTES, type Signer } from '../base/signer.ts'

/** A body and, after it, the root key's signature. @param domain what kind of body: none passes for another */
export function signedByRoot(root: Signer, domain: string, body: Uint8Array): Uint8Array {
  return concatBytes([body, root.sign(signedMessage(domain, body))])
}

/** @param rootKey 32 bytes. @param bytes a body and 64 bytes that should be its signature */
export function isSignedByRoot(
  signer: Pick<Signer, 'verify'>,
  rootKey: Uint8Array,
  { domain, bytes }: { readonly domain: string; readonly bytes: Uint8Array },
): boolean {
  const body = bytes.subarray(0, bytes.length - SIGNATURE_BYTES)
  return signer.verify(rootKey, signedMessage(domain, body), bytes.subarray(body.length))
}

function signedMessage(domain: string, body: Uint8Array): Uint8Array {
  return concatBytes([new Writer().text(domain).finish(), body])
}
