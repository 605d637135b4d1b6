import { hostname, networkInterfaces } from 'node:os'
import { usageError } from './errors.ts'

/** Where an HTTP API is to be served. */
export interface ApiAddress {
  readonly host: string
  readonly port: number
  /** Whether the next free port will do when this one is taken. */
  readonly nextFree: boolean
}

export const API_ADDRESS_DEFAULT: ApiAddress = { host: '127.0.0.1', port: 7400, nextFree: true }
const EVERY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/**
 * Parses `host:port`, `[v6]:port`, `:port` or `port`. A port that was asked for is taken or refused:
 * whoever names it relies on it.
 * @throws {CliError} exit 2
 */
export function parseApiAddress(text: string): ApiAddress {
  const bare = text.replace(/^http:\/\//, '').replace(/\/$/, '')
  const match = /^(?:(\[[0-9A-Fa-f:.]+\]|[^:[\]/\s]*):)?(\d{1,5})$/.exec(bare)
  const port = Number(match?.[2] ?? Number.NaN)
  if (!(port <= 65_535)) {
    throw usageError(
      `Cannot use --api "${text}": expected HOST:PORT`,
      'Write --api 127.0.0.1:7400, or port 0 for any',
    )
  }
  const host = (match?.[1] ?? '').replace(/^\[|\]$/g, '')
  return { host: host === '' ? API_ADDRESS_DEFAULT.host : host, port, nextFree: false }
}

/** Names under which a request may ask for an API bound to this host, as they stand in a Host header. */
export function hostNames(host: string): readonly string[] {
  const addresses = EVERY_HOST.has(host)
    ? Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((one) => one.address))
    : [host]
  return [
    hostname(),
    ...addresses.map((address) => (address.includes(':') ? `[${address}]` : address)),
  ]
}

/** The URL for clients on this machine: a bind to every address is reached through loopback. */
export function localUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')
}
