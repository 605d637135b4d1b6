import type { OutboundFrame } from '../engine/ports.ts'
import type { Host } from './host.ts'
import { Pipe, type PipeOptions } from './pipe.ts'

/** What of a pipe's options the network decides per direction. */
export type PipeFactory = (
  from: Host,
  to: Host,
) => Pick<PipeOptions, 'world' | 'random' | 'stats' | 'conditions' | 'loss' | 'isCut'>

/** One end of a link, as one run of one host's process holds it. */
export interface LinkEndpoint {
  readonly host: Host
  /** Which run of the host's process opened it: a later run answers old frames with a reset. */
  readonly run: number
  /** Frames from here to the other end. */
  readonly pipe: Pipe
  /** The driver has been told of the link. */
  isAnnounced: boolean
  isOpen: boolean
}

/** An admitted link between two hosts: a pipe each way. */
export class Link {
  readonly dialer: LinkEndpoint
  readonly acceptor: LinkEndpoint

  /**
   * @param options.openAt when the dialer learns of the link: nothing reaches it before
   */
  constructor(options: {
    readonly dialer: Host
    readonly acceptor: Host
    readonly openAt: number
    readonly pipe: PipeFactory
    readonly deliver: (
      link: Link,
      to: LinkEndpoint,
      frame: OutboundFrame,
      taken: () => void,
    ) => void
    readonly gaveUp: (link: Link, from: LinkEndpoint) => void
  }) {
    const { dialer, acceptor, openAt, deliver } = options
    this.dialer = endpoint(
      dialer,
      new Pipe(
        {
          ...options.pipe(dialer, acceptor),
          deliver: (frame, taken) => deliver(this, this.acceptor, frame, taken),
          gaveUp: () => options.gaveUp(this, this.dialer),
        },
        0,
      ),
    )
    this.acceptor = endpoint(
      acceptor,
      new Pipe(
        {
          ...options.pipe(acceptor, dialer),
          deliver: (frame, taken) => deliver(this, this.dialer, frame, taken),
          gaveUp: () => options.gaveUp(this, this.acceptor),
        },
        openAt,
      ),
    )
  }

  at(host: Host): LinkEndpoint {
    return host === this.dialer.host ? this.dialer : this.acceptor
  }

  opposite(host: Host): LinkEndpoint {
    return host === this.dialer.host ? this.acceptor : this.dialer
  }
}

function endpoint(host: Host, pipe: Pipe): LinkEndpoint {
  return { host, run: host.run, pipe, isAnnounced: false, isOpen: true }
}
