import { type Host, openHost } from './host.ts'
import type { HostOptions } from './options.ts'
import { LazyWebSockets } from './web-sockets.ts'

export type { Host } from './host.ts'
export type { HostOptions } from './options.ts'

/** A host in a browser: it dials WebSockets, and nobody can dial it. @throws as {@link openHost} */
export function createHost(options: HostOptions): Promise<Host> {
  return openHost(options, {
    // The browser looks names up, and does not tell.
    lookupName: async (name, { port }) => [`/dns/${name}/tcp/${port}/ws`],
    transports: async () => [new LazyWebSockets().factory()],
  })
}
