import type { AheadSigner } from '../adapters/platform/ahead-signer.ts'
import type { Millis, StoreRow } from '../base/core.ts'
import type { PeerId } from '../base/ids.ts'
import type { Driver } from '../engine/driver.ts'
import type { DiskPort } from '../engine/ports.ts'
import { rootSeed } from '../invites/root-key.ts'
import { INVITE_ROWS, InviteDesk } from './invite-desk.ts'
import { cannotInvite } from './invite-issuer.ts'
import type { AccessInfo, Invites } from './invite-types.ts'
import type { CheckedOptions } from './node-options.ts'
import type { Platform } from './platform.ts'

/** The desk of a private network's node; undefined: anybody is admitted. */
export function openInvites(
  { network, networkKey, invite }: CheckedOptions,
  parts: {
    readonly platform: Platform
    readonly signer: AheadSigner
    readonly disk: Pick<DiskPort, 'commit'>
    readonly now: () => Millis
    readonly alarm: (reason: string) => void
    readonly observers: (peers: ReadonlySet<PeerId>) => void
  },
): InviteDesk | undefined {
  const { platform, now, ...rest } = parts
  const { createSigner, createSeed: randomSeed } = platform
  // Capabilities carry whole milliseconds.
  const shared = { ...rest, now: () => Math.floor(now()), network, createSigner, randomSeed }
  if (networkKey !== undefined) {
    const root = createSigner(rootSeed(networkKey, network))
    return new InviteDesk({ ...shared, basis: { type: 'key', root } })
  }
  if (invite === undefined) return undefined
  const secret = invite.secret === undefined ? undefined : createSigner(invite.secret)
  return new InviteDesk({ ...shared, basis: { type: 'invite', token: invite, secret } })
}

/** What a store is loaded into: rows of invites go to the desk, all others to the engine. */
export function loadedBoth(
  driver: Driver,
  desk: InviteDesk | undefined,
): Pick<Driver, 'load' | 'damaged' | 'loadSome'> {
  return {
    load: (row: StoreRow) => {
      if (row.key.startsWith(INVITE_ROWS)) desk?.load(row)
      else driver.load(row)
    },
    damaged: (key) => {
      // Members bring entries of the ledger back; a grant is made anew by whoever made it.
      if (!key.startsWith(INVITE_ROWS)) driver.damaged(key)
      else desk?.damaged(key)
    },
    loadSome: () => driver.loadSome(),
  }
}

/** As users see them. */
export function invitesOf(desk: InviteDesk | undefined): Invites {
  return {
    create: async ({ signal, ...options } = {}) => {
      signal?.throwIfAborted()
      if (desk?.issuer === undefined) throw cannotInvite('invite')
      return await desk.issuer.create(options)
    },
    revoke: async (id, { signal } = {}) => {
      signal?.throwIfAborted()
      if (desk?.issuer === undefined) throw cannotInvite('revoke')
      return await desk.issuer.revoke(id)
    },
    list: async ({ signal } = {}) => {
      signal?.throwIfAborted()
      if (desk?.issuer === undefined) throw cannotInvite('list invites')
      return desk.issuer.list()
    },
  }
}

export function accessOf(desk: InviteDesk | undefined): AccessInfo {
  return desk?.access() ?? { by: 'open', role: 'member' }
}
