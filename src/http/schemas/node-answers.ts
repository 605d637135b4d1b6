import * as z from 'zod'
import type {
  ConvergedInfo,
  FrameCounts,
  GroupInfo,
  MemberInfo,
  MembersInfo,
  StatusInfo,
} from '../../index.ts'
import type { ReadyAnswer, ReadyCheck, ReplicatedAnswer, TagsAnswer } from '../shapes.ts'
import { count, flag, instant, labels, ms, peerId, peerIds, text, texts } from './basics.ts'
import { accessSchema } from './invite-schemas.ts'
import { maybe, objectOf } from './object-of.ts'

/** Seeds that one request may bring. */
const JOIN_ADDRESSES_MAX = 64
const ADDRESS_LENGTH_MAX = 1_024
const ADDRESS = `expected 1 to ${ADDRESS_LENGTH_MAX} characters`
const SEEDS = `expected 1 to ${JOIN_ADDRESSES_MAX} addresses`

export const memberState: z.ZodType<MemberInfo['state']> = z.enum([
  'alive',
  'suspect',
  'degraded',
  'failed',
  'left',
])

export const memberSchema: z.ZodType<MemberInfo> = objectOf<MemberInfo>({
  name: text,
  peerId,
  state: memberState,
  role: maybe(z.literal('observer')),
  incarnation: count,
  addresses: texts,
  rttMs: maybe(ms),
  tags: labels,
  protocol: count,
  digest: text,
  since: instant,
})

export const frameCountsSchema: z.ZodType<FrameCounts> = objectOf<FrameCounts>({
  member: count,
  sync: count,
  kv: count,
})

export const membersSchema: z.ZodType<MembersInfo> = objectOf<MembersInfo>({
  self: text,
  viewHash: text,
  digests: count,
  members: z.array(memberSchema),
  links: peerIds,
  heard: z.array(frameCountsSchema),
})

export const groupSchema: z.ZodType<GroupInfo> = objectOf<GroupInfo>({
  name: text,
  digest: text,
  state: z.enum(['offline', 'saved-locally', 'spreading', 'converged']),
  unsynced: count,
  objects: count,
  events: count,
  behind: texts,
})

export const statusSchema: z.ZodType<StatusInfo> = objectOf<StatusInfo>({
  name: text,
  peerId,
  network: text,
  version: text,
  uptimeMs: ms,
  members: objectOf<StatusInfo['members']>({
    alive: count,
    suspect: count,
    failed: count,
    left: count,
    observers: maybe(count),
  }),
  digests: count,
  groups: z.array(groupSchema),
  dht: objectOf<StatusInfo['dht']>({
    records: count,
    bytes: count,
    replication: count,
    mode: z.enum(['one-hop', 'kademlia']),
  }),
  store: objectOf<StatusInfo['store']>({
    path: maybe(text),
    bytes: count,
    full: flag,
    tornBytes: count,
    damagedRows: count,
  }),
  degraded: flag,
  access: accessSchema,
  listen: texts,
  drops: z.record(z.string(), count),
  traffic: objectOf<StatusInfo['traffic']>({
    framesSent: count,
    framesReceived: count,
    bytesSent: count,
    bytesReceived: count,
  }),
  broadcasts: objectOf<StatusInfo['broadcasts']>({
    sent: count,
    delivered: count,
    duplicates: count,
    missed: count,
    forgotten: count,
    late: count,
    stored: count,
    storedBytes: count,
  }),
})

export const convergedSchema: z.ZodType<ConvergedInfo> = objectOf<ConvergedInfo>({
  converged: flag,
  digest: text,
  members: count,
  digests: count,
  elapsedMs: ms,
})

export const replicatedSchema: z.ZodType<ReplicatedAnswer> = objectOf<ReplicatedAnswer>({
  replicated: flag,
  replicas: count,
  wanted: count,
  group: text,
  elapsedMs: ms,
})

export const tagsSchema: z.ZodType<TagsAnswer> = objectOf<TagsAnswer>({ tags: labels })

export interface JoinBody {
  readonly addresses: readonly string[]
}

/** The body of a join, which is also its answer. */
export const joinSchema: z.ZodType<JoinBody> = objectOf<JoinBody>({
  addresses: z
    .array(z.string('expected an address').min(1, ADDRESS).max(ADDRESS_LENGTH_MAX, ADDRESS), SEEDS)
    .min(1, SEEDS)
    .max(JOIN_ADDRESSES_MAX, SEEDS),
})

export const leftSchema: z.ZodType<{ readonly left: boolean }> = objectOf<{ left: boolean }>({
  left: flag,
})

export const readySchema: z.ZodType<ReadyAnswer> = objectOf<ReadyAnswer>({
  ready: flag,
  checks: z.array(objectOf<ReadyCheck>({ name: text, ok: flag, reason: text })),
})

export const liveSchema: z.ZodType<{ readonly live: boolean }> = objectOf<{ live: boolean }>({
  live: flag,
})

export const startedSchema: z.ZodType<{ readonly started: boolean }> = objectOf<{
  started: boolean
}>({ started: flag })
