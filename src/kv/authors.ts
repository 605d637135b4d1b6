import { hex } from '../base/bytes.ts'
import type { PeerId } from '../base/ids.ts'
import { peerIdFromPublicKey } from '../base/peer-id.ts'

/** Authors remembered; then they are forgotten all at once. */
const AUTHORS_MAX = 1_024

/** Peer ids of authors: to spell one out takes ten times as long as to look it up. */
export class Authors {
  readonly #peerIds = new Map<string, PeerId>()

  peerId(publicKey: Uint8Array): PeerId {
    const name = hex(publicKey)
    const known = this.#peerIds.get(name)
    if (known !== undefined) return known
    if (this.#peerIds.size >= AUTHORS_MAX) this.#peerIds.clear()
    const peerId = peerIdFromPublicKey(publicKey)
    this.#peerIds.set(name, peerId)
    return peerId
  }
}
