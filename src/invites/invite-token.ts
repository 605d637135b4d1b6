import { fromString } from 'uint8arrays/from-string'
import { toString as asString } from 'uint8arrays/to-string'
import { type Decoded, DecodeError, decode, Writer } from '../base/codec.ts'
import { PUBLIC_KEY_BYTES } from '../base/ids.ts'
import { CAPABILITY_BYTES_MAX, decodeCapability, type SignedCapability } from './capability.ts'

/** What a person hands to whoever is invited. */
export interface InviteToken {
  /** Public key of the network's root: whom the invited believe. */
  readonly rootKey: Uint8Array
  readonly capability: SignedCapability
  /** Ed25519 seed of a capability's secret; undefined when it is for one peer. */
  readonly secret: Uint8Array | undefined
}

const PREFIX = 'hearsay-invite-1.'
const SECRET_BYTES = 32
/** Longer text is no invite. */
export const INVITE_TEXT_MAX = 640

/** One line of text, to be kept as a secret when it carries one. */
export function writeInvite({ rootKey, capability, secret }: InviteToken): string {
  const bytes = new Writer()
    .raw(rootKey)
    .bytes(secret ?? new Uint8Array(0))
    .bytes(capability.bytes)
    .finish()
  return PREFIX + asString(bytes, 'base64url')
}

/** Reads one; nothing of it is verified but its form. */
export function readInvite(text: string): Decoded<InviteToken> {
  const line = text.trim()
  if (line.length > INVITE_TEXT_MAX) return { ok: false, reason: 'it is too long' }
  if (!line.startsWith(PREFIX)) return { ok: false, reason: 'it is no invite' }
  const encoded = line.slice(PREFIX.length)
  if (!/^[A-Za-z0-9_-]*$/.test(encoded)) return { ok: false, reason: 'it is no invite' }
  let bytes: Uint8Array
  try {
    bytes = fromString(encoded, 'base64url')
  } catch {
    return { ok: false, reason: 'it is damaged' }
  }
  return decode(bytes, (reader) => {
    const rootKey = reader.raw(PUBLIC_KEY_BYTES).slice()
    const secret = reader.bytes(SECRET_BYTES).slice()
    const capability = decodeCapability(reader.bytes(CAPABILITY_BYTES_MAX))
    reader.end()
    if (!capability.ok) throw new DecodeError(capability.reason)
    const { audience, role } = capability.value
    const bytesOfSecret = audience.type === 'secret' ? SECRET_BYTES : 0
    if (role === 'holder' || secret.length !== bytesOfSecret) throw new DecodeError('it is damaged')
    return {
      rootKey,
      capability: capability.value,
      secret: bytesOfSecret === 0 ? undefined : secret,
    }
  })
}
