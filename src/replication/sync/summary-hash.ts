import { concatBytes, utf8 } from '../../base/bytes.ts'
import { Writer } from '../../base/codec.ts'
import { hash64 } from '../../base/hash.ts'
import type { DigestItem } from './frames.ts'

/** 8 bytes over names and digests of many groups, in the order given. */
export function summaryHash(items: readonly DigestItem[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const item of items) {
    const name = utf8(item.group)
    parts.push(Uint8Array.of(name.length >>> 8, name.length & 255), name, item.digest)
  }
  const { high, low } = hash64(concatBytes(parts))
  return new Writer(8).uint32(high).uint32(low).finish()
}
