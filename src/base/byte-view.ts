/** Bytes that hot loops also read and write four at a time. */
export interface ByteView {
  readonly bytes: Uint8Array
  readonly view: DataView
}

export function byteView(bytes: Uint8Array): ByteView {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }
}

/** Longer ranges are copied by the engine. */
const COPIED_MAX = 96

/** Copies `from[start … end)`, which must not overlap its copy. @returns the offset after the copy */
export function copyRange(
  from: ByteView,
  start: number,
  end: number,
  into: ByteView,
  offset: number,
): number {
  if (end - start > COPIED_MAX) {
    into.bytes.set(from.bytes.subarray(start, end), offset)
    return offset + end - start
  }
  const source = from.view
  const target = into.view
  let at = start
  let to = offset
  for (; at + 4 <= end; at += 4, to += 4) target.setInt32(to, source.getInt32(at))
  for (; at < end; at++, to++) target.setInt8(to, source.getInt8(at))
  return to
}

/** Whether two ranges of one length hold the same bytes. */
export function equalRange(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  length: number,
): boolean {
  let at = aStart
  let other = bStart
  const end = aStart + length
  for (; at + 4 <= end; at += 4, other += 4) {
    if (a.getInt32(at) !== b.getInt32(other)) return false
  }
  for (; at < end; at++, other++) if (a.getInt8(at) !== b.getInt8(other)) return false
  return true
}

/** Whether all bytes of a range are below 128. */
export function isAsciiRange({ view }: ByteView, start: number, end: number): boolean {
  let high = 0
  let at = start
  for (; at + 4 <= end; at += 4) high |= view.getInt32(at)
  for (; at < end; at++) high |= view.getInt8(at)
  return (high & 0x80808080) === 0
}
