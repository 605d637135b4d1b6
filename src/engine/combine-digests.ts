import { compareText, concatBytes, equalBytes, utf8 } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import type { PeerId } from '../base/ids.ts'
import type { Member } from '../membership/membership.ts'
import type { Replication } from '../replication/replication.ts'

const DIGEST_BYTES = 16

/**
 * One digest of 16 bytes over the digests of all groups with events; zero when there are none. With
 * only `main` it is main's own, so that the number a person compares is the same everywhere.
 */
export function combineDigests(digests: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const names = [...digests.keys()].sort(compareText)
  if (names.length === 0) return new Uint8Array(DIGEST_BYTES)
  if (names.length === 1 && names[0] === 'main') {
    return digests.get('main') ?? new Uint8Array(DIGEST_BYTES)
  }
  const parts: Uint8Array[] = []
  for (const name of names) parts.push(sha256(utf8(name)), digests.get(name) ?? new Uint8Array())
  return sha256(concatBytes(parts)).slice(0, DIGEST_BYTES)
}

/** Live members, but for some, whose digest is another one than ours or not known. */
export function behindOf(
  members: readonly Member[],
  { skipped, own }: { readonly skipped: ReadonlySet<PeerId>; readonly own: Uint8Array },
): readonly PeerId[] {
  const behind: PeerId[] = []
  for (const { peerId, state, digest } of members) {
    if (skipped.has(peerId) || state === 'failed' || state === 'left') continue
    if (digest === undefined || !equalBytes(digest, own)) behind.push(peerId)
  }
  return behind
}

/** Digests of all groups with events, by name. */
export function groupDigests(replication: Replication): Map<string, Uint8Array> {
  const digests = new Map<string, Uint8Array>()
  for (const group of replication.groups()) {
    const { digest, events } = replication.status(group)
    if (events > 0) digests.set(group, digest)
  }
  return digests
}
