import { Option } from 'commander'
import { withApi } from '../connect.ts'
import type { Context } from '../context.ts'
import { formatDuration } from '../duration.ts'
import { CliError, EXIT, usageError } from '../errors.ts'
import { durationOption } from '../flags.ts'
import { readInput } from '../input.ts'
import { addKeyKinds, ifVersionOption, keyQuery } from '../key-kind.ts'
import { levelOption } from '../level.ts'
import { plural, printable } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

/** Values of the API end here; the node says so too, but reading a disk image first helps nobody. */
const VALUE_BYTES_MAX = 64 * 1024 * 1024

export const verb: Verb = {
  examples: [
    ['hearsay put hello world', 'store text'],
    ['hearsay put notes --file notes.txt --ttl 1h', 'store a file for an hour'],
    ['date | hearsay put now -', 'store what comes in on stdin'],
    ['hearsay put hello world --level all', 'wait for every replica'],
    ['hearsay put status busy --own --if-version none', 'a name that only this node can write'],
    ['hearsay put - --immutable --file notes.txt', 'under its own SHA-256, which is printed'],
  ],
  build(command, act) {
    addKeyKinds(command)
      .argument('<key>', 'key of the value; with --immutable its hash, or -')
      .argument('[value]', 'the value, or - for stdin')
      .addOption(new Option('--file <path>', 'store the content of this file'))
      .addOption(
        durationOption('--ttl <duration>', 'forget the value after this time (default 48h)'),
      )
      .addOption(levelOption('how many replicas must have stored it'))
      .addOption(ifVersionOption())
    act(command, async ({ context, operands, settings }) => {
      const key = operand(operands, 0)
      const value = await readValue(context, operands[1], settings.text('file'))
      const ttlMs = settings.number('ttl')
      const { timeoutMs } = context.globals
      return await withApi(
        context,
        async (client) => {
          const put = await client.put(key, value, {
            ...keyQuery(settings),
            ...(ttlMs === undefined ? {} : { ttlMs }),
            ...(timeoutMs === undefined ? {} : { timeoutMs }),
          })
          context.print.result(put, () => [
            `stored ${printable(put.key)} on ${plural(put.acks, 'replica')} ` +
              `(${put.required} needed) in ${formatDuration(put.elapsedMs)}: ${put.replicas.map(printable).join(', ')}`,
          ])
          if (put.superseded === true) {
            context.print.note('note: a replica already held a newer value, which stays')
          }
          if (put.degraded === true) {
            context.print.note(
              'note: fewer members than replicas: more copies follow when others join',
            )
          }
        },
        { nodeWaits: true },
      )
    })
  },
}

async function readValue(
  context: Context,
  word: string | undefined,
  file: string | undefined,
): Promise<Uint8Array> {
  if ((word === undefined) === (file === undefined)) {
    throw usageError('Say either VALUE or --file', 'VALUE may be - for stdin')
  }
  if (file === undefined && word !== '-') return limited(new TextEncoder().encode(word))
  return limited(await readInput(context.io, file ?? '-', VALUE_BYTES_MAX))
}

function limited(value: Uint8Array): Uint8Array {
  if (value.length <= VALUE_BYTES_MAX) return value
  throw new CliError(
    EXIT.failure,
    'ERR_LIMIT',
    `Cannot store the value: it is larger than ${VALUE_BYTES_MAX} bytes`,
    { hint: 'Store the parts under keys of their own' },
  )
}
