import { type Decoded, DecodeError, decode, Writer } from '../../base/codec.ts'
import type { StoreWrite } from '../../base/core.ts'
import { type BaseItem, type BaseWriter, readHead, writeHead, writeItems } from '../base/base.ts'
import { BaseWalk, headOf } from '../base/base-walk.ts'
import type { Group } from '../group/group.ts'
import { baseKey, logKey, manifestKey } from './rows.ts'

/*
 * A snapshot: a base in the store, so that neither a start nor the disk depends on how long the log is. It is
 * written in steps while the group goes on; what changes meanwhile is in the log's rows from `sequence` on,
 * which a start replays onto it. The manifest makes it valid, in one batch with the end of the one before.
 *
 *   manifest: version (1) · epoch · chunks · sequence · whole from · stamp · head
 */

const VERSION = 1
/** An item is up to 32 KiB: a chunk is worth its row. */
const CHUNK_ITEMS = 2

export interface Manifest {
  readonly epoch: number
  readonly chunks: number
  /** Rows of the log from here on are not covered. */
  readonly sequence: number
  /** With the rows below this one it is a state; with fewer it may lack what they replaced. */
  readonly wholeFrom: number
  /** Highest stamp covered. */
  readonly stamp: number
  readonly head: readonly BaseWriter[]
}

/** Reads a manifest. Never throws. */
export function decodeManifest(bytes: Uint8Array): Decoded<Manifest> {
  return decode(bytes, (reader) => {
    if (reader.uint8() !== VERSION) throw new DecodeError('unknown version')
    const epoch = reader.varint()
    const chunks = reader.varint()
    const sequence = reader.varint()
    const wholeFrom = reader.varint()
    const stamp = reader.varint()
    const head = readHead(reader)
    reader.end()
    return { epoch, chunks, sequence, wholeFrom, stamp, head }
  })
}

/** Items as a row's value. */
export function encodeItems(items: readonly BaseItem[]): Uint8Array {
  let bytes = 16
  for (const item of items) bytes += item.bytes.length + 32
  const writer = new Writer(bytes)
  writeItems(writer, items)
  return writer.finish()
}

/** Writes one group's snapshot, a step at a time. */
export class SnapshotJob {
  readonly #group: Group
  readonly #manifest: {
    epoch: number
    sequence: number
    stamp: number
    head: readonly BaseWriter[]
  }
  readonly #walk: BaseWalk
  #chunks = 0
  #bytes = 0

  /** Begins with everything that is in rows below the group's next one. */
  constructor(group: Group, stamp: number) {
    const head = headOf(group.state)
    this.#group = group
    this.#manifest = { epoch: group.epoch + 1, sequence: group.sequence, stamp, head }
    this.#walk = new BaseWalk(group.state, head, [])
  }

  /** Rows of the next step, one atomic batch; `isDone` with the last. */
  step(): { readonly writes: readonly StoreWrite[]; readonly isDone: boolean } {
    const items: BaseItem[] = []
    while (items.length < CHUNK_ITEMS && !this.#walk.isDone) {
      const item = this.#walk.next()
      if (item !== undefined) items.push(item)
    }
    const writes: StoreWrite[] = []
    if (items.length > 0) {
      const value = encodeItems(items)
      writes.push({ key: baseKey(this.#group.name, this.#manifest.epoch, this.#chunks), value })
      this.#chunks += 1
      this.#bytes += value.length
    }
    if (!this.#walk.isDone) return { writes, isDone: false }
    writes.push(...this.#finish())
    return { writes, isDone: true }
  }

  #finish(): readonly StoreWrite[] {
    const group = this.#group
    const { epoch, sequence, stamp, head } = this.#manifest
    const writer = new Writer(256).uint8(VERSION).varint(epoch).varint(this.#chunks)
    writer.varint(sequence).varint(group.sequence).varint(stamp)
    writeHead(writer, head)
    const writes: StoreWrite[] = [{ key: manifestKey(group.name), value: writer.finish() }]
    for (let i = 0; i < group.chunks; i++) {
      writes.push({ key: baseKey(group.name, group.epoch, i), value: undefined })
    }
    group.epoch = epoch
    group.chunks = this.#chunks
    group.coveredBy = sequence
    group.snapshotBytes = this.#bytes
    return writes
  }
}

/** Deletes of log rows. */
export function forgottenRows(group: Group, sequences: readonly number[]): readonly StoreWrite[] {
  return sequences.map((sequence) => ({ key: logKey(group.name, sequence), value: undefined }))
}
