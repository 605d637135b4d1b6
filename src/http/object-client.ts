import type { Client } from './client.ts'
import { segment, type Transport } from './transport.ts'

/** The client's methods about replicated objects. */
export function objectMethods(
  http: Transport,
): Pick<Client, 'objects' | 'object' | 'setHas' | 'change' | 'transact' | 'undo' | 'undoable'> {
  return {
    objects: (query) =>
      http.json({
        path: '/v1/objects',
        query: { group: query?.group, match: query?.match, limit: query?.limit },
        signal: query?.signal,
      }),
    object: async (name, query) =>
      http.found({
        path: `/v1/objects/${segment(name)}`,
        query: {
          type: query?.type,
          group: query?.group,
          path: query?.path === undefined ? undefined : JSON.stringify(query.path),
          limit: query?.limit,
        },
        signal: query?.signal,
      }),
    setHas: async (name, value, query) =>
      http.json({
        path: `/v1/objects/${segment(name)}`,
        query: { type: 'set', has: value, group: query?.group },
        signal: query?.signal,
      }),
    change: async (name, operation, query) =>
      http.json({
        method: 'POST',
        path: `/v1/objects/${segment(name)}`,
        query: { group: query?.group },
        body: operation,
        signal: query?.signal,
      }),
    transact: (operations, query) =>
      http.json({
        method: 'POST',
        path: '/v1/transactions',
        query: { group: query?.group },
        body: { operations },
        signal: query?.signal,
      }),
    undo: (query) =>
      http.json({
        method: 'POST',
        path: '/v1/undo',
        query: { group: query?.group },
        body: query?.transaction === undefined ? {} : { transaction: query.transaction },
        signal: query?.signal,
      }),
    undoable: (query) =>
      http.json({ path: '/v1/undo', query: { group: query?.group }, signal: query?.signal }),
  }
}
