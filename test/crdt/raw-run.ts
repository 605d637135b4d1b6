import { concatBytes, fromHex, utf8 } from '../../src/base/bytes.ts'
import { Writer } from '../../src/base/codec.ts'
import { RUN_VERSION } from '../../src/crdt/run-format.ts'

/** A number is a varint, text is hexadecimal. */
export type Part = number | string | Uint8Array

/** Bytes by hand, for runs that no writer of ours makes. */
export function raw(...parts: readonly Part[]): Uint8Array {
  return concatBytes(parts.map(bytesOf))
}

/** Text after its length in bytes. */
export function text(value: string): Uint8Array {
  const bytes = utf8(value)
  return raw(bytes.length, bytes)
}

interface RawHead {
  readonly version?: number
  readonly n0?: Part
  readonly count?: Part
  readonly stamp?: Part
}

export const WRITER = 'aa'.repeat(16)
export const OTHER = 'bb'.repeat(16)
const CHAIN = '00'.repeat(8)

/** A run of `count` (1) events from n0 (1) on with an untrue chain, which reading does not look at. */
export function rawRun(head: RawHead, ...body: readonly Part[]): Uint8Array {
  const { version = RUN_VERSION, n0 = 1, count = 1, stamp = 0 } = head
  const start = raw(Uint8Array.of(version), WRITER, n0, count, stamp)
  return raw(start, ...body, version === RUN_VERSION ? CHAIN : '')
}

function bytesOf(part: Part): Uint8Array {
  if (typeof part === 'number') return new Writer().varint(part).finish()
  if (typeof part !== 'string') return part
  const bytes = fromHex(part)
  if (bytes === undefined) throw new Error(`no hexadecimal: ${part}`)
  return bytes
}
