import { withApi } from '../connect.ts'
import { CliError, EXIT } from '../errors.ts'
import { plural } from '../text.ts'
import type { Verb } from '../verb.ts'
import { operand } from '../verb-parts.ts'

export const verb: Verb = {
  examples: [
    ['hearsay backup monday.backup', 'of the node that runs here, while it goes on'],
    ['hearsay backup monday.backup --node a --force', 'of one node, replacing the file'],
    ['hearsay restore monday.backup --data-dir ./b', 'a data directory of it'],
  ],
  build(command, act) {
    command
      .argument('<file>', 'file to write; it appears when it is whole and on disk')
      .option('--force', 'replace the file if it exists')
    act(command, async ({ context, operands, settings }) => {
      const file = operand(operands, 0)
      const { io, print, globals } = context
      if (globals.curl) print.note('note: add -o FILE')
      const stop = new AbortController()
      const forget = io.onStop(() => stop.abort(stopped(file)))
      try {
        return await withApi(
          context,
          async (client, _target, limit) => {
            const signal = AbortSignal.any([limit, stop.signal])
            const pieces = client.backup({ signal })
            // Asks before anything is made on disk: without a node there is no file.
            const first = await pieces.next()
            const { writeBackupFile } = await import('../backup-file.ts')
            const replaces = settings.flag('force')
            const info = await writeBackupFile(file, resumed(first, pieces), { replaces })
            print.result({ file, ...info }, () => [
              `backed up ${plural(info.rows, 'row')}, ${info.bytes} bytes: ${file}`,
            ])
            if (info.damaged > 0) {
              print.note(
                `note: ${plural(info.damaged, 'row')} that the disk of the node has damaged are not in it; other members hold them`,
              )
            }
            return undefined
          },
          { isTransfer: true },
        )
      } finally {
        forget()
      }
    })
  },
}

async function* resumed(
  first: IteratorResult<Uint8Array, void>,
  pieces: AsyncGenerator<Uint8Array, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  if (first.done === true) return
  yield first.value
  yield* pieces
}

function stopped(file: string): CliError {
  return new CliError(EXIT.failure, 'ERR_STOPPED', `Cannot finish ${file}: told to stop`, {
    hint: 'Nothing of it is left',
  })
}
