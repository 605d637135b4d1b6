import { readJsonObject } from './body.ts'
import { type Call, deadlineOf, groupQuery, json, type Route } from './call.ts'
import { requireJson } from './guard.ts'
import { invalid } from './problem.ts'
import type { UndoAnswer, UndoableAnswer } from './shapes.ts'

/** `POST /v1/undo` undoes a transaction of this node, `GET /v1/undo` lists those that it can. */
export function undoRoutes(): readonly Route[] {
  return [
    { method: 'GET', path: '/v1/undo', handle: list },
    { method: 'POST', path: '/v1/undo', handle: undo },
  ]
}

function list(call: Call): Response {
  const handle = groupQuery(call)
  const answer: UndoableAnswer = { group: handle.name, transactions: handle.undoable() }
  return json(answer)
}

async function undo(call: Call): Promise<Response> {
  requireJson(call.request)
  const { transaction } = await readJsonObject(call.request)
  if (transaction !== undefined && !isNumber(transaction)) {
    throw invalid('Cannot use transaction: expected its number', 'GET /v1/undo lists them')
  }
  const signal = deadlineOf(call)
  const options = transaction === undefined ? { signal } : { signal, transaction }
  const answer: UndoAnswer = await groupQuery(call).undo(options)
  return json(answer)
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}
