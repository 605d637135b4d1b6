import type { PeerId } from './ids.ts'

export const SIGNATURE_BYTES = 64

/** Ed25519 of this node, synchronous. Every message starts with the domain it is signed for. */
export interface Signer {
  readonly peerId: PeerId
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** A 64-byte signature. */
  sign(message: Uint8Array): Uint8Array
  /** False on every malformed key or signature too; never throws. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** SHA-256 by the platform, for what is large: there it takes a tenth of the time. */
  sha256(bytes: Uint8Array): Uint8Array
}
