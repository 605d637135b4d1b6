import type { StreamMessageEvent } from '@libp2p/interface'

/** The contiguous runs of bytes of a stream event, without copying them together. */
export function messageChunks(event: StreamMessageEvent): Iterable<Uint8Array> {
  const { data } = event
  return data instanceof Uint8Array ? [data] : data
}
