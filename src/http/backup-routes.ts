import type { Call, Route } from './call.ts'
import type { Operation } from './operation.ts'
import { streamOf } from './streamed.ts'

/** `GET /v1/backup`: everything the node stores at one moment, as `hearsay restore` takes it. */
export function backupRoutes(): readonly Route[] {
  const operation: Operation = {
    id: 'backup',
    summary: 'Everything the node stores, at one moment',
    answers: {
      200: { description: 'A file for hearsay restore', media: ['application/vnd.hearsay.backup'] },
    },
  }
  return [{ method: 'GET', path: '/v1/backup', operation, handle: backup }]
}

async function backup({ node }: Call): Promise<Response> {
  const pieces = node.backup()[Symbol.asyncIterator]()
  // What refuses a backup does so before its first piece: then it is an answer, not a broken connection.
  const first = await pieces.next()
  return new Response(streamOf(resumed(first, pieces)), {
    headers: {
      'content-type': 'application/vnd.hearsay.backup',
      'content-disposition': 'attachment; filename="hearsay.backup"',
    },
  })
}

/** No generator: one that was never asked for anything ends without ending what it reads. */
function resumed(
  first: IteratorResult<Uint8Array, void>,
  pieces: AsyncIterator<Uint8Array, void, void>,
): AsyncIterator<Uint8Array, void, void> {
  let isFirst = true
  return {
    next: async () => {
      if (!isFirst) return await pieces.next()
      isFirst = false
      return first
    },
    return: async () => {
      await pieces.return?.()
      return { done: true, value: undefined }
    },
  }
}
