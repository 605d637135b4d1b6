import type { Signer } from '../../base/signer.ts'

/** A claim that somebody signed something. */
export interface Proof {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** A signer that can verify on another thread what it will be asked about. */
export interface AheadSigner extends Signer {
  /**
   * @param done called later, once: until it calls `forget`, `verify` knows the answer about this proof
   * @returns false when it cannot be verified so; `done` will not be called
   */
  verifyAhead(proof: Proof, done: (forget: () => void) => void): boolean
}
