import type { Lane, Millis, StoreWrite } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { CastInput, CastOutput } from './casts/cast-io.ts'

/** How a link or a dial ended; `refused` says that the host is up and the process is not. */
export type LinkEnd = 'closed' | 'reset' | 'refused' | 'timeout' | 'rejected'

export type MemberState = 'alive' | 'suspect' | 'degraded' | 'failed' | 'left'

/** One peer as this node's membership sees it. */
export interface Member {
  readonly peerId: PeerId
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly name: string
  readonly state: MemberState
  /** Number of the member's boot; a restart has a higher one. */
  readonly epoch: number
  /** Raised by the member alone, to refute or to change its record. */
  readonly incarnation: number
  /** Multiaddrs without /p2p. */
  readonly addresses: readonly string[]
  readonly tags: Readonly<Record<string, string>>
  readonly protocol: { readonly min: number; readonly max: number }
  /** 16 bytes, as the member last told it. */
  readonly digest: Uint8Array | undefined
  /** Smoothed round trip over the direct link, when there is one. */
  readonly rttMs: number | undefined
  /** When it entered this state, as seen here. */
  readonly since: Millis
}

export interface MemberChange {
  readonly kind: 'joined' | 'changed'
  readonly member: Member
  /** Who claims it, how and why, for people. */
  readonly evidence: string
}

export type MembershipInput =
  | { readonly type: 'tick' }
  | {
      readonly type: 'link-up'
      readonly peer: PeerId
      readonly remoteAddress: string
      readonly direction: 'inbound' | 'outbound'
      /** The join address that led here, when there was one. */
      readonly via?: string
    }
  | { readonly type: 'link-down'; readonly peer: PeerId; readonly end: LinkEnd }
  | { readonly type: 'dial-failed'; readonly peer: PeerId; readonly end: LinkEnd }
  | { readonly type: 'join-failed'; readonly address: string }
  /** A frame of the `member` protocol. */
  | { readonly type: 'frame'; readonly peer: PeerId; readonly bytes: Uint8Array }
  /** A frame of another protocol came from this peer: a heartbeat. */
  | { readonly type: 'heard'; readonly peer: PeerId }
  /** Our own dialable addresses, all of them. */
  | { readonly type: 'addresses'; readonly addresses: readonly string[] }
  /** Members that only read, all of them: the overlay and questions do without them. */
  | { readonly type: 'observers'; readonly peers: ReadonlySet<PeerId> }
  /** Our own tags, all of them, within their limits. */
  | { readonly type: 'tags'; readonly tags: Readonly<Record<string, string>> }
  | { readonly type: 'join'; readonly addresses: readonly string[] }
  /** 16 opaque bytes that say which replicated state this node holds. */
  | { readonly type: 'digest'; readonly digest: Uint8Array }
  | { readonly type: 'leave' }
  | CastInput

export type MembershipOutput =
  | {
      readonly type: 'send'
      readonly peer: PeerId
      readonly lane: Lane
      readonly bytes: Uint8Array
    }
  | {
      readonly type: 'link-wanted'
      readonly peer: PeerId
      readonly addresses: readonly string[]
    }
  | { readonly type: 'protect'; readonly peer: PeerId; readonly isProtected: boolean }
  /** A link that carries nothing any more: to be closed at once, a fresh one is dialled after. */
  | { readonly type: 'close'; readonly peer: PeerId }
  | { readonly type: 'join-wanted'; readonly address: string }
  /** Nothing here ever waits for these writes. */
  | { readonly type: 'persist'; readonly writes: readonly StoreWrite[] }
  | { readonly type: 'member'; readonly change: MemberChange }
  /** A linked peer's digest differs from ours; at most once per peer and 200 ms. */
  | { readonly type: 'digest-differs'; readonly peer: PeerId }
  /** Some member's known digest changed. */
  | { readonly type: 'digests' }
  /** So many of so many members failed at once: the network is cut, more likely. */
  | { readonly type: 'partition-suspected'; readonly failed: number; readonly members: number }
  | { readonly type: 'left' }
  /** An older process with our key runs, at these addresses: this one must end; it says nothing more. */
  | { readonly type: 'gave-way'; readonly addresses: readonly string[] }
  | CastOutput
  | { readonly type: 'alarm'; readonly reason: string }
  | { readonly type: 'dropped'; readonly reason: string }
