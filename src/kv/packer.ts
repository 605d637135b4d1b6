import type { PeerId } from '../base/ids.ts'
import { encodePack, PACK_FRAMES_MAX } from './frame.ts'
import type { KvOutput } from './kv-contract.ts'

type Send = Extract<KvOutput, { readonly type: 'send' }>

/** A pack stays below what counts as a large frame, so that others in its lane do not wait for it. */
const PACK_BYTES_MAX = 16_384

/**
 * Frames on their way out: those for one peer, lane and gate share packs. Many records for one replica, many
 * answers to one reader cost a few frames, whoever brought them about together.
 */
export class Packer {
  #waiting: Send[] = []
  #packed: Send[] = []

  push(send: Send): void {
    this.#waiting.push(send)
  }

  /** The next frame; taken when nothing is added any more for now. */
  shift(): Send | undefined {
    if (this.#waiting.length > 0) {
      const waiting = this.#waiting
      this.#waiting = []
      this.#packed = waiting.length === 1 ? waiting : pack(waiting).reverse()
    }
    return this.#packed.pop()
  }
}

/** In the order of the first frame of each pack. */
function pack(sends: readonly Send[]): Send[] {
  const packs: Send[][] = []
  const open = new Map<PeerId, { readonly sends: Send[]; bytes: number }[]>()
  for (const send of sends) {
    const bytes = send.bytes.length
    const ofPeer = open.get(send.peer) ?? []
    open.set(send.peer, ofPeer)
    const at = ofPeer.findIndex(({ sends: [first] }) => {
      return first?.lane === send.lane && first.gated === send.gated
    })
    const room = ofPeer[at]
    if (
      room !== undefined &&
      room.bytes + bytes <= PACK_BYTES_MAX &&
      room.sends.length < PACK_FRAMES_MAX
    ) {
      room.sends.push(send)
      room.bytes += bytes
      continue
    }
    const started = { sends: [send], bytes }
    packs.push(started.sends)
    // What is full is left behind: frames of one lane keep their order.
    if (at >= 0) ofPeer.splice(at, 1)
    ofPeer.push(started)
  }
  return packs.map(packed)
}

function packed(sends: readonly Send[]): Send {
  const [first] = sends
  if (first === undefined) throw new Error('Broken invariant: a pack holds a frame')
  if (sends.length === 1) return first
  return { ...first, bytes: encodePack(sends.map(({ bytes }) => bytes)) }
}
