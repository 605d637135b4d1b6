import * as z from 'zod'
import type {
  AccessInfo,
  InviteInfo,
  InviteList,
  ListedInvite,
  ListedRevocation,
  RevokedInfo,
} from '../../index.ts'
import type { InviteBody } from '../shapes.ts'
import { count, flag, instant, ms, peerId, text } from './basics.ts'
import { maybe, objectOf } from './object-of.ts'

const role: z.ZodType<'member' | 'observer'> = z.enum(
  ['member', 'observer'],
  'expected member or observer',
)

export const accessSchema: z.ZodType<AccessInfo> = objectOf<AccessInfo>({
  by: z.enum(['open', 'key', 'invite']),
  role,
  id: maybe(text),
  expiresAt: maybe(instant),
  state: maybe(z.enum(['valid', 'unused', 'expired', 'revoked', 'used'])),
  unsent: maybe(count),
  refused: maybe(text),
})

export const inviteBodySchema: z.ZodType<InviteBody> = objectOf<InviteBody>({
  ttlMs: maybe(ms),
  role: maybe(role),
  peerId: maybe(text),
})

export const inviteSchema: z.ZodType<InviteInfo> = objectOf<InviteInfo>({
  id: text,
  network: text,
  role,
  peerId: maybe(peerId),
  expiresAt: instant,
  invite: text,
})

export const revokedSchema: z.ZodType<RevokedInfo> = objectOf<RevokedInfo>({
  id: text,
  isKnown: flag,
  until: instant,
})

const listedInvite = objectOf<ListedInvite>({
  id: text,
  role,
  peerId: maybe(peerId),
  state: z.enum(['unused', 'valid', 'revoked']),
  issuedAt: instant,
  expiresAt: instant,
  usedAt: maybe(instant),
})

export const inviteListSchema: z.ZodType<InviteList> = objectOf<InviteList>({
  invites: z.array(listedInvite),
  revocations: z.array(
    objectOf<ListedRevocation>({ id: text, revokedAt: instant, until: instant }),
  ),
})
