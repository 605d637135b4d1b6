import * as z from 'zod'
import type { NodeEvent } from '../../index.ts'
import type { ExportRecord } from '../export.ts'
import type { ResetEvent, StreamedEvent } from '../shapes.ts'
import { anyJson, count, encoding, objectType, peerId, text, texts } from './basics.ts'
import { memberState } from './node-answers.ts'
import { maybe, objectOf } from './object-of.ts'

type Of<Type extends NodeEvent['type']> = Extract<NodeEvent, { readonly type: Type }>
type Diff = NonNullable<Of<'object-changed'>['diff']>
type DiffOf<Type extends Diff['type']> = Extract<Diff, { readonly type: Type }>

/** Unix ms, with fractions. */
const at = z.number().min(0)
/** Sums are digits in JSON where a double could not hold them. */
const sum = z.union([z.int(), z.string().regex(/^-?\d+$/)]) as unknown as z.ZodType<number>

const diff: z.ZodType<Diff> = z.union([
  objectOf<DiffOf<'counter'>>({ type: z.literal('counter'), value: sum, delta: sum }),
  objectOf<DiffOf<'set'>>({ type: z.literal('set'), added: texts, removed: texts }),
  registerDiff(),
  objectOf<DiffOf<'map'>>({
    type: z.literal('map'),
    set: z.array(objectOf<DiffOf<'map'>['set'][number]>({ path: texts, value: anyJson })),
    removed: z.array(texts),
  }),
])

/** Without a value when nothing is left. */
function registerDiff(): z.ZodType<DiffOf<'register'>> {
  return z.object({
    type: z.literal('register'),
    value: z.unknown().optional(),
    siblings: z.array(anyJson),
  }) as unknown as z.ZodType<DiffOf<'register'>>
}

/** The compiler misses none. */
const BY_TYPE: { readonly [Type in NodeEvent['type']]: z.ZodType<Of<Type>> } = {
  'member-joined': objectOf<Of<'member-joined'>>({
    type: z.literal('member-joined'),
    at,
    name: text,
    peerId,
  }),
  'member-changed': objectOf<Of<'member-changed'>>({
    ...{ type: z.literal('member-changed'), at, name: text, peerId },
    ...{ state: memberState, evidence: text },
  }),
  'partition-suspected': objectOf<Of<'partition-suspected'>>({
    ...{ type: z.literal('partition-suspected'), at, failed: count, members: count },
  }),
  broadcast: objectOf<Of<'broadcast'>>({
    ...{ type: z.literal('broadcast'), at, id: text, name: text, from: text, peerId },
    ...{ payload: text, encoding },
  }),
  'link-up': objectOf<Of<'link-up'>>({ type: z.literal('link-up'), at, peerId, address: text }),
  'link-down': objectOf<Of<'link-down'>>({
    type: z.literal('link-down'),
    at,
    peerId,
    reason: text,
  }),
  'join-failed': objectOf<Of<'join-failed'>>({
    type: z.literal('join-failed'),
    at,
    address: text,
    reason: text,
  }),
  dropped: objectOf<Of<'dropped'>>({ type: z.literal('dropped'), at, reason: text, count }),
  'object-changed': objectOf<Of<'object-changed'>>({
    ...{ type: z.literal('object-changed'), at, object: text, objectType, group: text },
    ...{ origin: z.enum(['local', 'remote']), cursor: text, diff: maybe(diff) },
  }),
  'digest-changed': objectOf<Of<'digest-changed'>>({
    ...{ type: z.literal('digest-changed'), at, group: text, digest: text },
  }),
  'digests-changed': objectOf<Of<'digests-changed'>>({ type: z.literal('digests-changed'), at }),
  'sync-completed': objectOf<Of<'sync-completed'>>({
    ...{ type: z.literal('sync-completed'), at, peerId, bytes: count, events: count },
  }),
  'record-stored': objectOf<Of<'record-stored'>>({
    ...{ type: z.literal('record-stored'), at, key: text, version: text },
  }),
  alarm: objectOf<Of<'alarm'>>({ type: z.literal('alarm'), at, reason: text }),
  fatal: objectOf<Of<'fatal'>>({ type: z.literal('fatal'), at, reason: text, code: text }),
  stopped: objectOf<Of<'stopped'>>({ type: z.literal('stopped'), at }),
}

/** The data of one server-sent event. */
export const eventSchema: z.ZodType<StreamedEvent['event']> = z.union([
  ...Object.values(BY_TYPE),
  objectOf<ResetEvent>({ type: z.literal('reset'), at }),
])

/** One line of an export. */
export const exportRecordSchema: z.ZodType<ExportRecord> = objectOf<ExportRecord>({
  group: text,
  name: text,
  type: objectType,
  path: maybe(texts),
  value: anyJson,
  siblings: maybe(z.array(anyJson)),
})
