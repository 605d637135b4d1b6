import * as z from 'zod'
import type { LabInfo, LabNodeInfo } from '../../lab/lab-types.ts'
import type { ChaosAction } from '../shapes.ts'
import { count, ms, peerId, peerIds, text, texts } from './basics.ts'
import { frameCountsSchema } from './node-answers.ts'
import { maybe, objectOf } from './object-of.ts'

/** Sides of one partition. */
const SIDES_MAX = 64
/** Longer delays only look like a partition. */
const LATENCY_MS_MAX = 60_000
const SIDES = `expected 1 to ${SIDES_MAX} lists of names`
const SHARE = 'expected a number in 0 … 1'
const LATENCY = `expected a number in 0 … ${LATENCY_MS_MAX}`

/** The body of `POST /v1/chaos`. */
export const chaosActionSchema: z.ZodType<ChaosAction> = z.discriminatedUnion(
  'action',
  [
    z.object({
      action: z.literal('partition'),
      sides: z
        .array(z.array(z.string('expected a name'), 'expected a list of names'), SIDES)
        .min(1, SIDES)
        .max(SIDES_MAX, SIDES),
    }),
    z.object({ action: z.literal('heal') }),
    z.object({ action: z.literal('loss'), share: z.number(SHARE).min(0, SHARE).max(1, SHARE) }),
    z.object({
      action: z.literal('latency'),
      ms: z.number(LATENCY).min(0, LATENCY).max(LATENCY_MS_MAX, LATENCY),
    }),
    z.object({
      action: z.enum(['kill', 'restart', 'pause', 'resume']),
      name: z.string('expected the name of a node').min(1, 'expected the name of a node'),
    }),
  ],
  'expected partition, heal, loss, latency, kill, restart, pause or resume',
)

/** What was done, with its fields. */
export const chaosDoneSchema: z.ZodType<{ readonly ok: boolean }> = z.looseObject({
  ok: z.literal(true),
  action: text,
})

const labNodeSchema: z.ZodType<LabNodeInfo> = objectOf<LabNodeInfo>({
  name: text,
  peerId,
  state: z.enum(['running', 'paused', 'killed']),
  side: maybe(count),
  digest: text,
  viewHash: text,
  alive: count,
  members: z.array(objectOf<LabNodeInfo['members'][number]>({ name: text, state: text })),
  links: peerIds,
  heard: z.array(frameCountsSchema),
})

export const labSchema: z.ZodType<LabInfo> = objectOf<LabInfo>({
  nodes: z.array(labNodeSchema),
  sides: z.array(texts),
  loss: z.number(),
  latencyMs: ms,
  digests: count,
})
