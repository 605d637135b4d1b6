import { type Call, groupQuery, type Route } from './call.ts'
import { type ExportFormat, exportText } from './export.ts'
import { type Operation, readQuery } from './operation.ts'
import { exportRecordSchema } from './schemas/event-schemas.ts'
import { exportFormat, oneGroup } from './schemas/query-fields.ts'
import { encoded, streamOf } from './streamed.ts'

const TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
}
const QUERY = { format: exportFormat, group: oneGroup }

/** `GET /v1/export?format=ndjson|csv`: what all groups hold, or the one that `?group=` names. */
export function exportRoutes(): readonly Route[] {
  const operation: Operation = {
    id: 'export',
    summary: 'What the groups hold, as lines of JSON or as CSV',
    query: QUERY,
    answers: {
      200: {
        description: 'One line per value',
        media: ['application/x-ndjson', 'text/csv'],
        items: exportRecordSchema,
      },
    },
  }
  return [{ method: 'GET', path: '/v1/export', operation, handle: exportAll }]
}

function exportAll(call: Call): Response {
  const { node, url } = call
  const { format, group } = readQuery(url, QUERY)
  const groups =
    group === undefined ? node.groups().map((name) => node.group(name)) : [groupQuery(call)]
  return new Response(streamOf(encoded(exportText(groups, format))), {
    headers: {
      'content-type': TYPES[format],
      // What others wrote must never run under this origin.
      'content-disposition': `attachment; filename="hearsay.${format}"`,
    },
  })
}
