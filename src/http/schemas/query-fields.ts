import * as z from 'zod'
import type { ObjectType, WriteLevel } from '../../index.ts'

const DURATION_MS_MAX = 10 * 365 * 24 * 3_600_000
const UNIT_MS: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const DURATION = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d|)$/
const A_DURATION =
  'expected a duration: milliseconds, or a number with ms, s, m, h or d, such as 1h'
/** What a node takes. */
const REPLICAS_MAX = 255
const REPLICAS = `expected a whole number in 1 … ${REPLICAS_MAX}, how many other members must hold it`

type Optional<T> = z.ZodType<T | undefined>

/** `1500`, `1500ms`, `2s`, `5m`, `1h` or `2d`, in ms. */
export const duration: Optional<number> = z
  .string()
  .regex(DURATION, A_DURATION)
  .transform((text) => {
    const [, number, unit = ''] = DURATION.exec(text) ?? []
    return Math.ceil(Number(number) * (UNIT_MS[unit] ?? Number.NaN))
  })
  .refine((ms) => ms > 0 && ms <= DURATION_MS_MAX, A_DURATION)
  .optional()

/** `?own`, `?own=true`; `?own=false` is as if it were not there. */
export const mark: z.ZodType<boolean> = z
  .enum(['', 'true', 'false'], 'expected true or false')
  .optional()
  .transform((text) => text !== undefined && text !== 'false')

/** There or not, whatever it says. */
export const presence: z.ZodType<boolean> = z
  .string()
  .optional()
  .transform((text) => text !== undefined)

export const anyText: Optional<string> = z.string().optional()
export const group: z.ZodType<string> = z.string().min(1, 'expected a name').default('main')
/** All groups when none is named. */
export const oneGroup: Optional<string> = z.string().min(1, 'expected a name').optional()
export const level: Optional<WriteLevel> = z
  .enum(['one', 'quorum', 'all'], 'expected one, quorum or all')
  .optional()
export const type: Optional<ObjectType> = z
  .enum(['counter', 'set', 'register', 'map'], 'expected counter, set, register or map')
  .optional()
export const limit: Optional<number> = z
  .string()
  .regex(/^\d{1,9}$/, 'expected a number')
  .transform(Number)
  .optional()
export const replicas: z.ZodType<number> = z
  .string(REPLICAS)
  .regex(/^\d{1,3}$/, REPLICAS)
  .transform(Number)
  .refine((wanted) => wanted >= 1 && wanted <= REPLICAS_MAX, REPLICAS)
export const exportFormat: z.ZodType<'ndjson' | 'csv'> = z
  .enum(['ndjson', 'csv'], 'expected ndjson or csv')
  .default('ndjson')
