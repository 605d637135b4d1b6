declare const brand: unique symbol
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

/** The base58 text of an Ed25519 libp2p PeerId (`12D3KooW…`). */
export type PeerId = Brand<string, 'PeerId'>
/** 32 lower-case hex digits: one store's writing identity. */
export type ReplicaId = Brand<string, 'ReplicaId'>

/** Bytes of the Ed25519 public key inside a peer id. */
export const PUBLIC_KEY_BYTES = 32

/** Parses a replica id from its 32 hex digits; undefined when it is none. */
export function parseReplicaId(text: string): ReplicaId | undefined {
  return /^[0-9a-f]{32}$/.test(text) ? (text as ReplicaId) : undefined
}
