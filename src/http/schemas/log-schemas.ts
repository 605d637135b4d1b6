import * as z from 'zod'
import { LOG_COMPONENTS, LOG_LEVELS, type LogLevels } from '../log-control.ts'
import type { LogLevelBody } from '../shapes.ts'
import { maybe, objectOf } from './object-of.ts'

const level = z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(', ')}`)
const component = z.enum(LOG_COMPONENTS, `expected one of ${LOG_COMPONENTS.join(', ')}`)

/** The body of `PUT /v1/log`. */
export const logLevelSchema: z.ZodType<LogLevelBody> = objectOf<LogLevelBody>({
  level,
  component: maybe(component),
})

export const logLevelsSchema: z.ZodType<LogLevels> = objectOf<LogLevels>({
  level,
  components: objectOf<LogLevels['components']>({
    members: maybe(level),
    links: maybe(level),
    state: maybe(level),
    dht: maybe(level),
    node: maybe(level),
  }),
})
