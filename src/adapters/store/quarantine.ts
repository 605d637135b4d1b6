import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../common/sync-directory.ts'
import type { DamagedEntry } from './level-rows.ts'
import type { DamagedRow } from './store.ts'

/** In the data directory: one JSON object a line, `{"key","reason","bytes"}`, bytes in base64. */
export const QUARANTINE_NAME = 'quarantine.ndjson'
/**
 * Evidence of a failing disk, kept for people: enough for any real damage, and little enough not to
 * fill the disk when a whole store is damaged. Above it damaged rows are told, not kept.
 */
export const QUARANTINE_BYTES_MAX = 4_194_304

/**
 * Sets damaged rows aside before anything may delete them. Rows met again after a restart are not
 * written twice.
 * @throws the system's error when the file cannot be read or written
 */
export class Quarantine {
  readonly #directory: string
  #lines: Set<string> | undefined
  #bytes = 0
  /** False after a crash in the middle of a line. */
  #endsInLine = true

  /** @param directory the data directory */
  constructor(directory: string) {
    this.#directory = directory
  }

  async keep(entries: readonly DamagedEntry[]): Promise<readonly DamagedRow[]> {
    if (entries.length === 0) return []
    const known = await this.#known()
    const kept: DamagedRow[] = []
    let text = ''
    for (const { key, reason, bytes } of entries) {
      const line = JSON.stringify({ key, reason, bytes: Buffer.from(bytes).toString('base64') })
      const isNew = !known.has(line)
      const isKept = !isNew || this.#bytes + line.length + 1 <= QUARANTINE_BYTES_MAX
      if (isNew && isKept) {
        known.add(line)
        this.#bytes += line.length + 1
        text += `${line}\n`
      }
      kept.push({ key, reason, isKept })
    }
    if (text !== '') await this.#append(text)
    return kept
  }

  async #append(text: string): Promise<void> {
    const file = await open(join(this.#directory, QUARANTINE_NAME), 'a', 0o600)
    try {
      await file.appendFile(this.#endsInLine ? text : `\n${text}`)
      await file.sync()
      this.#endsInLine = true
    } finally {
      await file.close()
    }
    await syncDirectory(this.#directory)
  }

  async #known(): Promise<Set<string>> {
    if (this.#lines !== undefined) return this.#lines
    const path = join(this.#directory, QUARANTINE_NAME)
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
      throw error
    })
    this.#bytes = Buffer.byteLength(text)
    this.#endsInLine = text === '' || text.endsWith('\n')
    this.#lines = new Set(text.split('\n').filter((line) => line !== ''))
    return this.#lines
  }
}
