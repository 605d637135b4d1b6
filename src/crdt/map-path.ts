import { isUtf8, readUtf8, utf8BytesMax, writeUtf8 } from '../base/utf8.ts'
import { KEY_BYTES_MAX, PATH_DEPTH_MAX } from './limits.ts'
import { type Cursor, readVarint, varintLength, writeVarint } from './varint.ts'

/*
 * A map path as bytes: each component with its length. Neighbouring leaves share a prefix, which is what
 * the run format leaves out.
 */

/** Bytes that a path takes at most. */
export function pathBytesMax(path: readonly string[]): number {
  let bytes = 0
  for (const component of path) bytes += utf8BytesMax(component) + 2
  return bytes
}

/** Writes a path. @returns the offset after it */
export function writePath(path: readonly string[], bytes: Uint8Array, start: number): number {
  let at = start
  for (const component of path) {
    // The length is not known before: written behind its room first, then moved into place.
    const textAt = at + 2
    const length = writeUtf8(component, bytes, textAt) - textAt
    const lengthBytes = varintLength(length)
    writeVarint(bytes, at, length)
    if (lengthBytes !== 2) bytes.copyWithin(at + lengthBytes, textAt, textAt + length)
    at += lengthBytes + length
  }
  return at
}

/** The components of path bytes that were checked. */
export function readPath(bytes: Uint8Array, start: number, end: number): readonly string[] {
  const path: string[] = []
  const cursor: Cursor = { at: start }
  while (cursor.at < end) {
    const length = readVarint(bytes, cursor)
    path.push(readUtf8(bytes, cursor.at, cursor.at + length))
    cursor.at += length
  }
  return path
}

/** What is wrong with path bytes that somebody else wrote; undefined when nothing is. */
export function pathFault(bytes: Uint8Array, start: number, end: number): string | undefined {
  let at = start
  let depth = 0
  let room = KEY_BYTES_MAX
  while (at < end) {
    let length = bytes[at++] ?? 0
    if (length >= 0x80) {
      const second = bytes[at++] ?? 0
      if (second >= 0x80 || second === 0) return 'path component too long'
      length = (length & 0x7f) | (second << 7)
    }
    room -= length
    depth += 1
    if (length === 0) return 'empty path component'
    if (at + length > end || room < 0) return 'path too long'
    if (!isUtf8(bytes, at, at + length)) return 'malformed UTF-8'
    at += length
  }
  if (depth === 0) return 'empty path'
  return depth > PATH_DEPTH_MAX ? 'path too deep' : undefined
}
