import * as z from 'zod'
import type { Problem } from '../shapes.ts'
import { count, text } from './basics.ts'
import { branded, maybe, objectOf } from './object-of.ts'

/** RFC 9457: the body of every answer of 400 and above. */
export const problemSchema: z.ZodType<Problem> = objectOf<Problem>({
  type: z.literal('about:blank'),
  title: text,
  status: count,
  detail: text,
  code: branded<Problem['code']>(),
  hint: text,
  acks: maybe(count),
  required: maybe(count),
})
