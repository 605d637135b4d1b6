import { type Decoded, DecodeError, decode, Writer } from '../base/codec.ts'
import type { Signer } from '../base/signer.ts'
import { CAPABILITY_BYTES_MAX, decodeCapability, isSigned } from './capability.ts'
import { bytesOfEntry, type LedgerEntry } from './ledger.ts'
import { decodeRevocation, isRevocationSigned } from './revocation.ts'

const TYPES = ['redemption', 'revocation'] as const
export const LEDGER_ENTRY_BYTES_MAX: number = CAPABILITY_BYTES_MAX + 4

export function encodeLedgerEntry(entry: LedgerEntry): Uint8Array {
  return new Writer().uint8(TYPES.indexOf(entry.type)).raw(bytesOfEntry(entry)).finish()
}

export function decodeLedgerEntry(bytes: Uint8Array): Decoded<LedgerEntry> {
  return decode(bytes, (reader) => {
    const type = TYPES[reader.uint8()]
    const rest = reader.raw(reader.remaining)
    if (type === 'redemption') {
      const capability = decodeCapability(rest)
      if (!capability.ok) throw new DecodeError(capability.reason)
      if (capability.value.audience.type !== 'redeemed') throw new DecodeError('not redeemed')
      return { type, capability: capability.value }
    }
    if (type === 'revocation') {
      const revocation = decodeRevocation(rest)
      if (!revocation.ok) throw new DecodeError(revocation.reason)
      return { type, revocation: revocation.value }
    }
    throw new DecodeError('unknown entry')
  })
}

/** Whether the root key of this network signed it. */
export function isEntrySigned(
  signer: Pick<Signer, 'verify'>,
  network: { readonly name: string; readonly rootKey: Uint8Array },
  entry: LedgerEntry,
): boolean {
  if (entry.type === 'redemption') {
    return (
      entry.capability.network === network.name &&
      isSigned(signer, network.rootKey, entry.capability)
    )
  }
  return (
    entry.revocation.network === network.name &&
    isRevocationSigned(signer, network.rootKey, entry.revocation)
  )
}
