import * as z from 'zod'
import type { Json, ObjectType, PeerId } from '../../index.ts'
import { branded } from './object-of.ts'

export const text: z.ZodType<string> = z.string()
export const texts: z.ZodType<readonly string[]> = z.array(z.string())
export const flag: z.ZodType<boolean> = z.boolean()
export const count: z.ZodType<number> = z.int().min(0)
export const ms: z.ZodType<number> = z.number().min(0)
export const peerId: z.ZodType<PeerId> = branded<PeerId>()
export const peerIds: z.ZodType<readonly PeerId[]> = z.array(peerId)
export const labels: z.ZodType<Readonly<Record<string, string>>> = z.record(
  z.string(),
  z.string('expected text'),
  'expected {"KEY":"VALUE"}',
)
export const encoding: z.ZodType<'utf8' | 'base64'> = z.enum(['utf8', 'base64'])
export const objectType: z.ZodType<ObjectType> = z.enum(['counter', 'set', 'register', 'map'])
/** ISO 8601, UTC. */
export const instant: z.ZodType<string> = z.iso.datetime()
/** Any JSON value: absent is none. */
export const anyJson: z.ZodType<Json> = z.custom<Json>(
  (value) => value !== undefined,
  'expected a JSON value',
)
