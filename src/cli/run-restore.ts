import { resolve } from 'node:path'
import { type BackupInfo, type RestoreOptions, restoreBackup } from '../index.ts'
import type { Context } from './context.ts'
import { plural, printable } from './text.ts'

/** `hearsay restore`: makes a data directory of a backup, without any node. */
export async function runRestore(
  context: Context,
  file: string,
  options: RestoreOptions,
): Promise<undefined> {
  const dataDir = resolve(options.dataDir)
  const info = await restoreBackup(file, { ...options, dataDir })
  context.print.result({ file, dataDir, ...info }, () => [
    `restored ${plural(info.rows, 'row')} of ${describe(info)} into ${dataDir}`,
  ])
  context.print.note(`note: start it with: ${context.io.program} up ${upFlags(info, options)}`)
  return undefined
}

function describe({ name, network, createdAt }: BackupInfo): string {
  return `node ${printable(name)}, network ${printable(network)}, as of ${printable(createdAt)},`
}

function upFlags({ network }: BackupInfo, { dataDir }: RestoreOptions): string {
  const isDefault = network === 'hearsay'
  return `--data-dir ${dataDir}${isDefault ? '' : ` --network ${printable(network)}`}`
}
