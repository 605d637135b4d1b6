import { type Call, deadlineOf, groupQuery, json, type Route } from './call.ts'
import { answers, jsonRoute } from './operation.ts'
import { undoableSchema, undoSchema } from './schemas/object-answers.ts'
import { type UndoBody, undoBodySchema } from './schemas/operation-schemas.ts'
import { duration, group } from './schemas/query-fields.ts'
import type { UndoAnswer, UndoableAnswer } from './shapes.ts'

/** `POST /v1/undo` undoes a transaction of this node, `GET /v1/undo` lists those that it can. */
export function undoRoutes(): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/undo',
      operation: {
        id: 'undoable',
        summary: 'The transactions that the node can undo',
        query: { group },
        answers: { 200: answers(undoableSchema, 'The last one first') },
      },
      handle: list,
    },
    jsonRoute({
      method: 'POST',
      path: '/v1/undo',
      operation: {
        id: 'undo',
        summary: 'Undo the last transaction of the node, or one by its number',
        query: { group, timeoutMs: duration },
        body: undoBodySchema,
        answers: { 200: answers(undoSchema, 'What was undone, and what stands') },
      },
      handle: undo,
    }),
  ]
}

function list(call: Call): Response {
  const handle = groupQuery(call)
  const answer: UndoableAnswer = { group: handle.name, transactions: handle.undoable() }
  return json(answer)
}

async function undo(call: Call, body: UndoBody): Promise<Response> {
  const answer: UndoAnswer = await groupQuery(call).undo({ signal: deadlineOf(call), ...body })
  return json(answer)
}
