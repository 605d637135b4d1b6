import { createReadStream } from 'node:fs'
import type { StoreRow } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import {
  BACKUP_VERSION,
  type BackupHeader,
  type BackupTotals,
  BLOCK_HEAD_BYTES,
  type BlockType,
  CHECKSUM_BYTES,
  isSoundBlock,
  PREAMBLE_BYTES,
  readBlockHead,
  readHeader,
  readPreamble,
  readRows,
  readTotals,
} from './backup-format.ts'
import { STORE_FORMAT } from './store.ts'

const READ_BYTES = 1_048_576
const NEWER_HINT = 'Restore it with the newer hearsay that wrote it; nothing was written'

/** What a backup says of itself, after every byte of it was checked. */
export interface BackupInfo extends BackupHeader, BackupTotals {}

/**
 * Reads a backup to its end and hands on its rows, in key order.
 * @param take called with the rows of each block, which are its own no longer than the call
 * @throws {HearsayError} ERR_BACKUP: damaged, cut, of a newer version, or no backup · ENOENT and the like
 */
export async function readBackup(
  file: string,
  take: (rows: readonly StoreRow[]) => Promise<void> | void,
): Promise<BackupInfo> {
  const blocks = new Blocks(file)
  try {
    return await readBlocks(blocks, take)
  } finally {
    await blocks.close()
  }
}

async function readBlocks(
  blocks: Blocks,
  take: (rows: readonly StoreRow[]) => Promise<void> | void,
): Promise<BackupInfo> {
  await blocks.begin()
  const first = await blocks.next()
  const header = first.type === 'header' ? readHeader(first.payload) : undefined
  if (header === undefined) throw blocks.fault('it does not begin with a header')
  if (header.format > STORE_FORMAT) {
    const what = `its rows are of format ${header.format}, this hearsay knows ${STORE_FORMAT}`
    throw blocks.fault(what, NEWER_HINT)
  }
  let rows = 0
  let bytes = 0
  let last = ''
  for (;;) {
    const { type, payload } = await blocks.next()
    if (type === 'end') {
      const totals = readTotals(payload)
      const isWhole = totals?.rows === rows && totals.bytes === bytes
      if (totals === undefined || !isWhole) throw blocks.fault('its totals do not match its rows')
      await blocks.end()
      return { ...header, ...totals }
    }
    const page = type === 'rows' ? readRows(payload) : undefined
    if (page === undefined) throw blocks.fault('a block is not made of rows')
    for (const { key, value } of page) {
      if (key <= last) throw blocks.fault('its rows are out of order')
      last = key
      rows += 1
      bytes += key.length + value.length
    }
    await take(page)
  }
}

/** The blocks of a file, each checked before it is handed on. */
class Blocks {
  readonly #file: string
  readonly #pieces: AsyncIterator<Uint8Array>
  readonly #held: Uint8Array[] = []
  #heldBytes = 0
  #index = 0

  constructor(file: string) {
    this.#file = file
    const stream: AsyncIterable<Uint8Array> = createReadStream(file, { highWaterMark: READ_BYTES })
    this.#pieces = stream[Symbol.asyncIterator]()
  }

  async begin(): Promise<void> {
    const preamble = await this.#bytes(PREAMBLE_BYTES)
    const version = preamble === undefined ? undefined : readPreamble(preamble)
    if (version === undefined) throw this.fault('it is no backup of hearsay', 'Check the file name')
    if (version === BACKUP_VERSION) return
    throw this.fault(`its version is ${version}, this hearsay knows ${BACKUP_VERSION}`, NEWER_HINT)
  }

  async next(): Promise<{ readonly type: BlockType; readonly payload: Uint8Array }> {
    const head = await this.#bytes(BLOCK_HEAD_BYTES)
    if (head === undefined) throw this.fault('it ends early')
    const read = readBlockHead(head)
    if (read === undefined) throw this.fault(`block ${this.#index} is damaged`)
    const rest = await this.#bytes(read.length + CHECKSUM_BYTES)
    if (rest === undefined) throw this.fault('it ends early')
    if (!isSoundBlock(this.#index, head, rest)) throw this.fault(`block ${this.#index} is damaged`)
    this.#index += 1
    return { type: read.type, payload: rest.subarray(0, read.length) }
  }

  /** @throws {HearsayError} when anything follows */
  async end(): Promise<void> {
    if ((await this.#bytes(1)) !== undefined) throw this.fault('bytes follow its end')
  }

  async close(): Promise<void> {
    await this.#pieces.return?.()
  }

  fault(what: string, hint = 'Use another backup; nothing was written'): HearsayError {
    return new HearsayError('ERR_BACKUP', `Cannot use backup ${this.#file}: ${what}`, { hint })
  }

  /** Undefined when the file ends before. Memory follows what the file has, not what it claims. */
  async #bytes(length: number): Promise<Uint8Array | undefined> {
    while (this.#heldBytes < length) {
      const step = await this.#pieces.next().catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error)
        throw this.fault(reason, 'Check the file name')
      })
      if (step.done === true) return undefined
      this.#held.push(step.value)
      this.#heldBytes += step.value.length
    }
    const [only] = this.#held
    const all = this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held)
    this.#held.length = 0
    if (all.length > length) this.#held.push(all.subarray(length))
    this.#heldBytes = all.length - length
    return all.subarray(0, length)
  }
}
