import { type BackupInfo, checkBackup } from '../index.ts'
import { writeWholeFile } from './whole-file.ts'

/**
 * Writes a backup, and reads it back from the disk before it gets its name.
 * @throws {CliError} ERR_FILE when it cannot be written, or exists and `replaces` is false
 */
export function writeBackupFile(
  file: string,
  pieces: AsyncIterable<Uint8Array>,
  { replaces }: { readonly replaces: boolean },
): Promise<BackupInfo> {
  const hint = 'Choose another name, or replace it with --force'
  return writeWholeFile(file, pieces, { replaces, hint, check: checkBackup })
}
