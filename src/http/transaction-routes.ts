import { type Call, deadlineOf, groupQuery, json, type Route } from './call.ts'
import { applyOperation } from './object-operation.ts'
import { answers, jsonRoute } from './operation.ts'
import { transactionSchema } from './schemas/object-answers.ts'
import { transactionBodySchema } from './schemas/operation-schemas.ts'
import { duration, group } from './schemas/query-fields.ts'
import type { NamedOperation, TransactionAnswer } from './shapes.ts'

/** `POST /v1/transactions`: several objects, all or nothing. */
export function transactionRoutes(): readonly Route[] {
  return [
    jsonRoute({
      method: 'POST',
      path: '/v1/transactions',
      carriesValue: true,
      operation: {
        id: 'transact',
        summary: 'Write several objects, all or nothing',
        query: { group, timeoutMs: duration },
        body: transactionBodySchema,
        answers: { 200: answers(transactionSchema, 'One result per operation, in order') },
      },
      handle: transact,
    }),
  ]
}

async function transact(
  call: Call,
  { operations }: { readonly operations: readonly NamedOperation[] },
): Promise<Response> {
  const answer: TransactionAnswer = await groupQuery(call).transact(
    (transaction) => {
      for (const operation of operations) applyOperation(transaction, operation)
    },
    { signal: deadlineOf(call) },
  )
  return json(answer)
}
