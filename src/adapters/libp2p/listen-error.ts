import { multiaddr } from '@multiformats/multiaddr'
import { HearsayError } from '../../base/errors.ts'

const CAUSES = [
  ['EADDRINUSE', 'the port is in use', 'Choose another port, or 0 for any free one'],
  ['EADDRNOTAVAIL', 'this machine does not have the address', 'Listen on 0.0.0.0 or 127.0.0.1'],
  ['EACCES', 'not permitted', 'Choose a port above 1023'],
] as const

/** Behind the port: nothing is TCP itself. TLS is for whoever stands in front of a node: it is only announced. */
const SUFFIXES = { listen: ['', 'ws'], announce: ['', 'ws', 'wss', 'tls/ws'] } as const

/** @throws {HearsayError} ERR_ADDRESS unless all are multiaddrs of TCP or WebSockets */
export function checkListenAddresses(
  addresses: readonly string[],
  what: keyof typeof SUFFIXES,
): void {
  for (const address of addresses) {
    if (isUsable(address, SUFFIXES[what])) continue
    throw new HearsayError('ERR_ADDRESS', `Cannot use ${what} address: ${address}`, {
      hint: 'Use /ip4/0.0.0.0/tcp/PORT or /ip6/::/tcp/PORT, with /ws behind it for browsers',
    })
  }
}

function isUsable(address: string, suffixes: readonly string[]): boolean {
  try {
    const [host, transport, ...rest] = multiaddr(address).getComponents()
    const isHost = ['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(host?.name ?? '')
    const suffix = rest.map(({ name }) => name).join('/')
    return isHost && transport?.name === 'tcp' && suffixes.includes(suffix)
  } catch {
    return false
  }
}

/** libp2p tells of failed listeners in the text of one error. */
export function listenError(error: unknown, addresses: readonly string[]): HearsayError {
  const text = error instanceof Error ? error.message : String(error)
  const where = addresses.join(', ')
  for (const [code, why, hint] of CAUSES) {
    if (!text.includes(code)) continue
    const message = `Cannot listen: ${why}: ${where}`
    return new HearsayError('ERR_LISTEN', message, { hint, cause: error })
  }
  return new HearsayError('ERR_LISTEN', `Cannot listen: ${where}`, {
    hint: 'Check the listen addresses',
    cause: error,
  })
}
