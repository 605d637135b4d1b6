import { readUtf8, utf8BytesMax, writeUtf8 } from '../base/utf8.ts'
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
