import type { GroupHandle, Json } from '../index.ts'

/** One line of an export: a counter, one value of a set, a register, or one leaf of a map. */
export interface ExportRecord {
  readonly group: string
  readonly name: string
  readonly type: 'counter' | 'set' | 'register' | 'map'
  /** Of maps. */
  readonly path?: readonly string[]
  /** A sum beyond 2^53 − 1 is digits. */
  readonly value: Json
  /** Of registers with several concurrent values: all of them, the winner first. */
  readonly siblings?: readonly Json[]
}

export type ExportFormat = 'ndjson' | 'csv'

/** Text is handed on in pieces of about this size, so that neither side holds more. */
const PIECE_LENGTH = 64 * 1024
const CSV_HEAD = 'group,name,type,path,value\r\n'

/**
 * The objects of groups as text. Each object but a large set is read at one moment; between objects others may
 * write.
 */
export async function* exportText(
  groups: readonly GroupHandle[],
  format: ExportFormat,
): AsyncGenerator<string, void, void> {
  const line = format === 'csv' ? csvLine : ndjsonLine
  let piece = format === 'csv' ? CSV_HEAD : ''
  for await (const record of records(groups)) {
    piece += line(record)
    if (piece.length < PIECE_LENGTH) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

async function* records(groups: readonly GroupHandle[]): AsyncGenerator<ExportRecord, void, void> {
  for (const handle of groups) {
    const group = handle.name
    for (const { name, type } of handle.objects()) {
      const base = { group, name, type }
      switch (type) {
        case 'counter': {
          const { value } = handle.counter(name)
          yield { ...base, value: typeof value === 'bigint' ? value.toString() : value }
          break
        }
        case 'set':
          for (const value of await handle.set(name).list()) yield { ...base, value }
          break
        case 'register': {
          const { value, siblings } = handle.register(name)
          const others = siblings.length > 1 ? { siblings } : {}
          if (value !== undefined) yield { ...base, value, ...others }
          break
        }
        case 'map':
          for (const leaf of leaves(handle.map(name).value, [])) yield { ...base, ...leaf }
          break
      }
    }
  }
}

/** What is an object is a branch: a map reads the same whether JSON was written whole or by its parts. */
function* leaves(
  value: Json,
  path: readonly string[],
): Generator<{ readonly path: readonly string[]; readonly value: Json }, void, void> {
  const isBranch = typeof value === 'object' && value !== null && !Array.isArray(value)
  const parts = isBranch ? Object.entries(value) : []
  if (!isBranch || (parts.length === 0 && path.length > 0)) yield { path, value }
  for (const [key, part] of parts) yield* leaves(part, [...path, key])
}

function ndjsonLine(record: ExportRecord): string {
  return `${JSON.stringify(record)}\n`
}

/** RFC 4180. Texts stand as they are, everything else as JSON; which it was, only NDJSON tells. */
function csvLine({ group, name, type, path, value }: ExportRecord): string {
  const place = (path ?? []).map((part) => part.replaceAll('.', '\\.')).join('.')
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  return `${[group, name, type, place, shown].map(csvCell).join(',')}\r\n`
}

function csvCell(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
