import type { PeerId } from '../base/ids.ts'
import { parsePeerId } from '../base/peer-id.ts'

/** A place where a process may listen, and who is expected there. */
export interface Destination {
  /** A multiaddr without /p2p. */
  readonly address: string
  readonly peer?: PeerId
}

/** The multiaddr of a port on the simulated network. */
export function simulatedAddress(port: number): string {
  return `/ip4/127.0.0.1/tcp/${port}`
}

const MULTIADDR = /^(\/ip4\/[0-9.]+\/tcp\/[0-9]+)(?:\/p2p\/([^/]+))?$/
const HOST_PORT = /^([0-9.]+):([0-9]+)$/
const DNS_NAME = /^dns:([^:]+):([0-9]+)$/

/**
 * Where a join address leads: a multiaddr with or without /p2p, `host:port`, or `dns:name:port`.
 * @param names what the simulated name service knows: name → IPv4 addresses
 * @returns nothing when the text is no such address or the name is unknown
 */
export function resolveAddress(
  text: string,
  names: ReadonlyMap<string, readonly string[]>,
): readonly Destination[] {
  const multiaddr = MULTIADDR.exec(text)
  if (multiaddr !== null) {
    const peer = multiaddr[2] === undefined ? undefined : parsePeerId(multiaddr[2])
    if (multiaddr[2] !== undefined && peer === undefined) return []
    return [{ address: multiaddr[1] ?? '', ...(peer === undefined ? {} : { peer }) }]
  }
  const hostPort = HOST_PORT.exec(text)
  if (hostPort !== null) return [{ address: `/ip4/${hostPort[1]}/tcp/${hostPort[2]}` }]
  const name = DNS_NAME.exec(text)
  if (name === null) return []
  const hosts = names.get(name[1] ?? '') ?? []
  return hosts.map((host) => ({ address: `/ip4/${host}/tcp/${name[2]}` }))
}
