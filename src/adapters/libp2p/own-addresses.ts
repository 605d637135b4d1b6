import type { HostProfile } from './options.ts'

/** Most addresses told to others. */
const TOLD_MAX = 16

/**
 * Which listening addresses are worth telling. Loopback only when the host listens nowhere else,
 * link-local never (it means nothing without an interface).
 */
export function tellable(addresses: readonly string[], profile: HostProfile): readonly string[] {
  const unique = [...new Set(addresses)].filter((address) => !isLinkLocal(address))
  const reachable = unique.filter((address) => !isLoopback(address))
  const told = profile !== 'local' && reachable.length > 0 ? reachable : unique
  return told.slice(0, TOLD_MAX)
}

export function isLoopback(address: string): boolean {
  return address.startsWith('/ip4/127.') || address.startsWith('/ip6/::1/')
}

function isLinkLocal(address: string): boolean {
  return /^\/ip4\/169\.254\.|^\/ip6\/fe[89ab]/.test(address) || address.startsWith('/ip6zone/')
}
