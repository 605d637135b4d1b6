/**
 * A backup as bytes:
 *
 *     "hearsay-backup\n" · version (1) · blocks
 *     block: type (1) · length (4) · payload · CRC-32 of the block's number (4), type, length and payload (4)
 *     type 1, the first block: JSON, who wrote it and what · 2: rows · 3, the last block: JSON, totals
 *     row: key · value, each with its length as varint
 *
 * Integers are big-endian. The number of a block is in its checksum, so blocks cannot be left out, doubled
 * or exchanged; the totals tell a whole file from one that ends between two blocks.
 */

import { fromUtf8, utf8 } from '../../base/bytes.ts'
import { decode, readText, Writer } from '../../base/codec.ts'
import type { StoreRow } from '../../base/core.ts'
import { HearsayError } from '../../base/errors.ts'
import { crc32 } from './crc32.ts'

/** A change of the bytes below needs a new number; older versions then refuse the file. */
export const BACKUP_VERSION = 1
/** Whoever writes a block has its rows in memory already, and so has whoever restores them. */
export const BLOCK_BYTES_MAX: number = 512 * 1024 * 1024

const MAGIC = utf8('hearsay-backup\n')
/** Magic and version. */
export const PREAMBLE_BYTES: number = MAGIC.length + 1
/** Type and length. */
export const BLOCK_HEAD_BYTES = 5
export const CHECKSUM_BYTES = 4
/** Header and totals are a few lines. */
const JSON_BYTES_MAX = 65_536
const KEY_BYTES_MAX = 65_536
const BLOCK_TYPES = { header: 1, rows: 2, end: 3 } as const

export type BlockType = keyof typeof BLOCK_TYPES

/** Who wrote a backup, when, and in which format its rows are. */
export interface BackupHeader {
  /** Format of the rows: that of the data directory they came from. */
  readonly format: number
  readonly name: string
  readonly peerId: string
  readonly network: string
  /** Of hearsay. */
  readonly version: string
  /** ISO 8601. */
  readonly createdAt: string
}

/** What a whole backup holds. */
export interface BackupTotals {
  readonly rows: number
  /** Of keys and values. */
  readonly bytes: number
  /** Rows that the disk had damaged: the backup has none of them, other members do. */
  readonly damaged: number
}

export function writePreamble(): Uint8Array {
  return new Writer(PREAMBLE_BYTES).raw(MAGIC).uint8(BACKUP_VERSION).finish()
}

/** @param index number of the block, from 0 @throws {HearsayError} ERR_LIMIT above 512 MiB */
export function writeBlock(type: BlockType, payload: Uint8Array, index: number): Uint8Array {
  if (payload.length > BLOCK_BYTES_MAX) {
    throw new HearsayError(
      'ERR_LIMIT',
      `Cannot back up: a row has ${payload.length} bytes, at most ${BLOCK_BYTES_MAX} fit`,
    )
  }
  const head = new Writer(BLOCK_HEAD_BYTES).uint8(BLOCK_TYPES[type]).uint32(payload.length).finish()
  const block = new Uint8Array(head.length + payload.length + CHECKSUM_BYTES)
  block.set(head)
  block.set(payload, head.length)
  const checksum = checksumOf(index, head, payload)
  new DataView(block.buffer).setUint32(head.length + payload.length, checksum)
  return block
}

export function writeJson(value: BackupHeader | BackupTotals): Uint8Array {
  return utf8(JSON.stringify(value))
}

export function writeRows(rows: readonly StoreRow[]): Uint8Array {
  const bytes = rows.reduce((sum, { key, value }) => sum + key.length + value.length + 16, 0)
  const writer = new Writer(bytes)
  for (const { key, value } of rows) writer.text(key).bytes(value)
  return writer.finish()
}

/** The version that the first bytes of a file tell; undefined when it is no backup. */
export function readPreamble(bytes: Uint8Array): number | undefined {
  return MAGIC.every((byte, i) => bytes[i] === byte) ? bytes[MAGIC.length] : undefined
}

/** The type and length that a block's head says; undefined when it can be none. */
export function readBlockHead(
  head: Uint8Array,
): { readonly type: BlockType; readonly length: number } | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const length = view.getUint32(1)
  const number = view.getUint8(0)
  const max = number === BLOCK_TYPES.rows ? BLOCK_BYTES_MAX : JSON_BYTES_MAX
  if (length > max) return undefined
  if (number === BLOCK_TYPES.header) return { type: 'header', length }
  if (number === BLOCK_TYPES.rows) return { type: 'rows', length }
  return number === BLOCK_TYPES.end ? { type: 'end', length } : undefined
}

/** @param rest payload and checksum */
export function isSoundBlock(index: number, head: Uint8Array, rest: Uint8Array): boolean {
  const payload = rest.subarray(0, rest.length - CHECKSUM_BYTES)
  const stored = new DataView(rest.buffer, rest.byteOffset + payload.length).getUint32(0)
  return stored === checksumOf(index, head, payload)
}

/** Undefined when the payload is no header. */
export function readHeader(payload: Uint8Array): BackupHeader | undefined {
  const value = jsonObject(payload)
  const texts = ['name', 'peerId', 'network', 'version', 'createdAt']
  const isHeader = isCount(value?.format) && texts.every((key) => typeof value?.[key] === 'string')
  return isHeader ? (value as unknown as BackupHeader) : undefined
}

/** Undefined when the payload is no end. */
export function readTotals(payload: Uint8Array): BackupTotals | undefined {
  const value = jsonObject(payload)
  const isEnd = isCount(value?.rows) && isCount(value?.bytes) && isCount(value?.damaged)
  return isEnd ? (value as unknown as BackupTotals) : undefined
}

/** Undefined when the payload is not made of rows. */
export function readRows(payload: Uint8Array): readonly StoreRow[] | undefined {
  const read = decode(payload, (reader) => {
    const rows: StoreRow[] = []
    while (reader.remaining > 0) {
      const key = readText(reader, KEY_BYTES_MAX)
      rows.push({ key, value: reader.bytes(BLOCK_BYTES_MAX) })
    }
    return rows
  })
  return read.ok && read.value.every(({ key }) => /^[ -~]+$/.test(key)) ? read.value : undefined
}

function checksumOf(index: number, head: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(head, crc32(new Writer(4).uint32(index).finish())))
}

function jsonObject(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(payload))
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
