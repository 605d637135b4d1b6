import { HearsayError } from '../../base/errors.ts'
import type { PeerId } from '../../base/ids.ts'
import { parsePeerId } from '../../base/peer-id.ts'

const ADDRESS_LENGTH_MAX = 512
const NAME_LENGTH_MAX = 253
const PORT_MAX = 65_535
/** What may stand behind the port, and in one spelling. */
const SUFFIXES: ReadonlyMap<string, string> = new Map([
  ['', ''],
  ['ws', '/ws'],
  ['tls/ws', '/tls/ws'],
  ['wss', '/tls/ws'],
])

/** As node:net's isIPv4, which browsers lack. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/

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
 * Parses what people join by: a multiaddr of TCP or of a WebSocket with or without /p2p, `host:port` (IPv4, [IPv6]
 * or a name), `dns:name:port`, or the URL of a WebSocket, `ws://host:port` or `wss://host`.
 *
 * @throws {HearsayError} ERR_ADDRESS
 */
export function parseJoinAddress(text: string): JoinAddress {
  if (text.length > ADDRESS_LENGTH_MAX) throw refusal(text, 'too long')
  if (text.startsWith('/')) return parseMultiaddr(text)
  if (/^wss?:\/\//i.test(text)) return parseUrl(text)
  const isMany = text.startsWith('dns:')
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s[\]:/]+)):(\d{1,5})$/.exec(
    isMany ? text.slice(4) : text,
  )
  if (match === null) throw refusal(text, 'expected host:port')
  const [, ip6, host, portText] = match
  const port = Number(portText)
  if (port < 1 || port > PORT_MAX) throw refusal(text, 'the port is not in 1 … 65535')
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
  const host = hostOf(parts.family, parts.host)
  if (host === undefined) throw refusal(text, 'the host is no IP address')
  return { type: 'multiaddr', multiaddr: `/${parts.family}/${host}/tcp/${parts.port}` }
}

// The multiaddr package reads more than is dialled here, and loading its 60 modules would be a fifth of the time
// in which a node's state can be read. What passes is what that package makes of it: the tests compare.
function parseMultiaddr(text: string): JoinAddress {
  const parts = text.replace(/^\/+|\/+$/g, '').split('/')
  const [family = '', given = '', transport, port = '', ...behind] = parts
  const isPort = /^[1-9]\d{0,4}$/.test(port) && Number(port) <= PORT_MAX
  const peerAt = behind.findIndex((part) => part === 'p2p' || part === 'ipfs')
  const [socket, [, id = '', ...rest]] =
    peerAt < 0 ? [behind, []] : [behind.slice(0, peerAt), behind.slice(peerAt)]
  const suffix = SUFFIXES.get(socket.join('/'))
  if (transport !== 'tcp' || !isPort || rest.length > 0 || suffix === undefined) {
    throw refusal(text, 'only TCP and WebSockets are spoken: /ip4/…/tcp/PORT, or /ws behind it')
  }
  const host = hostOf(family, given)
  if (host === undefined) throw refusal(text, 'no multiaddr of a host')
  const address = `/${family}/${host}/tcp/${port}${suffix}`
  if (peerAt < 0) return { type: 'multiaddr', multiaddr: address }
  const peer = parsePeerId(id)
  if (peer === undefined) throw refusal(text, 'the peer id is no Ed25519 id')
  return { type: 'multiaddr', multiaddr: address, peer }
}

/** Browsers know WebSockets by URL. A path would mean nothing to whoever listens there. */
function parseUrl(text: string): JoinAddress {
  const url = URL.parse(text)
  if (url === null) throw refusal(text, 'no URL')
  const { protocol, hostname, port, pathname, search, hash, username, password } = url
  if (port === '0') throw refusal(text, 'the port is not in 1 … 65535')
  if (pathname !== '/' || search !== '' || hash !== '' || username !== '' || password !== '') {
    throw refusal(text, 'a URL of host and port alone')
  }
  const isSecure = protocol === 'wss:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const family = hostname.startsWith('[') ? 'ip6' : /^[\d.]+$/.test(host) ? 'ip4' : 'dns'
  const checked = hostOf(family, host)
  if (checked === undefined) throw refusal(text, 'no URL of a host')
  const at = `/${family}/${checked}/tcp/${port === '' ? (isSecure ? 443 : 80) : port}`
  return { type: 'multiaddr', multiaddr: `${at}${isSecure ? '/tls/ws' : '/ws'}` }
}

/** The host as a multiaddr has it: IPv6 in its short form. Undefined when it is none. */
function hostOf(family: string, host: string): string | undefined {
  switch (family) {
    case 'ip4':
      return IPV4.test(host) ? host : undefined
    case 'ip6':
      // A URL would take a name before an @ as well.
      return /^[\dA-Fa-f:.]+$/.test(host)
        ? URL.parse(`http://[${host}]`)?.hostname.slice(1, -1)
        : undefined
    case 'dns':
    case 'dns4':
    case 'dns6':
      return isHostName(host) ? host : undefined
    default:
      return undefined
  }
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
    hint: 'Use host:port, [IPv6]:port, dns:name:port, ws://host:port or /ip4/192.0.2.1/tcp/4001',
  })
}
