import type { Startable, Stream } from '@libp2p/interface'
import type { KadDHTComponents } from '@libp2p/kad-dht'
import { unref } from '../common/timers.ts'
import { messageChunks } from './message-bytes.ts'

export type Registrar = KadDHTComponents['registrar']

const PROTOCOL = '/ipfs/ping/1.0.0'
/** Pings of 32 bytes answered on one stream. */
const BYTES_MAX = 64 * 32
const STREAMS_MAX = 2
const STREAM_MS_MAX = 10_000

/**
 * Answers libp2p's ping. Members ping each other through membership; foreign Kademlia peers take only those
 * into their routing tables that answer this one.
 */
export class Pong implements Startable {
  readonly #registrar: Registrar

  constructor(components: { readonly registrar: Registrar }) {
    this.#registrar = components.registrar
  }

  async start(): Promise<void> {
    await this.#registrar.handle(PROTOCOL, answer, { maxInboundStreams: STREAMS_MAX })
  }

  async stop(): Promise<void> {
    await this.#registrar.unhandle(PROTOCOL)
  }
}

function answer(stream: Stream): void {
  let bytes = 0
  const abort = (): void => stream.abort(new Error('Ping took too long'))
  const timer = unref(setTimeout(abort, STREAM_MS_MAX))
  stream.addEventListener('close', () => clearTimeout(timer))
  stream.addEventListener('remoteCloseWrite', () => void stream.close().catch(() => {}))
  stream.addEventListener('message', (event) => {
    for (const chunk of messageChunks(event)) {
      bytes += chunk.length
      if (bytes > BYTES_MAX || stream.writeStatus !== 'writable') {
        stream.abort(new Error('Too many pings on one stream'))
        return
      }
      stream.send(chunk)
    }
  })
}
