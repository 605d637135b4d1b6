import { createSigner } from '../../src/adapters/platform/nodejs-signer.ts'
import type { Signer } from '../../src/base/signer.ts'
import {
  type Capability,
  type SignedCapability,
  signCapability,
} from '../../src/invites/capability.ts'
import { rootSeed } from '../../src/invites/root-key.ts'

export function filled(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte)
}

/** A network key, the root of the network `test` that it makes, two peers and the secret of an invite. */
export const KEY: Uint8Array = filled(7)
export const ROOT: Signer = createSigner(rootSeed(KEY, 'test'))
export const ADA: Signer = createSigner(filled(1))
export const BOB: Signer = createSigner(filled(2))
export const SECRET: Signer = createSigner(filled(3))

/** One of a member of `test`, from 1,000 to 5,000. */
export function capabilityOf(
  peer: Pick<Signer, 'publicKey'>,
  change: Partial<Capability> = {},
): SignedCapability {
  return signCapability(ROOT, {
    network: 'test',
    id: new Uint8Array(16).fill(9),
    role: 'member',
    audience: { type: 'peer', publicKey: peer.publicKey },
    issuedAt: 1_000,
    expiresAt: 5_000,
    ...change,
  })
}
