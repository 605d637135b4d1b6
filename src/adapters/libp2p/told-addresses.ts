import type { Multiaddr } from '@multiformats/multiaddr'

/**
 * Addresses of one peer in an answer of Kademlia. Some implementations read answers of 16 KiB at most: so
 * 22 peers, twenty close ones, the one asked for and ourselves, fit with their ids and lengths.
 */
const ADDRESS_BYTES_MAX = 640

/** As many of a peer's addresses, best first, as others may be told. */
export function toldAddresses(addresses: readonly Multiaddr[], countMax: number): Multiaddr[] {
  const told: Multiaddr[] = []
  let bytes = 0
  for (const address of addresses) {
    bytes += address.bytes.length
    if (told.length >= countMax || bytes > ADDRESS_BYTES_MAX) break
    told.push(address)
  }
  return told
}
