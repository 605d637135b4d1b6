import { readJsonObject } from './body.ts'
import { type Call, deadlineOf, groupQuery, json, type Route } from './call.ts'
import { requireJson } from './guard.ts'
import { applyOperation, parseTransaction } from './object-operation.ts'
import type { TransactionAnswer } from './shapes.ts'

/** `POST /v1/transactions`: several objects, all or nothing. */
export function transactionRoutes(): readonly Route[] {
  return [{ method: 'POST', path: '/v1/transactions', carriesValue: true, handle: transact }]
}

async function transact(call: Call): Promise<Response> {
  requireJson(call.request)
  const operations = parseTransaction(await readJsonObject(call.request))
  const answer: TransactionAnswer = await groupQuery(call).transact(
    (transaction) => {
      for (const operation of operations) applyOperation(transaction, operation)
    },
    { signal: deadlineOf(call) },
  )
  return json(answer)
}
