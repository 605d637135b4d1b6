import type { Command } from 'commander'
import { Option } from 'commander'
import type { DhtAnswer, DhtBatch } from '../../http/shapes.ts'
import type { PutResult } from '../../index.ts'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { CliError, EXIT, notFoundError, usageError } from '../errors.ts'
import { durationOption } from '../flags.ts'
import { readInput } from '../input.ts'
import { levelOf, levelOption } from '../level.ts'
import { renderTable } from '../table.ts'
import { plural, printable } from '../text.ts'
import { addExamples, type Settings, type Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

type Entry = NonNullable<DhtBatch['put']>[number]

/** More is refused before it is read: a file of values is no disk image. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024
/** What one request carries: as many as the node takes at once, and no more than it reads in a few turns. */
const REQUEST_ENTRIES_MAX = 1_000
const REQUEST_BYTES_MAX = 4 * 1024 * 1024
const FORM = '{"key":"hello","value":"world"}'

export const verb: Verb = {
  examples: [],
  build(command, act) {
    const put = command
      .command('put <file>')
      .description('store the values of a file, a JSON object a line, or of - for stdin')
      .addOption(
        durationOption('--ttl <duration>', 'forget the values after this time (default 48h)'),
      )
      .addOption(levelOption('how many replicas must have stored each'))
    addExamples(put, [
      ['hearsay batch put values.ndjson', `lines of ${FORM}; "encoding":"base64" for bytes`],
      [`echo '${FORM}' | hearsay batch put -`, 'from stdin'],
    ])
    act(put, async ({ context, operands, settings }) => {
      await withApi(
        context,
        async (client) => {
          const entries = await readEntries(context, operand(operands, 0))
          const stored: PutResult[] = []
          for (const part of parts(entries, ({ key, value }) => key.length + value.length)) {
            const answer = await client.batch({ put: part }, queryOf(context, settings))
            stored.push(...(answer.put ?? []))
          }
          context.print.result({ put: stored }, () => [`stored ${plural(stored.length, 'value')}`])
          tell(context, stored)
        },
        { nodeWaits: true },
      )
    })
    buildGet(command, act)
    addExamples(command, [
      ['hearsay batch put values.ndjson', 'store many values at once'],
      ['hearsay batch get hello hi', 'read many'],
    ])
  },
}

function buildGet(command: Command, act: Parameters<Verb['build']>[1]): void {
  const get = command
    .command('get [key...]')
    .description('print the values of several keys; exit 4 when one has none')
    .addOption(
      new Option('--file <path>', 'read the keys from this file, one a line, or - for stdin'),
    )
    .addOption(levelOption('how many replicas must have told what they hold'))
  addExamples(get, [
    ['hearsay batch get hello hi', 'a table of both'],
    ['hearsay batch get --file keys.txt --json', 'with versions and authors, and what is missing'],
  ])
  act(get, async ({ context, operands, settings }) => {
    const keys = await readKeys(context, operands, settings.text('file'))
    await withApi(
      context,
      async (client) => {
        const values: DhtAnswer[] = []
        const missing: string[] = []
        for (const part of parts(keys, (key) => key.length)) {
          const answer = await client.batch({ get: part }, queryOf(context, settings))
          values.push(...(answer.values ?? []))
          missing.push(...(answer.missing ?? []))
        }
        context.print.result({ values, missing }, () => tableOf(values))
        if (missing.length === 0) return
        const [first = ''] = missing
        const others = missing.length > 1 ? ` and ${plural(missing.length - 1, 'other key')}` : ''
        throw notFoundError(`No value found for ${printable(first)}${others}`)
      },
      { nodeWaits: true },
    )
  })
}

function tableOf(values: readonly DhtAnswer[]): readonly string[] {
  if (values.length === 0) return []
  const rows = values.map(({ key, value, encoding }) => {
    const shown = encoding === 'utf8' ? value : `base64:${value}`
    return [printable(key), printable(shown)]
  })
  return renderTable(['KEY', 'VALUE'], rows)
}

function tell({ print }: Context, stored: readonly PutResult[]): void {
  const superseded = stored.filter((put) => put.superseded === true).length
  if (superseded > 0) {
    print.note(
      `note: of ${plural(superseded, 'key')} a replica already held a newer value, which stays`,
    )
  }
  if (stored.some((put) => put.degraded === true)) {
    print.note('note: fewer members than replicas: more copies follow when others join')
  }
}

function queryOf({ globals }: Context, settings: Settings) {
  const [level, ttlMs, { timeoutMs }] = [levelOf(settings), settings.number('ttl'), globals]
  return {
    ...(level === undefined ? {} : { level }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  }
}

/** The items of each request, in order. */
function* parts<T>(items: readonly T[], sizeOf: (item: T) => number): Generator<readonly T[]> {
  let part: T[] = []
  let size = 0
  for (const item of items) {
    const isFull = part.length === REQUEST_ENTRIES_MAX || size + sizeOf(item) > REQUEST_BYTES_MAX
    if (isFull && part.length > 0) {
      yield part
      part = []
      size = 0
    }
    part.push(item)
    size += sizeOf(item)
  }
  if (part.length > 0) yield part
}

async function readKeys(
  context: Context,
  operands: readonly string[],
  file: string | undefined,
): Promise<readonly string[]> {
  if ((operands.length === 0) === (file === undefined)) {
    throw usageError('Say either keys or --file', 'FILE may be - for stdin')
  }
  return file === undefined ? operands : (await readLines(context, file)).map(({ text }) => text)
}

async function readEntries(context: Context, source: string): Promise<readonly Entry[]> {
  return (await readLines(context, source)).map(({ text, number }) => {
    const entry = entryOf(text)
    if (entry !== undefined) return entry
    throw usageError(`Cannot use line ${number} of ${source}: no value`, `Write lines of ${FORM}`)
  })
}

/** What keys and values may be is the node's to say. */
function entryOf(text: string): Entry | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { key, value: content, encoding = 'utf8' } = value as Readonly<Record<string, unknown>>
  const isKnown = encoding === 'utf8' || encoding === 'base64'
  if (typeof key !== 'string' || typeof content !== 'string' || !isKnown) return undefined
  return { key, value: content, encoding }
}

/** The lines that are not empty, with their numbers. */
async function readLines(
  { io }: Context,
  source: string,
): Promise<readonly { readonly text: string; readonly number: number }[]> {
  const bytes = await readInput(io, source, INPUT_BYTES_MAX)
  if (bytes.length > INPUT_BYTES_MAX) {
    throw new CliError(
      EXIT.failure,
      'ERR_LIMIT',
      `Cannot use ${source}: it is larger than ${INPUT_BYTES_MAX} bytes`,
      { hint: 'Split it into several files' },
    )
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw usageError(`Cannot use ${source}: it is not UTF-8`, `Write lines of ${FORM}`)
  }
  const lines = text.split(/\r?\n/).map((line, i) => ({ text: line, number: i + 1 }))
  const filled = lines.filter((line) => line.text.trim() !== '')
  if (filled.length === 0) throw usageError(`Cannot use ${source}: it is empty`)
  return filled
}
