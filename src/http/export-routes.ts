import { type Call, groupQuery, type Route } from './call.ts'
import { type ExportFormat, exportText } from './export.ts'
import { invalid } from './problem.ts'
import { encoded, streamOf } from './streamed.ts'

const TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
}

/** `GET /v1/export?format=ndjson|csv`: what all groups hold, or the one that `?group=` names. */
export function exportRoutes(): readonly Route[] {
  return [{ method: 'GET', path: '/v1/export', handle: exportAll }]
}

function exportAll(call: Call): Response {
  const { node, url } = call
  const format = url.searchParams.get('format') ?? 'ndjson'
  if (format !== 'ndjson' && format !== 'csv') {
    throw invalid(`Cannot use format: expected ndjson or csv: ${format.slice(0, 100)}`)
  }
  const isOne = url.searchParams.has('group')
  const groups = isOne ? [groupQuery(call)] : node.groups().map((name) => node.group(name))
  return new Response(streamOf(encoded(exportText(groups, format))), {
    headers: {
      'content-type': TYPES[format],
      // What others wrote must never run under this origin.
      'content-disposition': `attachment; filename="hearsay.${format}"`,
    },
  })
}
