import type { Millis, Protocol } from '../../base/core.ts'
import type { PeerId } from '../../base/ids.ts'
import type { LinkPort } from '../../engine/ports.ts'
import { decodeFrame } from '../../kv/frame.ts'
import { decodeRecord, proofOf } from '../../records/record.ts'
import { soon } from '../common/timers.ts'
import type { AheadSigner, Proof } from './ahead-signer.ts'

/** Beyond these frames go their way at once: the core verifies what it does not refuse, one by one. */
const FRAMES_MAX = 64
const BYTES_MAX = 1_048_576
/** Frames handed on in one go before sockets are looked at again. */
const TURN_MS_MAX: Millis = 4

interface Frame {
  readonly peer: PeerId
  readonly bytes: Uint8Array
  /** Hands it on, and forgets its proof. */
  handOn: () => void
  /** The link it came on is down. */
  isLost: boolean
}

/**
 * Links whose frames with DHT records wait until another thread has verified the signature, which takes
 * longer than everything else that becomes of them: what has been verified meanwhile is handed on together.
 */
export function verifiedAhead(links: LinkPort, signer: AheadSigner): LinkPort {
  return {
    listen(listener) {
      const frames = new AheadFrames(signer)
      links.listen({
        ...listener,
        frame: (peer, protocol, bytes) => {
          const handOn = (): void => listener.frame(peer, protocol, bytes)
          if (!frames.take({ peer, bytes, handOn, isLost: false }, protocol)) handOn()
        },
        linkDown: (peer, end) => {
          frames.lost(peer)
          listener.linkDown(peer, end)
        },
      })
    },
    dial: (peer, addresses) => links.dial(peer, addresses),
    join: (address) => links.join(address),
    send: (frame) => links.send(frame),
    protect: (peer, isProtected) => links.protect(peer, isProtected),
    close: (peer) => links.close(peer),
  }
}

class AheadFrames {
  readonly #signer: AheadSigner
  readonly #underWay = new Set<Frame>()
  #bytes = 0
  #ready: Frame[] = []

  constructor(signer: AheadSigner) {
    this.#signer = signer
  }

  /** @returns false when it need not wait */
  take(frame: Frame, protocol: Protocol): boolean {
    if (protocol !== 'kv' || this.#underWay.size >= FRAMES_MAX) return false
    if (this.#bytes + frame.bytes.length > BYTES_MAX) return false
    const proof = proofIn(frame.bytes)
    if (proof === undefined) return false
    const { handOn } = frame
    const isTaken = this.#signer.verifyAhead(proof, (forget) => {
      frame.handOn = () => {
        if (!frame.isLost) handOn()
        forget()
      }
      this.#ready.push(frame)
      if (this.#ready.length === 1) soon(() => this.#turn())
    })
    if (!isTaken) return false
    this.#underWay.add(frame)
    this.#bytes += frame.bytes.length
    return true
  }

  lost(peer: PeerId): void {
    for (const frame of this.#underWay) if (frame.peer === peer) frame.isLost = true
  }

  #turn(): void {
    const endsAt = performance.now() + TURN_MS_MAX
    let handled = 0
    for (const frame of this.#ready) {
      handled += 1
      this.#underWay.delete(frame)
      this.#bytes -= frame.bytes.length
      frame.handOn()
      if (performance.now() > endsAt) break
    }
    this.#ready = this.#ready.slice(handled)
    if (this.#ready.length > 0) soon(() => this.#turn())
  }
}

/** What has to be verified of a frame that brings a record; undefined: nothing. */
function proofIn(bytes: Uint8Array): Proof | undefined {
  const frame = decodeFrame(bytes)
  if (!frame.ok || (frame.value.type !== 'put' && frame.value.type !== 'found')) return undefined
  const record = decodeRecord(frame.value.record)
  return record.ok ? proofOf(record.value) : undefined
}
