import { Writer } from '../../src/base/codec.ts'
import { sha256 } from '../../src/base/hash.ts'
import { peerIdFromPublicKey } from '../../src/base/peer-id.ts'
import type { Signer } from '../../src/base/signer.ts'
import { type MemberRecord, type SignedRecord, signRecord } from '../../src/membership/record.ts'

/** A key per number, without the price of making a pair. */
export function keyOf(number: number): Uint8Array {
  return sha256(new Writer().text('key').uint32(number).finish())
}

/** A record as nodes of a data centre tell it; tables never look at signatures. */
export function recordOf(number: number, change: Partial<MemberRecord> = {}): SignedRecord {
  const publicKey = keyOf(number)
  const signer: Signer = {
    peerId: peerIdFromPublicKey(publicKey),
    publicKey,
    sign: () => new Uint8Array(64),
    verify: () => true,
    sha256,
  }
  return signRecord(signer, 'test', {
    publicKey,
    epoch: 1_760_000_000,
    incarnation: 0,
    status: 'alive',
    bootNonce: new Uint8Array(8),
    protocol: { min: 1, max: 1 },
    name: `node-${number}`,
    addresses: [
      `/ip4/10.0.${number >> 8}.${number & 255}/tcp/4001`,
      `/ip4/192.168.${number >> 8}.${number & 255}/tcp/4001`,
    ],
    tags: { role: 'database' },
    ...change,
  })
}
