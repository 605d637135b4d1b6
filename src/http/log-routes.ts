import { HearsayError } from '../index.ts'
import { json, type Route } from './call.ts'
import type { LogControl } from './log-control.ts'
import { answers, jsonRoute } from './operation.ts'
import { logLevelSchema, logLevelsSchema } from './schemas/log-schemas.ts'

/** `GET | PUT /v1/log`: which lines the node writes. @param log undefined: it writes none */
export function logRoutes(log: LogControl | undefined): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/log',
      operation: {
        id: 'logLevels',
        summary: 'Which lines of its log the node writes',
        answers: { 200: answers(logLevelsSchema, 'The levels') },
      },
      handle: () => json(logOf(log).levels()),
    },
    jsonRoute({
      method: 'PUT',
      path: '/v1/log',
      operation: {
        id: 'setLogLevel',
        summary: 'Change the level of the log, or of one component, until the node ends',
        body: logLevelSchema,
        answers: { 200: answers(logLevelsSchema, 'The levels now') },
      },
      handle: (_call, { level, component }) => {
        logOf(log).setLevel(level, component)
        return json(logOf(log).levels())
      },
    }),
  ]
}

function logOf(log: LogControl | undefined): LogControl {
  if (log !== undefined) return log
  throw new HearsayError('ERR_UNSUPPORTED', 'Cannot change the log: this node writes none', {
    hint: 'Nodes of "hearsay up" write one',
  })
}
