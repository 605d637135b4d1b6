import { tcp } from '@libp2p/tcp'
import { type Host, openHost } from './host.ts'
import type { HostPlatform } from './host-platform.ts'
import { lookupName } from './name-lookup.ts'
import { noiseCrypto } from './noise-crypto.ts'
import type { HostOptions } from './options.ts'
import { guardWebSockets, HEADER_BYTES_MAX } from './web-socket-guard.ts'
import { LazyWebSockets } from './web-sockets.ts'

export type { Host } from './host.ts'
export type { HostOptions } from './options.ts'

/** A host on Node.js: TCP, and WebSockets where somebody listens to or dials them. @throws as {@link openHost} */
export function createHost(options: HostOptions): Promise<Host> {
  return openHost(options, nodejsPlatform())
}

function nodejsPlatform(): HostPlatform {
  return {
    crypto: noiseCrypto(),
    debug: process.env.DEBUG,
    lookupName,
    async transports(wanted) {
      const sockets = new LazyWebSockets(undefined, { http: { maxHeaderSize: HEADER_BYTES_MAX } })
      if (wanted.listen.some((address) => address.endsWith('/ws'))) await sockets.load()
      return [tcp(), sockets.factory((listener) => guardWebSockets(listener, wanted))]
    },
  }
}
