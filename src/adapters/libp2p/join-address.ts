import { multiaddr } from '@multiformats/multiaddr'
import { HearsayError } from '../../base/errors.ts'
import { type PeerId, parsePeerId } from '../../base/ids.ts'

const ADDRESS_LENGTH_MAX = 512
const NAME_LENGTH_MAX = 253

/** Where a join address leads. */
export type JoinAddress =
  /** `multiaddr` is without /p2p. */
  | { readonly type: 'multiaddr'; readonly multiaddr: string; readonly peer?: PeerId }
  /** `isMany`: every answer is a peer of its own (`dns:`), not one host with several addresses. */
  | {
      readonly type: 'name'
      readonly name: string
      readonly port: number
      readonly isMany: boolean
    }

/**
 * Parses what people join by: a TCP multiaddr with or without /p2p, `host:port` (IPv4, [IPv6] or a
 * name), or `dns:name:port`.
 *
 * @throws {HearsayError} ERR_ADDRESS
 */
export function parseJoinAddress(text: string): JoinAddress {
  if (text.length > ADDRESS_LENGTH_MAX) throw refusal(text, 'too long')
  if (text.startsWith('/')) return parseMultiaddr(text)
  const isMany = text.startsWith('dns:')
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s[\]:/]+)):(\d{1,5})$/.exec(
    isMany ? text.slice(4) : text,
  )
  if (match === null) throw refusal(text, 'expected host:port')
  const [, ip6, host, portText] = match
  const port = Number(portText)
  if (port < 1 || port > 65535) throw refusal(text, 'the port is not in 1 … 65535')
  if (ip6 !== undefined) return fromParts(text, { family: 'ip6', host: ip6, port, isMany })
  if (host === undefined) throw refusal(text, 'expected host:port')
  if (/^[\d.]+$/.test(host)) return fromParts(text, { family: 'ip4', host, port, isMany })
  if (!isHostName(host)) throw refusal(text, 'the host is no name')
  return { type: 'name', name: host.toLowerCase(), port, isMany }
}

function fromParts(
  text: string,
  parts: { family: 'ip4' | 'ip6'; host: string; port: number; isMany: boolean },
): JoinAddress {
  if (parts.isMany) throw refusal(text, 'dns: takes a name')
  try {
    const address = multiaddr(`/${parts.family}/${parts.host}/tcp/${parts.port}`)
    return { type: 'multiaddr', multiaddr: address.toString() }
  } catch {
    throw refusal(text, 'the host is no IP address')
  }
}

function parseMultiaddr(text: string): JoinAddress {
  let parts: ReturnType<ReturnType<typeof multiaddr>['getComponents']>
  try {
    parts = multiaddr(text).getComponents()
  } catch {
    throw refusal(text, 'no multiaddr')
  }
  const [host, transport, last, ...rest] = parts
  const hasHost = host !== undefined && ['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(host.name)
  const isTcp = transport?.name === 'tcp' && transport.value !== '0'
  if (!hasHost || !isTcp || rest.length > 0 || (last !== undefined && last.name !== 'p2p')) {
    throw refusal(text, 'only TCP is spoken: /ip4/…/tcp/PORT')
  }
  const address = `/${host.name}/${host.value}/tcp/${transport.value}`
  if (last === undefined) return { type: 'multiaddr', multiaddr: address }
  const peer = parsePeerId(last.value ?? '')
  if (peer === undefined) throw refusal(text, 'the peer id is no Ed25519 id')
  return { type: 'multiaddr', multiaddr: address, peer }
}

function isHostName(host: string): boolean {
  if (host.length > NAME_LENGTH_MAX) return false
  return host
    .replace(/\.$/, '')
    .split('.')
    .every((label) => /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62})$/.test(label))
}

function refusal(text: string, why: string): HearsayError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text
  return new HearsayError('ERR_ADDRESS', `Cannot use address: ${why}: ${shown}`, {
    hint: 'Use host:port, [IPv6]:port, dns:name:port or /ip4/192.0.2.1/tcp/4001',
  })
}
