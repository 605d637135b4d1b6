import * as z from 'zod'
import type { DhtKey, DhtKeyPage } from '../../index.ts'
import { count, flag, instant, text } from './basics.ts'
import { maybe, objectOf } from './object-of.ts'

const dhtKeySchema: z.ZodType<DhtKey> = objectOf<DhtKey>({
  key: text,
  kind: z.enum(['shared', 'own', 'immutable']),
  version: text,
  bytes: count,
  expiresAt: instant,
})

export const dhtKeysSchema: z.ZodType<DhtKeyPage> = objectOf<DhtKeyPage>({
  keys: z.array(dhtKeySchema),
  complete: flag,
  next: maybe(text),
})
